"""Weighted metrics agree with scikit-learn's sample weights and with repeated images."""

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from pipeline.errors import UserError
from pipeline.evaluation import metrics
from pipeline.evaluation.metrics import METRICS, weighted_score

GROUPS = 12


def images(classes, seed=0, count=150):
    """Truth, probabilities with ties, and groups of unequal size."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, classes, count)
    odds = np.exp(random.normal(size=(count, classes)) + np.eye(classes)[truth]).round(1) + 0.1
    return truth, odds / odds.sum(axis=1, keepdims=True), np.sort(random.integers(0, GROUPS, count))


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("metric", METRICS)
def test_an_integer_weight_equals_repeating_the_images(metric, classes):
    truth, probabilities, groups = images(classes)
    weights = np.random.default_rng(1).multinomial(GROUPS, np.full(GROUPS, 1 / GROUPS), size=20).astype(float)
    found = weighted_score(metric, truth, probabilities, groups, count=GROUPS)(weights)
    for weight, score in zip(weights, found, strict=True):
        repeated = np.repeat(np.arange(len(truth)), weight[groups].astype(int))
        assert score == pytest.approx(dict(metrics.scores(truth[repeated], probabilities[repeated]))[metric])


@pytest.mark.parametrize("metric", METRICS)
def test_equal_weights_give_the_unweighted_score(metric):
    truth, probabilities, groups = images(3, seed=2)
    score = weighted_score(metric, truth, probabilities, groups, count=GROUPS)(np.full((1, GROUPS), 2.0))
    assert score[0] == pytest.approx(dict(metrics.scores(truth, probabilities))[metric], abs=1e-12)


@pytest.mark.parametrize(
    ("metric", "scikit_learns"),
    [
        ("accuracy", sklearn_metrics.accuracy_score),
        ("balanced_accuracy", sklearn_metrics.balanced_accuracy_score),
        ("f1", sklearn_metrics.f1_score),
        ("matthews", sklearn_metrics.matthews_corrcoef),
        ("kappa", sklearn_metrics.cohen_kappa_score),
        ("roc_auc", sklearn_metrics.roc_auc_score),
        ("average_precision", sklearn_metrics.average_precision_score),
        ("log_loss", sklearn_metrics.log_loss),
        ("brier", sklearn_metrics.brier_score_loss),
    ],
)
def test_fractional_weights_give_the_scores_of_scikit_learn(metric, scikit_learns):
    truth, probabilities, groups = images(2, seed=3)
    weights = np.random.default_rng(4).random((5, GROUPS))
    takes_probabilities = metric in ("roc_auc", "average_precision", "log_loss", "brier")
    predicted = probabilities[:, 1] if takes_probabilities else probabilities.argmax(axis=1)
    found = weighted_score(metric, truth, probabilities, groups, count=GROUPS)(weights)
    assert found == pytest.approx([scikit_learns(truth, predicted, sample_weight=weight[groups]) for weight in weights])


@pytest.mark.parametrize(
    ("metric", "scikit_learns"),
    [("matthews", sklearn_metrics.matthews_corrcoef), ("kappa", sklearn_metrics.cohen_kappa_score)],
)
def test_fractional_weights_of_four_classes_give_the_scores_of_scikit_learn(metric, scikit_learns):
    truth, probabilities, groups = images(4, seed=3)
    weights = np.random.default_rng(4).random((5, GROUPS))
    predicted = probabilities.argmax(axis=1)
    found = weighted_score(metric, truth, probabilities, groups, count=GROUPS)(weights)
    assert found == pytest.approx([scikit_learns(truth, predicted, sample_weight=weight[groups]) for weight in weights])


@pytest.mark.parametrize("metric", [name for name, metric in METRICS.items() if metric.needs_two_classes])
def test_a_resample_with_a_single_class_has_no_score(metric):
    truth, probabilities = np.array([0, 0, 1, 1]), np.array([[0.8, 0.2], [0.6, 0.4], [0.3, 0.7], [0.5, 0.5]])
    score = weighted_score(metric, truth, probabilities, np.arange(4), count=4)
    assert np.isnan(score(np.array([[1.0, 3, 0, 0], [0, 0, 2, 2], [0, 0, 0, 0]]))).all()
    assert np.isfinite(score(np.ones((1, 4)))).all()


def test_probabilities_that_are_not_finite_have_no_score():
    score = weighted_score("accuracy", np.array([0, 1]), np.full((2, 2), np.nan), np.arange(2), count=2)
    assert np.isnan(score(np.ones((3, 2)))).all()


def test_an_unknown_metric_raises_an_error():
    with pytest.raises(UserError, match=r"Unknown metric 'top_5'\. Available: accuracy, "):
        weighted_score("top_5", np.array([0]), np.ones((1, 1)), np.zeros(1, int), count=1)
