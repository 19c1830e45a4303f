"""The parts of the comparison on numbers worked by hand."""

import numpy as np
import pytest

from pipeline.deployment.drift.compared import Compared, matching_rows
from pipeline.deployment.drift.difference import Difference, relevant
from pipeline.deployment.drift.estimated_accuracy import confident_from, estimated_accuracy
from pipeline.deployment.drift.new_pictures import Batch, new_pictures
from pipeline.deployment.reference import Predicted


def differences(p_values, effect=1.0):
    return tuple(
        Difference(str(number), "", effect, 0.5, p_value, "") for number, p_value in enumerate(p_values.tolist())
    )


def test_several_differences_need_smaller_p_values():
    found = relevant(differences(np.array([0.03, 0.01, 0.02, 0.9])), error_rate=0.05)
    assert [one.name for one in found] == ["1"]
    assert len(relevant(differences(np.array([0.025, 0.01, 0.015, 0.025])), error_rate=0.05)) == 4
    assert len(relevant(differences(np.array([0.001, np.nan])), error_rate=0.05)) == 1


def test_a_significant_but_small_difference_is_not_relevant():
    assert relevant(differences(np.array([1e-9]), effect=0.4), error_rate=0.05) == ()
    assert len(relevant(differences(np.array([1e-9]), effect=0.5), error_rate=0.05)) == 1


def predicted(confidence, correct):
    return Predicted(np.zeros(len(confidence), np.int64), np.array(confidence, np.float32), np.array(correct, bool))


def test_as_many_validation_images_are_confident_as_correct():
    confidence, correct = np.linspace(0.3, 0.9, 50), np.arange(50) % 5 > 0
    threshold = confident_from(predicted(confidence, correct))
    assert (np.float32(confidence) >= np.float32(threshold)).sum() == correct.sum()


def test_without_a_correct_image_no_confidence_suffices():
    assert confident_from(predicted([0.9, 0.8], [False, False])) == np.inf


def test_the_estimate_is_the_reported_accuracy_plus_the_change_of_confident_pictures(seen, reference):
    """Validation: 80 of 100 correct, so 80 are confident. Test: 70 of 100 confident and 75 correct. New: 40 of 100."""
    confidence = np.linspace(0.99, 0.2, 100)
    validation = predicted(confidence, np.arange(100) < 80)
    test = predicted(np.where(np.arange(100) < 70, 0.95, 0.1), np.arange(100) < 75)
    new = seen(np.zeros((100, 28, 28, 1), np.uint8))._replace(confidence=np.where(np.arange(100) < 40, 0.95, 0.1))
    compared = Compared(new, reference._replace(validation=validation, test=test), tuple("0123456789"))
    estimate = estimated_accuracy(compared)
    assert estimate.reported == 0.75
    assert estimate.accuracy == pytest.approx(0.75 + 0.40 - 0.70)
    assert estimate.low < 0.45 < estimate.high
    assert 0.15 < estimate.lost_at_least < 0.30


def test_matching_rows_have_the_wanted_shares():
    labels = np.repeat([0, 1, 2], [100, 200, 300])
    rows = matching_rows(labels, np.array([30, 0, 10]))
    assert np.bincount(labels[rows], minlength=3).tolist() == [100, 0, 33]
    assert len(set(rows.tolist())) == len(rows)


def test_a_predicted_class_without_training_images_matches_nothing():
    assert len(matching_rows(np.zeros(10, int), np.array([5, 5]))) == 0


def test_batches_are_put_together_and_unreadable_pictures_are_kept_apart(digits, reference):
    pixels = np.concatenate([digits[0][:1], 255 - digits[0][4000:4002]])
    batches = [
        Batch([], pixels[:0], np.empty(0, np.int64), np.empty(0), [("torn.png", "truncated")]),
        Batch(["a"], pixels[:1], np.array([1]), np.array([0.9])),
        Batch(["b", "c"], pixels[1:], np.array([2, 3]), np.array([0.8, 0.7])),
    ]
    found = new_pictures(iter(batches), reference)
    assert found.size == 3
    assert found.labels.tolist() == [1, 2, 3]
    assert found.unusual.tolist() == [False, True, True]
    assert found.copies == ("a",)
    assert found.unreadable == (("torn.png", "truncated"),)
    assert [one.name for one in found.shown] == ["b", "c"]
    assert dict(found.flags)["brighter"] == 2
