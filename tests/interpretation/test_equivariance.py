"""Equivariance errors of layers: exact controls, and differences written out by hand."""

import json

import keras
import numpy as np
import pytest
from keras import layers

from pipeline.architectures import lecture_cnn
from pipeline.arithmetic.table import layer_table
from pipeline.interpretation.equivariance import depths, layer_errors, measured_layers
from pipeline.layers.locally_connected import LocallyConnected2D

IMAGES = np.random.default_rng(0).normal(size=(3, 16, 16, 1)).astype(np.float32)


def rows_of(network):
    return layer_table(json.loads(network.to_json()))


def errors_of(*steps, images=IMAGES):
    keras.utils.set_random_seed(0)
    network = keras.Sequential([keras.Input(images.shape[1:]), *steps, layers.GlobalAveragePooling2D()])
    return layer_errors(network, rows_of(network), images)


def test_a_convolution_is_equivariant_away_from_the_border():
    errors = errors_of(layers.Conv2D(4, 5, padding="same", activation="relu", name="conv"), layers.MaxPooling2D(2))
    assert max(error.inner for error in errors.values()) < 1e-6
    assert min(error.shift for error in errors.values()) > 0.01


def test_circular_padding_makes_every_layer_equivariant_to_circular_shifts():
    keras.utils.set_random_seed(0)
    network = lecture_cnn.build((16, 16, 1), 10, padding="circular")
    errors = layer_errors(network, rows_of(network), IMAGES)
    assert list(errors) == ["conv1", "pool1", "conv2", "pool2"]
    assert max(error.shift for error in errors.values()) < 1e-6


def test_polyphase_sampling_follows_a_shift_by_one_pixel_and_pooling_does_not():
    keras.utils.set_random_seed(0)
    polyphase, pooled = (
        lecture_cnn.build((16, 16, 1), 10, padding="circular", pooling=pooling) for pooling in ("polyphase", "max")
    )
    assert layer_errors(polyphase, rows_of(polyphase), IMAGES)["pool2"].pixel < 1e-6
    assert layer_errors(pooled, rows_of(pooled), IMAGES)["pool2"].pixel > 0.1


def test_a_locally_connected_layer_is_not_equivariant():
    assert errors_of(LocallyConnected2D(4, 3, name="local"))["local"].inner > 0.5


def test_a_quarter_turn_changes_a_convolution_unless_its_kernel_is_symmetric():
    turned = {}
    for name, kernel in {"edge": [[-1, 0, 1]] * 3, "blur": [[1, 2, 1], [2, 4, 2], [1, 2, 1]]}.items():
        conv = layers.Conv2D(1, 3, padding="same", name=name, kernel_initializer="zeros")
        network = keras.Sequential([keras.Input((16, 16, 1)), conv])
        conv.set_weights([np.reshape(kernel, (3, 3, 1, 1)), np.zeros(1)])
        turned[name] = layer_errors(network, rows_of(network), IMAGES)[name].turn
    assert turned["edge"] > 0.5
    assert turned["blur"] < 1e-6


def test_the_errors_of_a_padded_convolution_by_hand():
    """The kernel [1 1 1] along a row: after a circular shift only the first and last column are wrong."""
    conv = layers.Conv2D(1, (1, 3), padding="same", name="conv", use_bias=False, kernel_initializer="ones")
    network = keras.Sequential([keras.Input((4, 4, 1)), conv])
    image = np.tile(np.array([1, 2, 3, 4], np.float32), (4, 1)).reshape(1, 4, 4, 1)
    found = layer_errors(network, rows_of(network), image)["conv"]
    # [1 2 3 4] gives [3 6 9 7], shifted [7 3 6 9]; [4 1 2 3] gives [5 7 6 5].
    expected = np.sqrt(((np.array([5, 7, 6, 5]) - [7, 3, 6, 9]) ** 2).sum() / (np.array([3, 6, 9, 7]) ** 2).sum())
    assert found.shift == pytest.approx(expected)
    assert found.pixel == pytest.approx(expected)
    assert found.inner == pytest.approx(0)


def test_maps_that_do_not_cover_the_image_have_no_error_of_circular_shifts():
    errors = errors_of(layers.Conv2D(2, 3, name="valid"), layers.MaxPooling2D(4, name="pool"))
    assert errors["valid"].shift is None
    assert errors["valid"].inner < 1e-6
    assert errors["pool"].pixel is None


def test_dead_maps_and_networks_without_maps_have_no_error():
    dead = layers.Conv2D(2, 3, padding="same", kernel_initializer="zeros", name="dead")
    assert errors_of(dead)["dead"] == (None, None, None, None)
    flat = keras.Sequential([keras.Input((16, 16, 1)), layers.Flatten(), layers.Dense(2)])
    assert layer_errors(flat, rows_of(flat), IMAGES) == {}


def test_many_images_give_the_same_errors_as_one_batch(monkeypatch):
    network = keras.Sequential([keras.Input((16, 16, 1)), layers.Conv2D(4, 3, padding="same", name="conv")])
    together = layer_errors(network, rows_of(network), IMAGES)["conv"]
    monkeypatch.setattr("pipeline.interpretation.equivariance.BYTES", 1)
    apart = layer_errors(network, rows_of(network), IMAGES)["conv"]
    assert tuple(apart) == pytest.approx(tuple(together))


def test_the_depth_counts_layers_with_weights_on_the_longest_path():
    image = keras.Input((8, 8, 1), name="image")
    x = layers.Conv2D(2, 3, padding="same", name="stem")(image)
    branch = layers.ReLU(name="relu")(layers.BatchNormalization(name="norm")(x))
    branch = layers.Conv2D(2, 3, padding="same", name="conv")(branch)
    out = layers.Dense(2, name="output")(
        layers.GlobalAveragePooling2D(name="mean")(layers.Add(name="add")([x, branch]))
    )
    network = keras.Model(image, out)
    found = depths(rows_of(network))
    assert found == {"image": 0, "stem": 1, "norm": 1, "relu": 1, "conv": 2, "add": 2, "mean": 2, "output": 3}
    assert [row.name for row in measured_layers(network, rows_of(network))] == ["stem", "norm", "relu", "conv", "add"]
