import numpy as np
import pytest

from pipeline.studies.certainty.simulated_comparisons import LOW_VARIANCE, crossed, redrawn, signal_for, true_accuracy


def test_the_true_accuracy_is_the_accuracy_on_very_many_images():
    tested = crossed({"one": LOW_VARIANCE}, 40, 4000)(np.random.default_rng(0))["one"]
    correct = np.mean([one.probabilities.argmax(axis=1) == one.truth for one in tested])
    assert correct == pytest.approx(true_accuracy(1.0), abs=0.01)


def test_the_signal_for_a_difference_raises_the_accuracy_by_that_difference():
    assert true_accuracy(signal_for(0.03)) - true_accuracy(1.0) == pytest.approx(0.03)


def test_folds_test_every_group_exactly_once():
    tested = redrawn(5, 10, folds=True)(np.random.default_rng(0))["one"]
    assert sorted(group for one in tested for group in np.unique(one.groups)) == list(range(10))


def test_both_models_of_a_replicate_have_the_same_test_images():
    tested = redrawn(4, 12, folds=False)(np.random.default_rng(0))
    for one, other in zip(tested["one"], tested["other"], strict=True):
        np.testing.assert_array_equal(one.images, other.images)
        assert not np.array_equal(one.probabilities, other.probabilities)
