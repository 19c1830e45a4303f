"""Anti-aliased subsampling agrees with loops and reduces aliasing."""

from math import comb

import keras
import numpy as np
import pytest

from pipeline.layers.blur_pool import BlurPool2D


def blurred(maps, size, stride):
    """Zhang 2019 one output value at a time: a mirrored map, a normalised binomial filter, every stride-th pixel."""
    row = np.array([comb(size - 1, tap) for tap in range(size)], float)
    weights = np.outer(row, row) / row.sum() ** 2
    margin = ((size - 1) // 2, size // 2)
    mirrored = np.pad(maps, ((0, 0), margin, margin, (0, 0)), mode="reflect")
    sides = [(side - 1) // stride + 1 for side in maps.shape[1:3]]
    output = np.zeros((maps.shape[0], *sides, maps.shape[3]))
    for image, y, x, channel in np.ndindex(output.shape):
        window = mirrored[image, y * stride : y * stride + size, x * stride : x * stride + size, channel]
        output[image, y, x, channel] = (window * weights).sum()
    return output


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_it_is_a_binomial_filter_on_mirrored_maps(size, stride):
    maps = np.random.default_rng(0).normal(size=(2, 6, 7, 2)).astype("float32")
    layer = BlurPool2D(size, strides=stride)
    expected = blurred(maps, size, stride)
    np.testing.assert_allclose(layer(maps), expected, atol=1e-6)
    assert layer.compute_output_shape(maps.shape) == expected.shape


def test_a_constant_map_is_unchanged():
    np.testing.assert_array_equal(BlurPool2D(5)(np.full((1, 8, 8, 1), 3.0, "float32")), np.full((1, 4, 4, 1), 3.0))


def test_stripes_of_one_pixel_average_out_instead_of_aliasing():
    stripes = np.zeros((1, 8, 8, 1), "float32")
    stripes[:, :, ::2] = 1
    np.testing.assert_array_equal(keras.layers.MaxPooling2D(1, strides=2)(stripes), np.ones((1, 4, 4, 1)))
    np.testing.assert_array_equal(BlurPool2D(3)(stripes), np.full((1, 4, 4, 1), 0.5))


@pytest.mark.parametrize("side", range(3, 12))
def test_after_a_running_maximum_it_halves_maps_as_max_pooling_does(side):
    maps = keras.Input((side, side + 1, 2))
    halved = BlurPool2D()(keras.layers.MaxPooling2D(2, strides=1)(maps))
    assert halved.shape == keras.layers.MaxPooling2D(2)(maps).shape


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"filter_size": 0}, "must be at least 1. Received filter_size=0, strides=2."),
        ({"strides": 0}, "must be at least 1. Received filter_size=3, strides=0."),
        ({"padding": "same"}, '`padding` must be "reflect" or "valid". Received padding=\'same\'.'),
    ],
)
def test_an_invalid_argument_is_rejected(arguments, message):
    with pytest.raises(ValueError, match=message):
        BlurPool2D(**arguments)


@pytest.mark.parametrize(
    ("size", "padding", "least", "left"),
    [(2, "reflect", 2, 1), (3, "reflect", 2, 1), (5, "reflect", 3, 2), (5, "valid", 5, 1)],
)
def test_a_map_smaller_than_the_filter_is_rejected(size, padding, least, left):
    layer = BlurPool2D(size, padding=padding)
    assert layer(np.zeros((1, least, least, 1), "float32")).shape == (1, left, left, 1)
    rule = rf"must be at least {least} for filter_size={size}, .*\(None, 9, {least - 1}, 1\)"
    with pytest.raises(ValueError, match=rule):
        layer.compute_output_shape((None, 9, least - 1, 1))
