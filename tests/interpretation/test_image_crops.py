import json

import numpy as np
import pytest

from pipeline.arithmetic.table import layer_table
from pipeline.interpretation.image_crops import layer_rows, receptive_crop
from pipeline.interpretation.labelled_sheet import EMPTY
from pipeline.networks.build import build
from pipeline.training.runtime import start_tensorflow

SIDES = (20, 24)
NUMBERED = np.arange(SIDES[0] * SIDES[1], dtype=np.int64).reshape(*SIDES, 1)
"""An image in which every pixel is different, in more values than 8 bits have."""


@pytest.fixture(autouse=True)
def tensorflow():
    start_tensorflow()


@pytest.mark.parametrize(
    ("architecture", "layer", "place"),
    [
        ("lecture_cnn", "conv2", (4, 5)),
        ("lecture_cnn", "conv2", (0, 0)),
        ("lecture_cnn", "conv2", (9, 11)),
        ("resnet", "stage2_block1_conv1", (4, 5)),
        ("resnet", "stage2_block1_conv1", (0, 11)),
    ],
)
def test_a_crop_has_the_pixels_that_the_unit_depends_on(architecture, layer, place):
    """The gradient of the unit is zero everywhere else."""
    import tensorflow as tf

    network = build(architecture, {}, input_shape=(*SIDES, 1), classes=3)
    import keras

    units = keras.Model(network.inputs[0], network.get_layer(layer).output)
    depends = np.zeros(SIDES, bool)
    for seed in range(8):
        images = tf.constant(np.random.default_rng(seed).normal(size=(1, *SIDES, 1)).astype(np.float32))
        with tf.GradientTape() as tape:
            tape.watch(images)
            value = tf.reduce_sum(units(images)[0, place[0], place[1]] ** 2)
        depends |= np.asarray(tape.gradient(value, images))[0, ..., 0] != 0
    row = layer_rows(network.to_json(), network)[layer]
    cut = receptive_crop(NUMBERED, row, place)
    inside = cut[..., 0][(cut != np.array(EMPTY)).any(axis=2)] if cut.shape[2] == 3 else cut[..., 0].ravel()
    assert set(NUMBERED[depends].ravel()) <= set(inside)
    # The arithmetic is exact in the middle; max pooling and ReLU may hide pixels from the gradient.
    assert len(inside) - depends.sum() <= 0.1 * len(inside)


def test_the_window_of_a_first_layer_is_cut_out_and_lies_outside_in_light_grey():
    network = build("lecture_cnn", {}, input_shape=(8, 8, 3), classes=3)
    row = layer_rows(network.to_json(), network)["conv1"]
    pixels = np.random.default_rng(0).integers(0, 200, (8, 8, 3), dtype=np.uint8)
    np.testing.assert_array_equal(receptive_crop(pixels, row, (3, 4)), pixels[2:5, 3:6])
    corner = receptive_crop(pixels, row, (0, 7))
    assert corner.shape == (3, 3, 3) and corner.dtype == np.uint8
    np.testing.assert_array_equal(corner[1:, :2], pixels[:2, 6:])
    assert (corner[0] == EMPTY).all() and (corner[:, 2] == EMPTY).all()


def test_an_unknown_field_is_the_whole_image():
    pixels = np.zeros((5, 6, 1), np.uint8)
    assert receptive_crop(pixels, None, (2, 3)).shape == (5, 6, 1)


def test_a_network_with_a_layer_without_a_rule_has_rows():
    import keras

    image = keras.Input((8, 8, 1), name="image")
    x = keras.layers.Conv2D(2, 3, name="conv")(image)
    x = keras.layers.GaussianNoise(0.1, name="noise")(x)
    x = keras.layers.UnitNormalization(axis=-1, name="unit")(x)
    network = keras.Model(image, keras.layers.Dense(2)(keras.layers.Flatten()(x)))
    rows = layer_rows(network.to_json(), network)
    assert rows["conv"].receptive_field == (3, 3)
    assert set(rows) >= {"conv", "noise", "unit"}


def test_the_rows_of_a_known_network_are_those_of_the_layer_table():
    network = build("resnet", {}, input_shape=(16, 16, 1), classes=3)
    expected = {row.name: row for row in layer_table(json.loads(network.to_json()))}
    assert layer_rows(network.to_json(), network) == expected
