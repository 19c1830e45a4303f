import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from pipeline.evaluation import classification_curves


@pytest.fixture(scope="module")
def three():
    """Truth and probabilities of three classes that overlap."""
    random = np.random.default_rng(1)
    truth = random.integers(0, 3, 600)
    weights = np.exp(random.normal(size=(600, 3)) + 1.2 * np.eye(3)[truth])
    return truth, weights / weights.sum(axis=1, keepdims=True)


def two(scores):
    return np.column_stack([1 - np.asarray(scores), scores])


def test_the_roc_curve_is_the_one_drawn_by_hand():
    # From the highest score down: correct, wrong, correct, wrong; one of four pairs is in the wrong order.
    curve = classification_curves.roc(np.array([1, 0, 1, 0]), two([0.9, 0.8, 0.7, 0.1]))
    assert curve.score == 0.75
    assert list(zip(curve.x, curve.y, strict=True)) == [(0, 0), (0, 0.5), (0.5, 0.5), (0.5, 1), (1, 1)]


def test_the_area_under_the_roc_curve_is_that_of_the_points_drawn(three):
    curve = classification_curves.roc(*three)
    assert curve.score == pytest.approx(roc_auc_score(*three, multi_class="ovr", average="macro"))
    assert np.trapezoid(curve.y, curve.x) == pytest.approx(curve.score, abs=0.005)


def test_the_average_precision_is_the_area_of_the_steps_drawn(three):
    truth, probabilities = three
    curve = classification_curves.precision_recall(truth, probabilities)
    assert curve.score == pytest.approx(average_precision_score(np.eye(3)[truth], probabilities, average="macro"))
    assert (np.diff(curve.x) * curve.y[1:]).sum() == pytest.approx(curve.score, abs=0.005)


def test_two_classes_give_the_exact_steps_of_average_precision():
    curve = classification_curves.precision_recall(np.array([1, 0, 1, 0]), two([0.9, 0.8, 0.7, 0.1]))
    assert curve.score == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert (np.diff(curve.x) * curve.y[1:]).sum() == pytest.approx(curve.score)


def test_a_class_without_images_is_skipped(three):
    truth, probabilities = three
    seen = truth != 2
    area = np.mean([roc_auc_score(truth[seen] == index, probabilities[seen, index]) for index in (0, 1)])
    assert classification_curves.roc(truth[seen], probabilities[seen]).score == pytest.approx(area)


def test_a_single_class_raises_an_error():
    with pytest.raises(ValueError, match=r"at least two classes. Received only \[1\]"):
        classification_curves.roc(np.array([1, 1]), two([0.2, 0.9]))


def test_shapes_that_do_not_match_raise_an_error():
    with pytest.raises(ValueError, match=r"Received probabilities \(2, 2\), truth \(3,\)"):
        classification_curves.roc(np.array([1, 0, 1]), two([0.2, 0.9]))


def test_calibration_is_the_table_worked_by_hand():
    # Confidences 0.95 and 0.91 share a bin and are half correct; 0.6 lies in the bin that ends there and is correct.
    curve = classification_curves.calibration(np.array([1, 0, 0]), two([0.95, 0.91, 0.4]))
    np.testing.assert_allclose(curve.confidence, [0.6, 0.93])
    np.testing.assert_allclose(curve.accuracy, [1.0, 0.5])
    assert curve.images.tolist() == [1, 2]
    assert curve.error == pytest.approx((0.4 * 1 + 0.43 * 2) / 3)
