"""Masked dense layers: connections, stored weights, and gradients."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from pipeline.layers.locally_connected import LocallyConnected1D, LocallyConnected2D
from pipeline.layers.masked_dense import MaskedDense1D, MaskedDense2D


def mask_of(layer):
    """1 where an input is connected to a unit, 0 elsewhere; (inputs, units)."""
    ones = type(layer).from_config({**layer.get_config(), "kernel_initializer": "ones"})
    ones.build(layer.get_build_config()["input_shape"])
    return np.asarray(ones.kernel)


GEOMETRIES = [
    ((6, 7, 2), 3, (3, 2), (2, 1), "valid"),
    ((6, 5, 1), 2, 3, 2, "same"),
    ((3, 4, 2), 1, 5, 1, "same"),
    ((4, 4, 1), 2, 1, 3, "same"),
]


@pytest.mark.parametrize(("shape", "filters", "kernel_size", "strides", "padding"), GEOMETRIES)
def test_a_unit_is_connected_to_the_window_of_a_convolution(shape, filters, kernel_size, strides, padding):
    layer = MaskedDense2D(filters, kernel_size, strides=strides, padding=padding)
    layer.build((None, *shape))
    ones = keras.layers.Conv2D(
        filters, kernel_size, strides=strides, padding=padding, kernel_initializer="ones", use_bias=False
    )
    pixels = np.eye(np.prod(shape), dtype="float32").reshape(-1, *shape)  # images with one pixel of 1
    np.testing.assert_array_equal(mask_of(layer), np.asarray(ones(pixels)).reshape(len(pixels), -1))


def test_masked_weights_are_stored_and_start_at_zero():
    layer = MaskedDense2D(2, 3, kernel_initializer="ones")
    layer.build((None, 5, 6, 3))
    assert layer.count_params() == 5 * 6 * 3 * (3 * 4 * 2) + 3 * 4 * 2
    np.testing.assert_array_equal(layer.kernel, mask_of(layer))


def test_the_example_of_the_lecture_stores_15_weights_for_9_connections():
    layer = MaskedDense1D(1, 3, use_bias=False)
    layer.build((None, 5, 1))
    assert (layer.count_params(), mask_of(layer).sum()) == (15, 9)


def test_masked_weights_have_no_effect_and_no_gradient():
    keras.utils.set_random_seed(0)
    layer = MaskedDense2D(2, 3, padding="same", activation="tanh")
    images = tf.constant(np.random.default_rng(0).normal(size=(3, 4, 5, 2)).astype("float32"))
    before = layer(images).numpy()
    layer.kernel.assign(np.where(mask_of(layer), layer.kernel, 7.0))
    with tf.GradientTape() as tape:
        output = layer(images)
        loss = tf.reduce_sum(tf.sin(output))
    np.testing.assert_array_equal(output, before)
    gradient = np.asarray(tape.gradient(loss, layer.kernel.value))
    np.testing.assert_array_equal(gradient[mask_of(layer) == 0], 0)
    assert (gradient[mask_of(layer) == 1] != 0).mean() > 0.99


def test_initial_weights_have_the_fans_of_a_convolution():
    keras.utils.set_random_seed(1)
    for initializer, local in itertools.product(("glorot_uniform", "he_normal"), (True, False)):
        layer = MaskedDense2D(8, 5, kernel_initializer=initializer)
        layer.build((None, 16, 16, 4))
        other = LocallyConnected2D if local else keras.layers.Conv2D
        reference = other(64, 5, kernel_initializer=initializer)
        reference.build((None, 16, 16, 32))
        # Eight times as many channels and filters: weights shrink by the square root of 8.
        drawn = np.asarray(layer.kernel)[mask_of(layer) == 1]
        np.testing.assert_allclose(np.std(drawn), np.std(reference.kernel) * 8**0.5, rtol=0.02)


def test_dense_masked_and_locally_connected_layers_agree_with_the_same_weights():
    keras.utils.set_random_seed(2)
    signal = np.random.default_rng(2).normal(size=(4, 9, 2)).astype("float32")
    masked = MaskedDense1D(3, 4, strides=2, bias_initializer="random_normal")
    output = masked(signal).numpy()

    dense = keras.layers.Dense(masked.kernel.shape[1])
    dense.build((None, 18))
    dense.set_weights([np.asarray(masked.kernel) * mask_of(masked), masked.bias])
    np.testing.assert_array_equal(dense(signal.reshape(4, -1)), output)

    local = LocallyConnected1D(3, 4, strides=2)
    local.build((None, 9, 2))
    windows = np.asarray(masked.kernel).reshape(9, 2, 3, 3)  # length, channels, position, filters
    kernel = np.stack([windows[2 * at : 2 * at + 4, :, at].reshape(8, 3) for at in range(3)])
    local.set_weights([kernel, np.asarray(masked.bias).reshape(3, 3)])
    np.testing.assert_allclose(np.asarray(local(signal)).reshape(4, -1), output, rtol=1e-5, atol=1e-6)


def test_a_window_larger_than_its_input_is_rejected():
    with pytest.raises(ValueError, match=r"must fit inside the input .* kernel_size=\(5, 5\), sides=\(4, 6\)"):
        MaskedDense2D(2, 5)(np.zeros((1, 4, 6, 1), "float32"))
    with pytest.raises(ValueError, match=r"`filters` must be at least 1. Received filters=0."):
        MaskedDense1D(0, 5)
