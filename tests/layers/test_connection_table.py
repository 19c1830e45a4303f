"""A table convolution agrees with a dense convolution whose other kernels are zero."""

import json

import keras
import numpy as np
import pytest

from pipeline.arithmetic.table import layer_table
from pipeline.layers.connection_table import TableConv2D

TABLE = ((0, 2), (1,), (3, 0, 1), (0, 1, 2, 3))


@pytest.fixture
def images():
    return np.random.default_rng(0).normal(size=(2, 7, 8, 4)).astype("float32")


def dense_kernel(layer: TableConv2D, channels: int) -> np.ndarray:
    """The dense kernel, filled with the stored kernels one by one."""
    dense = np.zeros((*layer.kernel_size, channels, len(layer.table)), "float32")
    stored = iter(np.asarray(layer.kernel))
    for after, seen in enumerate(layer.table):
        for before in seen:
            dense[:, :, before, after] = next(stored)
    return dense


def test_a_table_convolution_is_a_convolution_whose_other_kernels_are_zero(images):
    layer = TableConv2D(TABLE, (3, 2), activation="tanh")
    layer.build(images.shape)
    layer.bias.assign([0.1, -0.2, 0.3, 0.0])
    dense = keras.layers.Conv2D(4, (3, 2), activation="tanh")
    dense.build(images.shape)
    dense.set_weights([dense_kernel(layer, 4), np.asarray(layer.bias)])
    np.testing.assert_allclose(layer(images), dense(images), rtol=1e-5, atol=1e-6)


def test_a_map_does_not_change_with_a_map_that_it_is_not_connected_to(images):
    layer = TableConv2D(TABLE, (3, 3))
    before = np.asarray(layer(images))
    other = images.copy()
    other[..., 2] += 1
    changed = ~np.isclose(before, layer(other)).all(axis=(0, 1, 2))
    assert changed.tolist() == [2 in seen for seen in TABLE]


def test_only_connected_kernels_are_stored(images):
    layer = TableConv2D(TABLE, (5, 3))
    layer.build(images.shape)
    assert layer.count_params() == 10 * 5 * 3 + 4


def test_kernels_start_as_those_of_the_dense_convolution(images):
    layer = TableConv2D(TABLE, (3, 3), kernel_initializer=keras.initializers.GlorotUniform(seed=5))
    layer.build(images.shape)
    drawn = np.asarray(keras.initializers.GlorotUniform(seed=5)((3, 3, 4, 4)))
    kept = dense_kernel(layer, 4)
    np.testing.assert_array_equal(kept, np.where(kept != 0, drawn, 0))
    assert np.count_nonzero(kept) == 10 * 9


def test_it_is_saved_loaded_and_counted(images):
    image = keras.Input((7, 8, 4), name="image")
    model = keras.Model(image, TableConv2D(TABLE, (3, 2), activation="relu", name="c3")(image))
    copy = keras.models.model_from_json(model.to_json())
    assert copy.get_layer("c3").get_config() == model.get_layer("c3").get_config()
    copy.set_weights(model.get_weights())
    np.testing.assert_array_equal(copy(images), model(images))
    _, row = layer_table(json.loads(model.to_json()))
    assert (row.output_shape, row.parameters) == ((5, 7, 4), model.count_params())
    assert row.connections == 5 * 7 * sum(6 * len(seen) + 1 for seen in TABLE)
    assert row.multiply_accumulates == 5 * 7 * 6 * sum(map(len, TABLE))
    assert row.receptive_field == (3, 2)


@pytest.mark.parametrize("table", [(), ((),), ((0, 0),), ((-1,),)])
def test_a_table_must_list_different_maps(table):
    with pytest.raises(ValueError, match="`table` must list different input maps for each output map"):
        TableConv2D(table, (3, 3))


def test_a_table_that_does_not_fit_the_input_is_rejected(images):
    with pytest.raises(ValueError, match=r"below 4\. Received index 4"):
        TableConv2D([(4,)], (3, 3))(images)
    with pytest.raises(ValueError, match="`kernel_size` must fit inside the input"):
        TableConv2D([(0,)], (8, 3))(images)
    with pytest.raises(ValueError, match="`kernel_size` must be two positive integers"):
        TableConv2D([(0,)], (0, 3))
