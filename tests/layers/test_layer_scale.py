"""Layer scale: a factor per channel."""

import json

import keras
import numpy as np

from pipeline.arithmetic.table import layer_table
from pipeline.layers.layer_scale import LayerScale


def test_every_channel_has_its_own_factor():
    maps = np.random.default_rng(0).normal(size=(2, 4, 5, 3)).astype("float32")
    layer = LayerScale(0.1)
    np.testing.assert_allclose(layer(maps), 0.1 * maps, rtol=1e-6)
    layer.scale.assign([1.0, 2.0, 3.0])
    np.testing.assert_allclose(layer(maps), maps * [1, 2, 3], rtol=1e-6)


def test_it_is_saved_loaded_and_counted():
    image = keras.Input((4, 5, 3), name="image")
    model = keras.Model(image, LayerScale(1e-6, name="scale")(image))
    assert keras.models.model_from_json(model.to_json()).to_json() == model.to_json()
    _, row = layer_table(json.loads(model.to_json()))
    assert (row.output_shape, row.parameters, row.connections) == ((4, 5, 3), 3, 0)
