"""Weighted metrics beside scikit-learn's sample weights and beside images that are really repeated."""

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from pipeline.evaluation import metrics
from pipeline.evaluation.weighting import weighted_score

METRICS = (
    "accuracy",
    "balanced_accuracy",
    "f1",
    "roc_auc",
    "average_precision",
    "log_loss",
    "brier",
    "calibration_error",
)
GROUPS = 12


def images(classes, seed=0, count=150):
    """Truth, probabilities with ties, and groups of unequal size."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, classes, count)
    odds = np.exp(random.normal(size=(count, classes)) + np.eye(classes)[truth]).round(1) + 0.1
    return truth, odds / odds.sum(axis=1, keepdims=True), np.sort(random.integers(0, GROUPS, count))


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("metric", METRICS)
def test_a_weight_counts_as_often_as_its_images_repeated(metric, classes):
    truth, probabilities, groups = images(classes)
    weights = np.random.default_rng(1).multinomial(GROUPS, np.full(GROUPS, 1 / GROUPS), size=20).astype(float)
    found = weighted_score(metric, truth, probabilities, groups, count=GROUPS)(weights)
    for weight, score in zip(weights, found, strict=True):
        repeated = np.repeat(np.arange(len(truth)), weight[groups].astype(int))
        assert score == pytest.approx(dict(metrics.scores(truth[repeated], probabilities[repeated]))[metric])


@pytest.mark.parametrize("metric", METRICS)
def test_with_equal_weights_a_metric_is_what_the_evaluation_says(metric):
    truth, probabilities, groups = images(3, seed=2)
    score = weighted_score(metric, truth, probabilities, groups, count=GROUPS)(np.full((1, GROUPS), 2.0))
    assert score[0] == pytest.approx(dict(metrics.scores(truth, probabilities))[metric], abs=1e-12)


def test_fractions_weigh_as_in_scikit_learn():
    truth, probabilities, groups = images(2, seed=3)
    weights = np.random.default_rng(4).random((5, GROUPS))
    of = {
        "accuracy": lambda said, weight: sklearn_metrics.accuracy_score(truth, said > 0.5, sample_weight=weight),
        "f1": lambda said, weight: sklearn_metrics.f1_score(truth, said > 0.5, sample_weight=weight),
        "roc_auc": lambda said, weight: sklearn_metrics.roc_auc_score(truth, said, sample_weight=weight),
        "average_precision": lambda said, weight: sklearn_metrics.average_precision_score(
            truth, said, sample_weight=weight
        ),
        "log_loss": lambda said, weight: sklearn_metrics.log_loss(truth, said, sample_weight=weight),
        "brier": lambda said, weight: sklearn_metrics.brier_score_loss(truth, said, sample_weight=weight),
    }
    for metric, expected in of.items():
        found = weighted_score(metric, truth, probabilities, groups, count=GROUPS)(weights)
        assert found == pytest.approx([expected(probabilities[:, 1], weight[groups]) for weight in weights])


@pytest.mark.parametrize("metric", ["roc_auc", "average_precision"])
def test_a_drawing_of_one_class_has_no_score(metric):
    truth, probabilities = np.array([0, 0, 1, 1]), np.array([[0.8, 0.2], [0.6, 0.4], [0.3, 0.7], [0.5, 0.5]])
    score = weighted_score(metric, truth, probabilities, np.arange(4), count=4)
    assert np.isnan(score(np.array([[1.0, 3, 0, 0], [0, 0, 2, 2], [0, 0, 0, 0]]))).all()
    assert np.isfinite(score(np.ones((1, 4)))).all()


def test_images_with_a_probability_that_is_not_finite_have_no_score():
    score = weighted_score("accuracy", np.array([0, 1]), np.full((2, 2), np.nan), np.arange(2), count=2)
    assert np.isnan(score(np.ones((3, 2)))).all()


def test_a_metric_that_does_not_exist_is_told():
    with pytest.raises(ValueError, match="Received 'top_5'; available: accuracy, "):
        weighted_score("top_5", np.array([0]), np.ones((1, 1)), np.zeros(1, int), count=1)
