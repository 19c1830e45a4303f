"""Trainable subsampling agrees with loops written from LeCun et al. 1998."""

import json

import keras
import numpy as np
import pytest

from pipeline.arithmetic.table import layer_table
from pipeline.layers.subsampling import Subsampling2D


@pytest.fixture
def maps():
    return np.random.default_rng(0).normal(size=(2, 7, 9, 3)).astype("float32")


def test_inputs_are_added_multiplied_by_the_coefficient_and_added_to_the_bias(maps):
    layer = Subsampling2D((2, 3), activation="sigmoid")
    layer.build(maps.shape)
    coefficient, bias = np.array([0.5, -1.0, 2.0], "float32"), np.array([0.1, 0.0, -0.3], "float32")
    layer.set_weights([coefficient, bias])
    expected = np.zeros((2, 3, 3, 3))
    for row in range(3):
        for column in range(3):
            summed = maps[:, 2 * row : 2 * row + 2, 3 * column : 3 * column + 3].sum(axis=(1, 2))
            expected[:, row, column] = 1 / (1 + np.exp(-(summed * coefficient + bias)))
    np.testing.assert_allclose(layer(maps), expected, rtol=1e-4)
    assert layer.compute_output_shape(maps.shape) == expected.shape


def test_initially_it_is_average_pooling(maps):
    np.testing.assert_allclose(Subsampling2D((2, 2))(maps), keras.layers.AveragePooling2D(2)(maps), rtol=1e-5)


def test_it_is_saved_loaded_and_counted():
    image = keras.Input((7, 9, 3), name="image")
    model = keras.Model(image, Subsampling2D((2, 3), activation="tanh", name="s2")(image))
    copy = keras.models.model_from_json(model.to_json())
    assert copy.get_layer("s2").get_config() == model.get_layer("s2").get_config()
    _, row = layer_table(json.loads(model.to_json()))
    assert (row.output_shape, row.parameters) == ((3, 3, 3), 6)
    assert row.connections == 27 * (6 + 1)
    assert (row.receptive_field, row.stride) == ((2, 3), (2, 3))


def test_an_empty_window_is_rejected():
    with pytest.raises(ValueError, match=r"`pool_size` must be two positive integers\. Received pool_size=\(0, 2\)"):
        Subsampling2D((0, 2))
