"""Architectures beside the numbers that their papers or a count by hand give."""

import hashlib
import subprocess
import sys

import keras
import numpy as np
import pytest

from pipeline.building import architecture_names, build
from pipeline.layers.classifier import classifier
from pipeline.layers.shortcut import ChannelPaddedShortcut


def trainable(model: keras.Model) -> int:
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 28, 1), (32, 32, 1)])
def test_lenet5_has_61706_parameters_on_all_digits(shape):
    model = build("lenet5", {}, input_shape=shape, classes=10)
    assert model.count_params() == 61706
    assert model.get_layer("c5").output.shape == (None, 1, 1, 120)


def test_lenet5_pads_digits_of_28_pixels_by_two_on_every_side_as_lecun_did():
    model = build("lenet5", {}, input_shape=(28, 28, 1), classes=10)
    assert model.get_layer("padding").padding == ((2, 2), (2, 2))


def test_lenet5_keeps_larger_images_and_sees_every_position_of_c5():
    model = build("lenet5", {}, input_shape=(64, 64, 3), classes=10)
    assert model.get_layer("c5").output.shape == (None, 9, 9, 120)
    assert model.get_layer("f6").kernel.shape == (9 * 9 * 120, 84)


def test_the_lectures_network_has_the_parameters_counted_by_hand():
    model = build("lecture_cnn", {}, input_shape=(64, 64, 1), classes=2)
    assert model.count_params() == (9 + 1) * 16 + (9 * 16 + 1) * 32 + (16 * 16 * 32 + 1) * 100 + 101


def test_unshared_weights_have_the_parameters_counted_by_hand():
    model = build("locally_connected", {}, input_shape=(64, 64, 1), classes=2)
    first, second = 64 * 64 * (9 + 1) * 16, 32 * 32 * (9 * 16 + 1) * 32
    assert model.count_params() == first + second + (16 * 16 * 32 + 1) * 100 + 101


def test_the_fully_connected_network_has_the_parameters_counted_by_hand():
    assert build("fully_connected", {}, input_shape=(28, 28, 1), classes=10).count_params() == 785 * 100 + 101 * 10


@pytest.mark.parametrize(("blocks", "millions"), [(3, 0.27), (5, 0.46), (9, 0.85)])
def test_residual_networks_have_the_parameters_of_the_papers_table_6(blocks, millions):
    model = build("resnet", {"blocks_per_stage": blocks}, input_shape=(32, 32, 3), classes=10)
    assert round(trainable(model) / 1e6, 2) == millions


def test_resnet8_has_eight_layers_with_weights_and_the_parameters_counted_by_hand():
    model = build("resnet", {}, input_shape=(32, 32, 3), classes=10)
    assert sum(isinstance(layer, keras.layers.Conv2D | keras.layers.Dense) for layer in model.layers) == 8
    convolutions = 9 * (3 * 16 + 2 * 16 * 16 + 16 * 32 + 32 * 32 + 32 * 64 + 64 * 64)
    assert trainable(model) == convolutions + 2 * (3 * 16 + 2 * 32 + 2 * 64) + 65 * 10


def test_a_shortcut_keeps_every_second_pixel_and_adds_channels_of_zeros():
    maps = np.random.default_rng(0).normal(size=(2, 5, 6, 3)).astype("float32")
    shortcut = ChannelPaddedShortcut(5, strides=2)
    past = np.asarray(shortcut(maps))
    np.testing.assert_array_equal(past[..., :3], maps[:, ::2, ::2])
    np.testing.assert_array_equal(past[..., 3:], 0)
    assert shortcut.compute_output_shape(maps.shape) == past.shape
    assert shortcut.count_params() == 0


def test_a_shortcut_survives_being_written_and_read():
    image = keras.Input((5, 6, 3), name="image")
    model = keras.Model(image, ChannelPaddedShortcut(5, strides=2, name="shortcut")(image))
    copy = keras.models.model_from_json(model.to_json())
    assert copy.get_layer("shortcut").get_config() == model.get_layer("shortcut").get_config()


def test_a_shortcut_refuses_to_drop_channels():
    with pytest.raises(ValueError, match="Received filters=2 and 3 channels"):
        ChannelPaddedShortcut(2)(np.zeros((1, 4, 4, 3), "float32"))
    with pytest.raises(ValueError, match=r"must be at least 1\. Received filters=2, strides=0"):
        ChannelPaddedShortcut(2, strides=0)


def test_the_kernels_of_a_residual_block_are_centred_on_the_pixels_its_shortcut_keeps():
    model = build("resnet", {}, input_shape=(16, 16, 3), classes=10)
    block = keras.Model(model.get_layer("stage1_block1_relu2").output, model.get_layer("stage2_block1_conv1").output)
    centre = np.zeros((3, 3, 16, 32), "float32")
    centre[1, 1] = np.eye(16, 32)
    model.get_layer("stage2_block1_conv1").set_weights([centre])
    maps = np.random.default_rng(0).normal(size=(1, 16, 16, 16)).astype("float32")
    np.testing.assert_allclose(block(maps)[..., :16], maps[:, ::2, ::2], rtol=1e-6)


@pytest.mark.parametrize(
    ("classes", "units", "activation"), [(2, 1, "sigmoid"), (3, 3, "softmax"), (10, 10, "softmax")]
)
def test_two_classes_need_one_probability_and_more_need_one_each(classes, units, activation):
    output = classifier(classes)
    assert (output.units, output.activation.__name__, output.name) == (units, activation, "output")


def digests() -> dict[str, str]:
    models = {name: build(name, {}, input_shape=(16, 16, 1), classes=3) for name in architecture_names()}
    return {name: hashlib.sha256(model.to_json().encode()).hexdigest() for name, model in models.items()}


def test_an_architecture_is_written_in_the_same_bytes_every_time():
    code = (
        "import hashlib; from pipeline.building import architecture_names, build\n"
        "for name in reversed(architecture_names()):\n"
        "    text = build(name, {}, input_shape=(16, 16, 1), classes=3).to_json()\n"
        "    print(name, hashlib.sha256(text.encode()).hexdigest())"
    )
    elsewhere = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    first = digests()
    assert first == digests()
    assert first == dict(line.split() for line in elsewhere.splitlines())
