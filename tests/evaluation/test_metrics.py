"""Metrics agree with scikit-learn and with numbers worked by hand."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn import metrics as others

from pipeline.errors import UserError
from pipeline.evaluation.class_outputs import class_probabilities
from pipeline.evaluation.metrics import LOWER_IS_BETTER, METRICS, confusion, metric_named, scores


def simulated(classes, *, images=400, seed=0):
    """Truth and probabilities of classes that overlap."""
    random = np.random.default_rng(seed)
    truth = random.integers(classes, size=images)
    weights = np.exp(random.normal(size=(images, classes)) + np.eye(classes)[truth])
    return truth, weights / weights.sum(axis=1, keepdims=True)


def scikit_learns(classes, truth, probabilities):
    """The scores of the metrics that scikit-learn has."""
    predicted = probabilities.argmax(axis=1)
    scored = probabilities[:, 1] if classes == 2 else probabilities
    one_hot = truth if classes == 2 else np.eye(classes)[truth]
    return {
        "accuracy": others.accuracy_score(truth, predicted),
        "balanced_accuracy": others.balanced_accuracy_score(truth, predicted),
        "f1": others.f1_score(truth, predicted, average="binary" if classes == 2 else "macro"),
        "matthews": others.matthews_corrcoef(truth, predicted),
        "kappa": others.cohen_kappa_score(truth, predicted),
        "roc_auc": others.roc_auc_score(truth, scored, multi_class="ovr", average="macro"),
        "average_precision": others.average_precision_score(one_hot, scored),
        "log_loss": others.log_loss(truth, scored),
        "brier": others.brier_score_loss(truth, scored),
    }


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_scores_are_those_of_scikit_learn(classes):
    truth, probabilities = simulated(classes)
    found = dict(scores(truth, probabilities))
    assert set(found) == set(METRICS)
    for name, expected in scikit_learns(classes, truth, probabilities).items():
        assert found[name] == pytest.approx(expected), name


@pytest.mark.parametrize("metric", METRICS)
def test_every_score_is_a_float_within_the_bounds_of_its_metric(metric):
    lowest, highest = METRICS[metric].bounds
    for classes in (2, 3, 10):
        truth, probabilities = simulated(classes)
        for predicted in (probabilities, np.eye(classes)[truth], np.eye(classes)[(truth + 1) % classes]):
            value = dict(scores(truth, predicted))[metric]
            assert type(value) is float
            assert lowest - 1e-12 <= value <= highest + 1e-12


@pytest.mark.parametrize("metric", METRICS)
def test_perfect_predictions_score_the_better_bound(metric):
    truth = np.array([0, 1, 2, 0, 1, 2])
    lowest, highest = METRICS[metric].bounds
    best = lowest if metric in LOWER_IS_BETTER else highest
    assert dict(scores(truth, np.eye(3)[truth]))[metric] == pytest.approx(best, abs=1e-12)


def test_labels_of_metrics_are_unique():
    assert len({metric.label for metric in METRICS.values()}) == len(METRICS)


def test_an_unknown_metric_raises_an_error_with_the_nearest_name():
    with pytest.raises(UserError, match=r"^Unknown metric 'auc'. Did you mean 'roc_auc'\? Available: accuracy, "):
        metric_named("auc")


def test_the_registry_is_imported_without_heavy_packages():
    heavy = ("sklearn", "scipy", "pandas", "tensorflow", "matplotlib")
    command = f"import sys, pipeline.evaluation.metrics; sys.exit(any(name in sys.modules for name in {heavy}))"
    assert subprocess.run([sys.executable, "-c", command], check=False).returncode == 0


def test_the_scores_of_four_images_are_those_worked_by_hand():
    # Correct, wrong, correct, correct; the wrong one is the positive image with the lowest score.
    truth = np.array([1, 1, 0, 1])
    positive = np.array([0.9, 0.2, 0.4, 0.6])
    found = dict(scores(truth, np.column_stack([1 - positive, positive])))
    assert found == {
        "accuracy": 0.75,
        "balanced_accuracy": pytest.approx((2 / 3 + 1) / 2),
        "f1": pytest.approx(2 * 1 * (2 / 3) / (1 + 2 / 3)),
        # Two true positives, one true negative, one false negative.
        "matthews": pytest.approx((2 * 1 - 0 * 1) / np.sqrt((2 + 0) * (2 + 1) * (1 + 0) * (1 + 1))),
        "kappa": pytest.approx((3 / 4 - 8 / 16) / (1 - 8 / 16)),
        "roc_auc": pytest.approx(2 / 3),
        "average_precision": pytest.approx((1 + 1 + 3 / 4) / 3),
        "log_loss": pytest.approx(-np.log([0.9, 0.2, 0.6, 0.6]).mean()),
        "brier": pytest.approx((0.1**2 + 0.8**2 + 0.4**2 + 0.4**2) / 4),
        # Bins of a tenth, without their lower bounds: 0.6 and 0.6 are correct, 0.8 is wrong, 0.9 is correct.
        "calibration_error": pytest.approx((2 * 0.4 + 0.8 + 0.1) / 4),
    }


def test_a_class_without_an_image_is_left_out_of_means_over_classes():
    truth, probabilities = simulated(3)
    truth, probabilities = truth[truth != 2], probabilities[truth != 2]
    predicted = probabilities.argmax(axis=1)
    assert 2 in predicted
    found = dict(scores(truth, probabilities))
    assert found["balanced_accuracy"] == pytest.approx(
        np.mean([(predicted[truth == one] == one).mean() for one in (0, 1)])
    )
    assert found["f1"] == pytest.approx(others.f1_score(truth, predicted, labels=[0, 1], average="macro"))
    assert found["roc_auc"] == pytest.approx(
        np.mean([others.roc_auc_score(truth == one, probabilities[:, one]) for one in (0, 1)])
    )
    assert found["log_loss"] == pytest.approx(-np.log(probabilities[np.arange(len(truth)), truth]).mean())


def test_a_single_class_has_no_score_of_a_metric_that_needs_two():
    names = [name for name, _ in scores(np.array([1, 1]), np.array([[0.2, 0.8], [0.7, 0.3]]))]
    assert names == [name for name, metric in METRICS.items() if not metric.needs_two_classes]
    assert {"accuracy", "log_loss"} <= set(names)
    assert not {"roc_auc", "kappa"} & set(names)


def test_predictions_of_a_single_class_do_not_correlate_with_the_truth():
    found = dict(scores(np.array([0, 1, 1]), np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3]])))
    assert (found["matthews"], found["kappa"]) == (0, 0)


def test_f1_is_zero_if_no_positive_image_is_found():
    assert dict(scores(np.array([0, 1]), np.array([[0.9, 0.1], [0.8, 0.2]])))["f1"] == 0


def test_wrong_predictions_of_probability_one_have_finite_scores():
    found = dict(scores(np.array([0, 1, 1]), np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])))
    assert np.isfinite(list(found.values())).all()
    assert found["brier"] == pytest.approx(1 / 3)


def test_a_sigmoid_gives_the_probability_of_the_second_class():
    probabilities = class_probabilities(np.array([[0.0], [0.3], [1.0]], np.float32))
    assert probabilities.dtype == np.float64
    np.testing.assert_allclose(probabilities, [[1, 0], [0.7, 0.3], [0, 1]], atol=1e-7)
    assert (probabilities.sum(axis=1) == 1).all()


def test_a_softmax_sums_to_one_in_double_precision():
    outputs = np.random.default_rng(0).dirichlet(np.ones(10), size=100).astype(np.float32)
    probabilities = class_probabilities(outputs)
    np.testing.assert_allclose(probabilities, outputs, rtol=1e-6)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-15)


def test_confusion_has_true_classes_in_rows_and_predicted_ones_in_columns():
    truth = np.array([0, 0, 0, 1, 1, 3])
    predicted = np.array([0, 1, 1, 1, 0, 3])
    assert confusion(truth, np.eye(4)[predicted]).tolist() == [[1, 2, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1]]
