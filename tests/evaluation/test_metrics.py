import numpy as np
import pytest
from sklearn import metrics as others

from pipeline.evaluation.metrics import class_probabilities, confusion, scores, worst_mistakes


def answers(classes, *, images=400, seed=0):
    """Truth and probabilities of images that can be told apart, more or less."""
    random = np.random.default_rng(seed)
    truth = random.integers(classes, size=images)
    weights = np.exp(random.normal(size=(images, classes)) + np.eye(classes)[truth])
    return truth, weights / weights.sum(axis=1, keepdims=True)


def test_the_scores_of_two_classes_are_scikit_learns():
    truth, probabilities = answers(2)
    predicted, positive = probabilities.argmax(axis=1), probabilities[:, 1]
    found = dict(scores(truth, probabilities))
    assert found.pop("calibration_error") > 0
    assert found == {
        "accuracy": pytest.approx(others.accuracy_score(truth, predicted)),
        "balanced_accuracy": pytest.approx(others.balanced_accuracy_score(truth, predicted)),
        "f1": pytest.approx(others.f1_score(truth, predicted)),
        "roc_auc": pytest.approx(others.roc_auc_score(truth, positive)),
        "average_precision": pytest.approx(others.average_precision_score(truth, positive)),
        "log_loss": pytest.approx(others.log_loss(truth, positive)),
        "brier": pytest.approx(others.brier_score_loss(truth, positive)),
    }


def test_the_scores_of_more_classes_are_scikit_learns_means_over_classes():
    truth, probabilities = answers(3)
    predicted = probabilities.argmax(axis=1)
    found = dict(scores(truth, probabilities))
    assert found.pop("calibration_error") > 0
    assert found == {
        "accuracy": pytest.approx(others.accuracy_score(truth, predicted)),
        "balanced_accuracy": pytest.approx(others.balanced_accuracy_score(truth, predicted)),
        "f1": pytest.approx(others.f1_score(truth, predicted, average="macro")),
        "roc_auc": pytest.approx(others.roc_auc_score(truth, probabilities, multi_class="ovr", average="macro")),
        "average_precision": pytest.approx(others.average_precision_score(np.eye(3)[truth], probabilities)),
        "log_loss": pytest.approx(others.log_loss(truth, probabilities)),
        "brier": pytest.approx(others.brier_score_loss(truth, probabilities)),
    }


def test_the_scores_of_four_images_are_those_worked_by_hand():
    # Right, wrong, right, right; the wrong one is a positive image put last.
    truth = np.array([1, 1, 0, 1])
    positive = np.array([0.9, 0.2, 0.4, 0.6])
    found = dict(scores(truth, np.column_stack([1 - positive, positive])))
    assert found == {
        "accuracy": 0.75,
        "balanced_accuracy": pytest.approx((2 / 3 + 1) / 2),
        "f1": pytest.approx(2 * 1 * (2 / 3) / (1 + 2 / 3)),
        "roc_auc": pytest.approx(2 / 3),
        "average_precision": pytest.approx((1 + 1 + 3 / 4) / 3),
        "log_loss": pytest.approx(-np.log([0.9, 0.2, 0.6, 0.6]).mean()),
        "brier": pytest.approx((0.1**2 + 0.8**2 + 0.4**2 + 0.4**2) / 4),
        # In tenths, without their lower bounds: 0.6 and 0.6 are right, 0.8 is wrong, 0.9 is right.
        "calibration_error": pytest.approx((2 * 0.4 + 0.8 + 0.1) / 4),
    }


def test_a_class_that_the_truth_lacks_is_left_out_of_the_means():
    truth, probabilities = answers(3)
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


def test_one_class_alone_has_no_curves_and_all_other_scores():
    names = [name for name, _ in scores(np.array([1, 1]), np.array([[0.2, 0.8], [0.7, 0.3]]))]
    assert names == ["accuracy", "balanced_accuracy", "f1", "log_loss", "brier", "calibration_error"]


def test_answers_without_a_right_positive_have_an_f1_of_zero():
    assert dict(scores(np.array([0, 1]), np.array([[0.9, 0.1], [0.8, 0.2]])))["f1"] == 0


def test_certain_answers_have_finite_scores():
    found = dict(scores(np.array([0, 1, 1]), np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])))
    assert np.isfinite(list(found.values())).all()
    assert found["brier"] == pytest.approx(1 / 3)


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_every_score_is_a_plain_number(classes):
    for name, value in scores(*answers(classes)):
        assert type(value) is float, name


def test_one_sigmoid_is_the_probability_of_the_second_class():
    probabilities = class_probabilities(np.array([[0.0], [0.3], [1.0]], np.float32))
    assert probabilities.dtype == np.float64
    np.testing.assert_allclose(probabilities, [[1, 0], [0.7, 0.3], [0, 1]], atol=1e-7)
    assert (probabilities.sum(axis=1) == 1).all()


def test_a_softmax_sums_to_one_in_double_precision():
    outputs = np.random.default_rng(0).dirichlet(np.ones(10), size=100).astype(np.float32)
    probabilities = class_probabilities(outputs)
    np.testing.assert_allclose(probabilities, outputs, rtol=1e-6)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-15)


def test_confusion_counts_truths_in_rows_and_answers_in_columns():
    truth = np.array([0, 0, 0, 1, 1, 3])
    said = np.array([0, 1, 1, 1, 0, 3])
    assert confusion(truth, np.eye(4)[said]).tolist() == [[1, 2, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1]]


def test_the_worst_mistakes_are_the_most_confident_wrong_answers():
    truth = np.array([0, 1, 0, 1, 0, 0])
    positive = np.array([0.9, 0.8, 0.6, 0.1, 0.2, 0.9])
    probabilities = np.column_stack([1 - positive, positive])
    assert worst_mistakes(truth, probabilities, 10).tolist() == [0, 3, 5, 2]
    assert worst_mistakes(truth, probabilities, 2).tolist() == [0, 3]
    assert worst_mistakes(np.array([1, 1]), probabilities[:2], 2).tolist() == []
