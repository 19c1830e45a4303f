import numpy as np
import pytest

from pipeline.studies.certainty.simulated_learners import FOLDS, LEARNERS, Learners, folded, locked, resampled

EQUAL = {"one": 1.0, "other": 1.0}


@pytest.mark.parametrize("name", LEARNERS)
def test_folds_test_every_group_once_per_repetition_with_both_classes(name):
    tested = folded(LEARNERS[name], EQUAL, 2, 12)(np.random.default_rng(0))["one"]
    for repetition in (tested[:FOLDS], tested[FOLDS:]):
        assert sorted(group for one in repetition for group in np.unique(one.groups)) == list(range(12))
    assert all(set(one.truth) == {0, 1} for one in tested)


def test_both_models_of_a_replicate_have_the_same_test_images():
    tested = resampled(Learners(), EQUAL, 4, 12)(np.random.default_rng(0))
    for one, other in zip(tested["one"], tested["other"], strict=True):
        np.testing.assert_array_equal(one.images, other.images)
        assert not np.array_equal(one.probabilities, other.probabilities)


def test_all_replicates_share_a_locked_test_set_of_a_quarter_of_the_groups():
    tested = locked(Learners(), EQUAL, 3, 12)(np.random.default_rng(0))["one"]
    assert all(np.array_equal(one.images, tested[0].images) for one in tested)
    assert len(np.unique(tested[0].groups)) == 3


def test_a_training_is_a_ridge_regression_on_the_other_groups():
    learners = Learners(features=2, penalty=1e6)
    weak = folded(learners, EQUAL, 1, 10)(np.random.default_rng(1))["one"]
    assert np.abs(np.concatenate([one.probabilities for one in weak]) - 0.5).max() < 0.01
    assert all(one.trained_on < 80 for one in weak)


def test_a_stronger_signal_gives_a_better_model_and_a_failed_training_learns_nothing():
    def accuracy(strength, collapses):
        simulate = folded(Learners(collapses=collapses), {"model": strength}, 1, 100)
        tested = simulate(np.random.default_rng(2))["model"]
        return np.mean([np.mean(one.probabilities.argmax(axis=1) == one.truth) for one in tested])

    assert accuracy(1.0, 0.0) + 0.1 < accuracy(2.0, 0.0)
    assert accuracy(2.0, 1.0) == pytest.approx(0.5, abs=0.06)
