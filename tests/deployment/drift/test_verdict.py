"""The verdict on new pictures follows what happens to the accuracy, as far as this can be seen without true classes."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from pipeline.deployment.drift.verdict import EXPECTED, LOOK, NOT_EXPECTED, examine
from pipeline.reporting.text.drift_text import answer

CLASSES = tuple("0123456789")


@pytest.fixture(scope="module")
def fresh(digits):
    """Pixels and labels of digits that the model has never seen."""
    pixels, labels = digits
    return pixels[4000:], labels[4000:]


def test_digits_like_the_training_images_are_as_expected(fresh, seen, reference):
    verdicts = []
    for seed in range(5):
        rows = np.random.default_rng(seed).permutation(1000)[:200]
        verdicts.append(examine(seen(fresh[0][rows]), reference, CLASSES).verdict)
    assert verdicts.count(EXPECTED) >= 4


def test_the_estimate_for_digits_like_the_training_images_is_near_the_accuracy(fresh, probabilities, seen, reference):
    pixels, labels = fresh
    accuracy = (probabilities(pixels).argmax(axis=1) == labels).mean()
    found = examine(seen(pixels), reference, CLASSES)
    assert found.estimate_holds
    assert found.estimate.accuracy == pytest.approx(accuracy, abs=0.04)
    assert found.estimate.low < found.estimate.accuracy < found.estimate.high
    assert found.estimate.images == 1000
    assert found.estimate.reported == reference.test.correct.mean()


@pytest.mark.parametrize(
    "change",
    [
        lambda pixels: 255 - pixels,
        lambda pixels: np.random.default_rng(0).integers(0, 256, pixels.shape, np.uint8),
        lambda pixels: np.rot90(pixels, axes=(1, 2)),
        lambda pixels: np.roll(pixels, 4, axis=2),
    ],
    ids=["inverted", "noise", "turned by 90 degrees", "shifted by 4 pixels"],
)
def test_a_change_that_costs_half_of_the_accuracy_is_reported(fresh, probabilities, seen, reference, change):
    pixels, labels = change(fresh[0][:300]), fresh[1][:300]
    assert (probabilities(pixels).argmax(axis=1) == labels).mean() < 0.5
    found = examine(seen(pixels), reference, CLASSES)
    assert found.verdict == NOT_EXPECTED
    assert found.reasons


def test_digits_of_another_data_set_are_reported_and_their_accuracy_is_not_estimated(seen, reference):
    images = load_digits().images[:300].repeat(4, axis=1).repeat(4, axis=2) * 15
    pixels = np.zeros((300, 28, 28, 1), np.uint8)
    pixels[:, :, :, 0] = images[:, 2:30, 2:30]
    found = examine(seen(pixels), reference, CLASSES)
    assert found.verdict == NOT_EXPECTED
    assert not found.estimate_holds


def test_a_harmless_change_of_the_pixels_is_to_be_looked_at(fresh, seen, reference):
    found = examine(seen(np.roll(fresh[0], 1, axis=2)), reference, CLASSES)
    assert found.verdict == LOOK
    assert "two-sample classifier" in found.found


def test_test_images_that_differ_from_training_raise_the_limit_of_the_classifier(fresh, seen, reference):
    """As with groups: the images of new groups differ from those in training, without any change of the score."""
    found = examine(seen(np.roll(fresh[0], 1, axis=2)), reference._replace(separation=0.95), CLASSES)
    assert "two-sample classifier" not in found.found


def test_other_class_shares_are_found_and_not_taken_for_other_pixels(fresh, seen, reference):
    pixels, labels = fresh
    found = examine(seen(pixels[labels < 3]), reference, CLASSES)
    assert found.verdict == LOOK
    assert "predicted classes" in found.found
    assert not {"brightness", "contrast", "two-sample classifier"} & set(found.found)


def test_few_pictures_are_judged_one_by_one_only(fresh, seen, reference):
    found = examine(seen(fresh[0][:12]), reference, CLASSES)
    assert found.verdict == LOOK
    assert found.estimate is None
    assert "12 pictures are too few, because 50 are needed" in found.not_judged[0]
    assert examine(seen(255 - fresh[0][:12]), reference, CLASSES).verdict == NOT_EXPECTED
    assert examine(seen(fresh[0][:1]), reference, CLASSES).not_judged[0].startswith("1 picture is too few")


def test_copies_of_training_images_are_named(digits, fresh, seen, reference):
    found = examine(seen(np.concatenate([fresh[0][:198], digits[0][:2]])), reference, CLASSES)
    assert found.verdict == LOOK
    assert found.reasons[0].startswith("2 pictures are copies of training images: leave them out")
    assert found.found == ()
    assert answer(found) == "Look at it: some pictures are copies of training images."


def test_a_wide_margin_accepts_a_loss(fresh, seen, reference):
    turned = seen(np.roll(fresh[0], 2, axis=2))
    assert examine(turned, reference, CLASSES).verdict == NOT_EXPECTED
    assert examine(turned, reference, CLASSES, margin=0.5).verdict == LOOK


def test_a_reference_without_scored_images_leaves_the_accuracy_open(fresh, seen, reference):
    none = type(reference.test)(*(values[:0] for values in reference.test))
    empty = reference._replace(test=none, validation=none, held_out=reference.held_out.of(np.arange(0)))
    found = examine(seen(fresh[0]), empty, CLASSES)
    assert found.estimate is None
    assert "0 images of the reported score are too few" in found.not_judged[0]


def test_repeated_pictures_are_not_recognised_as_different(digits, seen, reference):
    pixels, labels = digits
    fewer = pixels[4000:][labels[4000:] < 4][:200]
    once, often = (examine(seen(some), reference, CLASSES) for some in (fewer, np.repeat(fewer, 10, axis=0)))
    assert once.verdict == often.verdict == LOOK
    assert "two-sample classifier" not in often.found


def test_a_single_picture_many_times_is_compared_without_the_classifier(digits, seen, reference):
    found = examine(seen(np.repeat(digits[0][4000:4001], 60, axis=0)), reference, CLASSES)
    assert found.verdict != EXPECTED and "two-sample classifier" not in found.found
