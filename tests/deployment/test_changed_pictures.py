import numpy as np
import pytest

from pipeline.deployment.changed_pictures import CHANGES, MOST, accuracies, shifted, spread_out


def brightest_pixel(pixels):
    """A classifier of 6 × 6 images that knows the place of the brightest pixel."""
    return pixels.reshape(len(pixels), -1).astype(float)


@pytest.fixture
def dots():
    """Images with one bright pixel each, away from the border, and its place."""
    places = np.array([2 * 6 + 2, 2 * 6 + 3, 3 * 6 + 2])
    pixels = np.zeros((3, 36), np.uint8)
    pixels[np.arange(3), places] = 200
    return pixels.reshape(3, 6, 6, 1), places


def test_a_shift_moves_the_content_down_and_to_the_right(dots):
    pixels, places = dots
    moved = brightest_pixel(shifted(pixels, 1, 2)).argmax(axis=1)
    assert moved.tolist() == (places + 6 + 2).tolist()


def test_a_shift_repeats_the_border():
    ramp = np.tile(np.arange(6, dtype=np.uint8), (1, 6, 1))[..., np.newaxis]
    assert shifted(ramp, 0, 2)[0, 0, :, 0].tolist() == [0, 0, 0, 1, 2, 3]
    assert shifted(ramp, 0, -2)[0, 0, :, 0].tolist() == [2, 3, 4, 5, 5, 5]


def test_a_classifier_by_place_is_right_until_the_image_is_moved(dots):
    by_change = {one.change: one for one in accuracies(brightest_pixel, *dots)}
    assert by_change["unchanged"].mean == 1
    assert by_change["shifted by 1 pixel"].mean == by_change["mirrored"].mean == 0
    assert by_change["half as bright"].mean == 1


def test_the_worst_direction_is_stated():
    """A classifier that looks at the upper half only: shifts upwards keep the dot there, others do not."""
    pixels = np.zeros((1, 6, 6, 1), np.uint8)
    pixels[0, 2, 3] = 200

    def upper(images):
        inside = images[:, :3].max(axis=(1, 2, 3)) > 0
        return np.stack([~inside, inside], axis=1).astype(float)

    moved = next(one for one in accuracies(upper, pixels, np.array([1])) if one.change == "shifted by 1 pixel")
    assert (moved.mean, moved.lowest) == (5 / 8, 0)


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("channels", [1, 3])
def test_a_change_keeps_shape_and_type_and_is_the_same_each_time(name, channels):
    pixels = np.random.default_rng(1).integers(256, size=(4, 7, 9, channels), dtype=np.uint8)
    changed = CHANGES[name](pixels)
    assert changed.shape == pixels.shape and changed.dtype == np.uint8
    assert (changed == CHANGES[name](pixels)).all() and (changed != pixels).any()


def test_many_images_are_sampled_over_their_whole_range():
    chosen = spread_out(np.arange(10, 5010))
    assert (len(chosen), chosen[0], chosen[-1]) == (MOST, 10, 5009)
    assert spread_out(np.arange(3)).tolist() == [0, 1, 2]
