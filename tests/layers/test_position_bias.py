"""A bias per unit after a convolution."""

import json

import keras
import numpy as np
import pytest

from pipeline.arithmetic.table import layer_table
from pipeline.layers.locally_connected import LocallyConnected2D
from pipeline.layers.position_bias import PositionBias


def test_a_convolution_with_a_bias_per_unit_is_a_local_layer_whose_kernels_are_equal():
    image = np.random.default_rng(0).normal(size=(2, 9, 8, 3)).astype("float32")
    convolution, bias = keras.layers.Conv2D(2, 3, strides=2, padding="same", use_bias=False), PositionBias()
    maps = convolution(image)
    bias.build(maps.shape)
    bias.bias.assign(np.random.default_rng(1).normal(size=maps.shape[1:]))
    local = LocallyConnected2D(2, 3, strides=2, padding="same")
    local.build(image.shape)
    kernel = np.asarray(convolution.kernel).reshape(27, 2)
    local.set_weights([np.broadcast_to(kernel, local.kernel.shape), np.asarray(bias.bias)])
    np.testing.assert_allclose(bias(maps), local(image), rtol=1e-4, atol=1e-5)


def test_it_is_saved_loaded_and_counted():
    image = keras.Input((7, 9, 3), name="image")
    model = keras.Model(image, PositionBias(name="bias")(image))
    assert keras.models.model_from_json(model.to_json()).to_json() == model.to_json()
    _, row = layer_table(json.loads(model.to_json()))
    assert (row.output_shape, row.parameters, row.connections) == ((7, 9, 3), 189, 189)


def test_the_sides_of_its_input_must_be_known():
    with pytest.raises(ValueError, match="Every side of the input must be known"):
        PositionBias().build((None, None, 8, 3))
