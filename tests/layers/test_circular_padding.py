"""Circular padding agrees with NumPy and gives circular convolutions."""

import keras
import numpy as np
import pytest

from pipeline.layers.circular_padding import CircularPadding2D


@pytest.mark.parametrize("padding", [0, 1, 3, ((0, 2), (1, 0)), ((3, 1), (0, 4))])
def test_padding_equals_the_wrap_mode_of_numpy(padding):
    maps = np.random.default_rng(0).normal(size=(2, 3, 4, 2)).astype("float32")
    layer = CircularPadding2D(padding)
    expected = np.pad(maps, ((0, 0), *layer.padding, (0, 0)), mode="wrap")
    np.testing.assert_array_equal(layer(maps), expected)
    assert layer.compute_output_shape(maps.shape) == expected.shape


@pytest.mark.parametrize("kernel_size", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("strides", [1, 2])
def test_a_circular_convolution_commutes_exactly_with_circular_shifts(kernel_size, strides):
    random = np.random.default_rng(1)
    # Small integers, so that sums in any order are exact.
    images = random.integers(-9, 10, (2, 6, 8, 3)).astype("float32")
    convolution = keras.layers.Conv2D(4, kernel_size, strides=strides, activation="relu")
    convolution.build((None, 6, 8, 3))
    convolution.set_weights([random.integers(-9, 10, weight.shape) for weight in convolution.weights])
    wrap = CircularPadding2D((((kernel_size - 1) // 2, kernel_size // 2),) * 2)

    def circular(images):
        return np.asarray(convolution(wrap(images)))

    maps = circular(images)
    assert maps.shape == (2, 6 // strides, 8 // strides, 4)
    for down, across in np.ndindex(maps.shape[1:3]):
        shifted = np.roll(images, (strides * down, strides * across), (1, 2))
        np.testing.assert_array_equal(circular(shifted), np.roll(maps, (down, across), (1, 2)))


def test_a_zero_padded_convolution_does_not_commute_with_circular_shifts():
    images = np.random.default_rng(2).normal(size=(2, 6, 8, 3)).astype("float32")
    convolution = keras.layers.Conv2D(4, 3, padding="same")
    shifted = np.roll(np.asarray(convolution(images)), 1, 2)
    assert not np.allclose(convolution(np.roll(images, 1, 2)), shifted, atol=0.1)


def test_invalid_padding_is_rejected():
    with pytest.raises(ValueError, match=r"`padding` must not be negative\. Received padding=-1\."):
        CircularPadding2D(-1)
    with pytest.raises(ValueError, match=r"must not be larger than the map\. Received .*input_shape=\(1, 8, 2, 1\)"):
        CircularPadding2D(3)(np.zeros((1, 8, 2, 1), "float32"))
