"""Scores of every class, against scikit-learn and against the intervals of the metrics."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import precision_recall_fscore_support

from pipeline.evaluation.predictions import Predictions
from pipeline.statistics.analysis import analyse
from pipeline.statistics.class_scores import SCORES, class_scores

RNG = np.random.default_rng(0)


def predicted(classes, *, images=120, groups=12, first=0):
    """Predictions that are right for about two of three images."""
    truth = np.arange(images) % classes
    probabilities = RNG.random((images, classes)) + 0.8 * np.eye(classes)[truth] * (RNG.random(images) < 0.7)[:, None]
    return Predictions(
        images=np.arange(first, first + images),
        groups=first + np.arange(images) * groups // images,
        classes=np.array([f"class {label}" for label in range(classes)]),
        truth=truth,
        probabilities=probabilities / probabilities.sum(axis=1, keepdims=True),
        trained_on=4 * images,
    )


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_scores_are_the_means_over_replicates_of_those_of_scikit_learn(classes):
    replicates = [predicted(classes) for _ in range(3)]
    expected = np.mean(
        [
            precision_recall_fscore_support(one.truth, one.probabilities.argmax(axis=1), zero_division=0)[:3]
            for one in replicates
        ],
        axis=0,
    )
    found = class_scores(replicates)
    assert [one.name for one in found] == [f"class {label}" for label in range(classes)]
    np.testing.assert_allclose([[one.scores[score].mean for one in found] for score in SCORES], expected)
    assert {one.images for one in found} == {120 // classes} and {one.replicates for one in found} == {3}


DESIGNS = {
    "crossed": ([predicted(2) for _ in range(5)], 0),
    "folds": ([predicted(2, first=1000 * (number % 3)) for number in range(6)], 3),
    "redrawn": ([predicted(2, first=60 * number) for number in range(5)], 0),
    "replicates": ([replace(one, groups=np.zeros(120, int)) for one in (predicted(2) for _ in range(5))], 0),
}


@pytest.mark.parametrize("design", DESIGNS)
def test_f1_of_the_positive_class_has_the_interval_of_the_metric_f1(design):
    replicates, folds = DESIGNS[design]
    certainty = analyse("f1", {"model": replicates}, margin=0.01, folds=folds)
    assert certainty.design == design
    found = class_scores(replicates, folds=folds)[1].scores["f1"]
    (expected,) = certainty.estimates
    np.testing.assert_allclose((found.mean, found.low, found.high), (expected.mean, expected.low, expected.high))
    assert 0 < found.low < found.mean < found.high < 1


def test_a_class_that_is_never_predicted_has_precision_zero():
    one = replace(predicted(3), probabilities=np.tile([0.5, 0.5, 0.0], (120, 1)))
    never = class_scores([one, one])[2]
    assert [never.scores[score].mean for score in SCORES] == [0, 0, 0]


def test_a_class_counts_only_in_the_replicates_whose_test_images_contain_it():
    """As in a fold that lacks a class."""
    with_it, without = predicted(3), predicted(2, first=1000)
    without = replace(without, classes=with_it.classes, probabilities=np.eye(3)[without.truth])
    found = class_scores([with_it, without])[2]
    assert (found.replicates, found.images) == (1, 40)
    assert found.scores["recall"].mean == class_scores([with_it])[2].scores["recall"].mean


def test_a_class_without_any_test_image_has_no_score():
    one = replace(predicted(2), classes=np.array(["a", "b", "c"]), probabilities=np.tile([0.5, 0.3, 0.2], (120, 1)))
    missing = class_scores([one])[2]
    assert (missing.replicates, missing.images) == (0, 0)
    assert all(np.isnan(score.mean) for score in missing.scores.values())


def test_the_interval_is_unknown_if_a_single_group_has_all_images_of_a_class():
    one = predicted(2)
    one = replace(one, truth=(one.groups == 0).astype(np.int64))
    recall = class_scores([one, one])[1].scores["recall"]
    assert np.isfinite(recall.mean) and np.isnan(recall.low) and np.isnan(recall.high)


@pytest.mark.parametrize("folds", [0, 2])
def test_groups_without_images_of_a_class_do_not_narrow_the_interval_of_its_recall(folds):
    """Six of 12 groups of a fold, or of the test set, have the class: the interval is that of these six alone."""

    def tested(number):
        one = predicted(2, first=1000 * (number % folds) if folds else 0)
        return replace(one, truth=np.where(one.groups % 2, one.truth, 0))

    def with_the_class(one):
        kept = one.groups % 2 == 1
        fields = ("images", "groups", "truth", "probabilities")
        return replace(one, **{field: getattr(one, field)[kept] for field in fields})

    whole = [tested(number) for number in range(4)]
    recall, alone = (
        class_scores(replicates, folds=folds)[1].scores["recall"]
        for replicates in (whole, [with_the_class(one) for one in whole])
    )
    np.testing.assert_allclose((recall.mean, recall.low, recall.high), (alone.mean, alone.low, alone.high))
    assert 0 < recall.low < recall.high < 1


def exactly(right, trials):
    """The interval of SciPy for a share of independent trials."""
    found = binomtest(right, trials).proportion_ci(0.95, "exact")
    return found.low, found.high


def predicted_as(truth, labels, groups):
    return Predictions(
        images=np.arange(len(truth)),
        groups=np.asarray(groups),
        classes=np.array(["a", "b"]),
        truth=np.asarray(truth),
        probabilities=np.eye(2)[labels],
        trained_on=100,
    )


def ends(score):
    return score.low, score.high


def test_a_class_without_any_error_has_an_exact_interval():
    (first, second) = class_scores([predicted_as([0] * 30 + [1] * 45, [0] * 30 + [1] * 45, range(75))])
    for found, images in ((first, 30), (second, 45)):
        low, high = exactly(images, images)
        assert ends(found.scores["recall"]) == ends(found.scores["precision"]) == pytest.approx((low, high))
        assert ends(found.scores["f1"]) == pytest.approx((2 * low / (1 + low), high))


def test_a_class_that_is_never_recognised_has_an_exact_interval():
    (found, _) = class_scores([predicted_as([0] * 10 + [1] * 20, [1] * 10 + [0] * 5 + [1] * 15, range(30))])
    assert ends(found.scores["recall"]) == pytest.approx(exactly(0, 10))
    assert ends(found.scores["precision"]) == pytest.approx(exactly(0, 5))
    high = exactly(0, 15)[1]
    assert ends(found.scores["f1"]) == pytest.approx((0, 2 * high / (1 + high)))


def test_without_any_error_groups_of_images_count_instead_of_images():
    truth = [0, 1] * 20
    for found in class_scores([predicted_as(truth, truth, np.arange(40) // 8)]):
        assert ends(found.scores["recall"]) == pytest.approx(exactly(5, 5))
