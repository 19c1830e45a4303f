"""The changes keep the shape of the images, and do what their names say."""

import numpy as np
import pytest

from pipeline.studies.shifts.known_changes import PICTURE_CHANGES, blurred, changed_images, noisy, rotated

PIXELS = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 3), np.uint8)
LABELS = np.arange(12) % 4


@pytest.mark.parametrize("name", PICTURE_CHANGES)
def test_a_change_keeps_shape_and_type_and_changes_pixels(name):
    changed = PICTURE_CHANGES[name](PIXELS)
    assert changed.shape == PIXELS.shape
    assert changed.dtype == np.uint8
    assert (changed != PIXELS).any()


def test_a_rotation_by_90_degrees_is_that_of_numpy():
    np.testing.assert_array_equal(rotated(PIXELS, degrees=90), np.rot90(PIXELS, axes=(1, 2)))


def test_blur_and_noise_change_the_deviation_of_pixels():
    grey = np.full((1, 64, 64, 1), 128, np.uint8)
    assert blurred(PIXELS, deviation=2).std() < PIXELS.std()
    assert noisy(grey, deviation=10).std() == pytest.approx(10, rel=0.05)


def test_the_first_pictures_are_unchanged_and_the_second_are_of_some_classes():
    first, second, *others = changed_images(PIXELS, LABELS, ("a", "b", "c", "d"))
    np.testing.assert_array_equal(first.pixels, PIXELS)
    assert (second.name, set(second.labels.tolist())) == ("only classes a", {0})
    assert len(others) == len(PICTURE_CHANGES)


def test_other_digits_are_added_to_digits():
    *_, last = changed_images(PIXELS[:5, :, :, :1], np.zeros(5, np.int64), tuple("0123456789"))
    assert last.pixels.shape == (5, 8, 8, 1)
    assert len(last.labels) == 5
