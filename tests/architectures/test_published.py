"""Parameters and costs of architectures are those of their papers or counted by hand."""

import hashlib
import json
import subprocess
import sys
from importlib import import_module

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
from keras.src.legacy.saving import legacy_h5_format

from pipeline.architectures.resnet import build as build_resnet
from pipeline.arithmetic.table import LayerRow, layer_table
from pipeline.layers.classifier import classifier
from pipeline.layers.shortcut import ChannelPaddedShortcut
from pipeline.networks.build import architecture_names, build

DIGIT = (16, 16, 1)
PADDED_DIGIT = (32, 32, 1)
CIFAR = (32, 32, 3)
IMAGENET = (224, 224, 3)


def trainable(model: keras.Model) -> int:
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


def sized(architecture: str, options: dict, *, shape: tuple[int, int, int], classes: int) -> keras.Model:
    """The network without values of its weights, so that large networks take no memory."""
    with keras.StatelessScope(initialize_variables=False):
        return import_module(f"pipeline.architectures.{architecture}").build(shape, classes, **options)


def rows(model: keras.Model) -> dict[str, LayerRow]:
    """The rows of the layer table, which must add up to the parameters that Keras counts."""
    table = layer_table(json.loads(model.to_json()))
    assert sum(row.parameters for row in table) == model.count_params()
    return {row.name: row for row in table}


def total(model: keras.Model, column: str) -> int:
    return sum(getattr(row, column) for row in rows(model).values())


@pytest.mark.parametrize(
    ("network", "links", "weights"),
    [(1, 2570, 2570), (2, 3214, 3214), (3, 1226, 1226), (4, 2266, 1132), (5, 5194, 1060)],
)
def test_the_networks_of_1989_have_the_links_and_weights_of_their_table(network, links, weights):
    """The Elements of Statistical Learning, table 11.1."""
    model = build("lecun1989", {"network": network}, input_shape=DIGIT, classes=10)
    assert (total(model, "connections"), model.count_params()) == (links, weights)


def test_the_hidden_layers_of_1989_depend_on_the_size_of_the_image():
    model = build("lecun1989", {"network": 5}, input_shape=(28, 27, 3), classes=10)
    assert model.get_layer("h1_tanh").output.shape == (None, 14, 14, 2)
    assert model.get_layer("h2_tanh").output.shape == (None, 7, 7, 4)


def test_two_networks_of_1989_differ_only_in_the_weight_sharing_of_their_first_layer():
    unshared, shared = (build("lecun1989", {"network": network}, input_shape=DIGIT, classes=10) for network in (3, 4))
    assert unshared.get_layer("h1").kernel.shape == (8, 8, 9, 1)
    assert shared.get_layer("h1").kernel.shape == (3, 3, 1, 2)
    assert shared.get_layer("h1_bias").bias.shape == (8, 8, 2)
    assert unshared.get_layer("h2").output.shape == shared.get_layer("h2").output.shape == (None, 4, 4, 1)


@pytest.mark.parametrize(
    ("architecture", "options", "parameters"),
    [
        ("logistic", {}, 410),
        ("mnist1d", {"network": "mlp"}, 15_210),
        ("mnist1d", {"network": "cnn"}, 5_210),
        ("mnist1d_pooling", {"pooling": "none"}, 9_310),
        ("mnist1d_pooling", {"pooling": "stride"}, 3_310),
        ("mnist1d_pooling", {"pooling": "max"}, 3_310),
    ],
)
def test_networks_for_mnist1d_have_the_parameters_of_its_notebooks(architecture, options, parameters):
    assert build(architecture, options, input_shape=(1, 40, 1), classes=10).count_params() == parameters


def test_the_maps_of_the_network_for_mnist1d_have_19_10_and_5_positions():
    model = build("mnist1d", {}, input_shape=(1, 40, 1), classes=10)
    assert [model.get_layer(f"conv{depth}").output.shape[2] for depth in (1, 2, 3)] == [19, 10, 5]


def test_the_initial_weights_of_pytorch_lie_within_one_over_the_root_of_the_inputs():
    """torch.nn.Conv1d and torch.nn.Linear: kernels and biases are uniform in this interval."""
    model = build("mnist1d", {"start": "pytorch"}, input_shape=(1, 40, 1), classes=10)
    for name, inputs in (("conv1", 5), ("conv2", 75), ("conv3", 75), ("output", 125)):
        kernel, bias = model.get_layer(name).get_weights()
        limit = inputs**-0.5
        assert 0.85 * limit < np.abs(kernel).max() <= limit
        assert 0 < np.abs(bias).max() <= limit


def test_pooling_of_a_signal_with_two_equal_rows_is_pooling_along_the_signal():
    """BlurPool2D and PolyphaseSampling2D against sums by hand."""
    signal = np.array([3.0, 1, 4, 1, 5, 9, 2, 6], np.float32)
    highest = np.maximum(signal, np.append(signal[1:], -np.inf))
    mirrored = np.pad(highest, 1, mode="reflect")
    blurred = [mirrored[place : place + 3] @ [0.25, 0.5, 0.25] for place in range(0, 8, 2)]
    phase = max(highest[::2], highest[1::2], key=lambda values: (values**2).sum())
    for pooling, expected in (("blur", blurred), ("polyphase", phase)):
        model = build("mnist1d_pooling", {"pooling": pooling}, input_shape=(1, 8, 1), classes=10)
        start, end = model.get_layer("pool1_max").input, model.get_layer("pool1").output
        maps = np.repeat(signal, 20).reshape(1, 1, 8, 20)
        found = np.asarray(keras.Model(start, end)(maps))[0, 0, :, 0]
        np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 28, 1), (32, 32, 1)])
def test_lenet5_has_61706_parameters_on_all_digits(shape):
    model = build("lenet5", {}, input_shape=shape, classes=10)
    assert model.count_params() == 61706
    assert model.get_layer("c5").output.shape == (None, 1, 1, 120)


def test_lenet5_as_in_the_paper_has_its_parameters_and_connections_layer_by_layer():
    model = build("lenet5", {"connections": "table", "subsampling": "trainable"}, input_shape=PADDED_DIGIT, classes=10)
    table = rows(model)
    names = ("c1", "s2", "c3", "s4", "c5", "f6")
    assert [table[name].parameters for name in names] == [156, 12, 1516, 32, 48120, 10164]
    assert [table[name].connections for name in names] == [122304, 5880, 151600, 2000, 48120, 10164]
    assert sum(table[name].parameters for name in names) == 60000
    # This output has 840 trained weights instead of the paper's 840 fixed ones, and a bias for each class.
    assert total(model, "connections") - 10 == 340908


def test_the_connections_of_lenet5s_c3_are_those_of_table_i():
    rows_of_table_i = [
        "X...XXX..XXXX.XX",
        "XX...XXX..XXXX.X",
        "XXX...XXX..X.XXX",
        ".XXX..XXXX..X.XX",
        "..XXX..XXXX.XX.X",
        "...XXX..XXXX.XXX",
    ]
    model = build("lenet5", {"connections": "table"}, input_shape=PADDED_DIGIT, classes=10)
    marked = [{row for row in range(6) if rows_of_table_i[row][column] == "X"} for column in range(16)]
    assert list(map(set, model.get_layer("c3").table)) == marked


@pytest.mark.parametrize(
    ("shape", "digest"),
    [
        ((16, 16, 1), "72628e24ff6f0de0ba84a903c096f5fa3e4df69f8476a77df0ac7e572d407ccd"),
        ((28, 28, 1), "539100d00552aec0a96e6e8d2d2f82a0c436244894d705173ec0331f0524112e"),
        ((64, 64, 3), "8368ae915b9b2ae9367b8b0ec01392ba0c5db2d67d1b31c36e34dcc4ac19745f"),
    ],
)
def test_the_json_of_the_default_lenet5_has_not_changed(shape, digest):
    """Otherwise the fingerprints of existing results would change."""
    text = build("lenet5", {}, input_shape=shape, classes=3).to_json()
    assert hashlib.sha256(text.encode()).hexdigest() == digest


def test_lenet5_pads_digits_of_28_pixels_by_two_on_every_side_as_lecun_did():
    model = build("lenet5", {}, input_shape=(28, 28, 1), classes=10)
    assert model.get_layer("padding").padding == ((2, 2), (2, 2))


def test_lenet5_accepts_larger_images():
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
    model = sized("resnet", {"blocks_per_stage": blocks}, shape=CIFAR, classes=10)
    assert round(trainable(model) / 1e6, 2) == millions


def test_resnet8_has_eight_layers_with_weights_and_the_parameters_counted_by_hand():
    model = build("resnet", {}, input_shape=(32, 32, 3), classes=10)
    assert sum(isinstance(layer, keras.layers.Conv2D | keras.layers.Dense) for layer in model.layers) == 8
    convolutions = 9 * (3 * 16 + 2 * 16 * 16 + 16 * 32 + 32 * 32 + 32 * 64 + 64 * 64)
    assert trainable(model) == convolutions + 2 * (3 * 16 + 2 * 32 + 2 * 64) + 65 * 10


def test_resnet18_has_its_published_parameters_and_cost():
    """11,689,512: the weights that torchvision publishes. He et al. 2016, table 1: 1.8 billion multiply–accumulates."""
    options = {"form": "imagenet", "maps": (64, 128, 256, 512), "blocks_per_stage": 2}
    model = sized("resnet", options, shape=IMAGENET, classes=1000)
    assert trainable(model) == 11_689_512
    assert round(total(model, "multiply_accumulates") / 1e9, 1) == 1.8
    table = rows(model)
    shapes = [table[name].output_shape for name in ("stem", "stem_pool", "stage4_block2_relu2")]
    assert shapes == [(112, 112, 64), (56, 56, 64), (7, 7, 512)]


def test_resnet10_has_the_parameters_counted_by_hand():
    model = build("resnet", {"form": "imagenet", "maps": (16, 32, 64, 128)}, input_shape=(64, 64, 1), classes=2)
    pairs = ((16, 16), (16, 32), (32, 64), (64, 128))
    convolutions = 49 * 16 + sum(9 * (before + after) * after for before, after in pairs)
    shortcuts = 16 * 32 + 32 * 64 + 64 * 128
    normalisation = 2 * (16 + 2 * 16 + 3 * (32 + 64 + 128))
    assert trainable(model) == convolutions + shortcuts + normalisation + 129


def test_the_pooling_of_a_residual_network_ignores_the_padding_around_its_maps():
    model = build("resnet", {"form": "imagenet"}, input_shape=(8, 8, 1), classes=2)
    pooled = keras.Model(model.get_layer("stem_relu").output, model.get_layer("stem_pool").output)
    maps = np.random.default_rng(0).uniform(1, 2, size=(1, 4, 4, 16)).astype("float32")
    first = np.asarray(pooled(maps))[0, 0, 0]
    np.testing.assert_array_equal(first, maps[0, :2, :2].max(axis=(0, 1)))


@pytest.mark.parametrize(("blocks", "bottleneck", "depth", "millions"), [(18, False, 110, 1.7), (18, True, 164, 1.7)])
def test_pre_activation_networks_have_their_published_parameters(blocks, bottleneck, depth, millions):
    """Huang et al. 2017, table 2."""
    model = sized("resnet_v2", {"blocks_per_stage": blocks, "bottleneck": bottleneck}, shape=CIFAR, classes=10)
    convolutions = [
        layer
        for layer in model.layers
        if isinstance(layer, keras.layers.Conv2D | keras.layers.Dense) and "shortcut" not in layer.name
    ]
    assert len(convolutions) == depth
    assert round(trainable(model) / 1e6, 1) == millions


def test_pre_activation_changes_the_order_of_layers_and_not_their_weights():
    first, last = (sized(name, {"blocks_per_stage": 3}, shape=CIFAR, classes=10) for name in ("resnet_v2", "resnet"))
    shapes = [sorted(tuple(weight.shape) for weight in model.weights) for model in (first, last)]
    assert shapes[0] == shapes[1]


def test_the_shortcut_path_of_pre_activation_blocks_has_only_sums():
    model = sized("resnet_v2", {"blocks_per_stage": 3}, shape=CIFAR, classes=10)
    layer, way = "stage1_block3_add", []
    while layer != "stem_relu":
        way.append(layer)
        layer = rows(model)[layer].inputs[0]
    assert way == ["stage1_block3_add", "stage1_block2_add", "stage1_block1_add"]


def test_vgg16_has_the_parameters_and_cost_of_configuration_d():
    """Simonyan & Zisserman 2015, table 2 (138 million); the exact count is that of their published weights."""
    blocks = [(2, 64), (2, 128), (3, 256), (3, 512), (3, 512)]
    model = sized("vgg", {"blocks": blocks, "units": (4096, 4096)}, shape=IMAGENET, classes=1000)
    assert model.count_params() == 138_357_544
    assert total(model, "multiply_accumulates") == 15_470_264_320
    last = rows(model)["block5_pool"]
    assert (last.receptive_field, last.stride) == ((212, 212), (32, 32))  # Araujo et al. 2019


def test_batch_normalisation_replaces_the_biases_of_vggs_convolutions():
    blocks = [(2, 64), (2, 128), (3, 256), (3, 512), (3, 512)]
    options = {"blocks": blocks, "units": (4096, 4096), "batch_normalization": True}
    model = sized("vgg", options, shape=IMAGENET, classes=1000)
    maps = sum(convolutions * width for convolutions, width in blocks)
    assert trainable(model) == 138_357_544 - maps + 2 * maps


def test_vgg_with_global_averages_has_the_parameters_counted_by_hand():
    options = {"blocks": [(1, 8), (2, 16)], "batch_normalization": True, "head": "global_average", "units": ()}
    model = build("vgg", options, input_shape=(64, 64, 1), classes=2)
    assert trainable(model) == 9 * (8 + 8 * 16 + 16 * 16) + 2 * (8 + 16 + 16) + 17
    assert [layer.name for layer in model.layers[-3:]] == ["average", "dropout", "output"]
    assert model.get_layer("dropout").rate == 0.5


@pytest.mark.parametrize(
    ("architecture", "digest"),
    [
        ("vgg", "38fc8fcfdec39ee0463db1462f8ea65b536a072863d748bc0c7318c46056fa10"),
        ("resnet", "5d0e0daeba4a49202c2297f9aa36abd891e3ef65b93fe560c1f4fdf85a8465d1"),
    ],
)
def test_the_json_of_the_default_vgg_and_resnet_has_not_changed(architecture, digest):
    """Otherwise the fingerprints of existing results would change."""
    text = build(architecture, {}, input_shape=(64, 64, 1), classes=2).to_json()
    assert hashlib.sha256(text.encode()).hexdigest() == digest


MODULES = ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b")


def test_all_inception_modules_after_the_papers_stem_are_googlenet():
    """6,998,552 parameters: Caffe's `bvlc_googlenet`. Shapes: Szegedy et al. 2015, table 1."""
    options = {"modules": MODULES, "width": 1.0, "stem": "paper"}
    model = sized("inception", options, shape=IMAGENET, classes=1000)
    assert model.count_params() == 6_998_552
    assert total(model, "multiply_accumulates") == pytest.approx(1.58e9, rel=0.01)
    table = rows(model)
    assert table["stem_pool2"].output_shape == (28, 28, 192)
    shapes = [table[f"inception{module}"].output_shape for module in MODULES]
    maps = [256, 480, 512, 512, 512, 528, 832, 832, 1024]
    assert shapes == [(side, side, width) for side, width in zip([28] * 2 + [14] * 5 + [7] * 2, maps, strict=True)]

    def thousands(module: str) -> float:
        return sum(row.parameters for row in table.values() if row.name.startswith(f"inception{module}")) / 1024

    # As the table prints them; its later modules fit less well with their own widths (4c: 463 for 498).
    assert (int(thousands("3a")), round(thousands("3b"))) == (159, 380)


@pytest.mark.parametrize(
    ("width", "repeats", "millions", "million_multiply_accumulates"),
    [(1.0, 5, 4.2, 569), (0.75, 5, 2.6, 325), (0.5, 5, 1.3, 149), (0.25, 5, 0.5, 41), (1.0, 0, 2.9, 307)],
)
def test_mobilenets_have_the_parameters_and_cost_of_their_paper(width, repeats, millions, million_multiply_accumulates):
    """Howard et al. 2017, tables 5 (the shallow network) and 6."""
    options = {"width": width, "repeats": repeats, "stem_strides": 2}
    model = sized("mobilenet", options, shape=IMAGENET, classes=1000)
    assert round(trainable(model) / 1e6, 1) == millions
    assert int(total(model, "multiply_accumulates") / 1e6 + 0.5) == million_multiply_accumulates


def test_mobilenet_has_the_parameters_of_keras_own():
    model = sized("mobilenet", {"width": 1.0, "stem_strides": 2}, shape=IMAGENET, classes=1000)
    assert model.count_params() == 4_253_864


@pytest.mark.parametrize(
    ("depth", "growth", "compressed", "millions"),
    [(40, 12, False, 1.0), (100, 12, False, 7.0), (100, 24, False, 27.2), (100, 12, True, 0.8)],
)
def test_densenets_have_the_parameters_of_their_papers_table_2(depth, growth, compressed, millions):
    options = {"blocks": [(depth - 4) // 6 if compressed else (depth - 4) // 3] * 3, "growth": growth}
    if compressed:
        options |= {"bottleneck": True, "compression": 0.5}
    model = sized("densenet", options, shape=CIFAR, classes=10)
    assert round(trainable(model) / 1e6, 1) == millions
    weights = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D | keras.layers.Dense)]
    assert len(weights) == depth
    assert model.get_layer("stem").filters == (2 * growth if compressed else 16)


def test_every_layer_of_a_dense_block_reads_all_earlier_ones():
    model = sized("densenet", {"blocks": [3], "growth": 5}, shape=(8, 8, 3), classes=10)
    seen = [model.get_layer(f"block1_layer{layer}_conv").input.shape[-1] for layer in (1, 2, 3)]
    assert seen == [16, 21, 26]


def test_convnext_t_has_the_parameters_and_cost_of_its_paper():
    """28,589,128 parameters: its published weights. Liu et al. 2022, table 1: 4.5 billion multiply–accumulates."""
    stages = [(3, 96), (3, 192), (9, 384), (3, 768)]
    model = sized("convnext", {"stages": stages, "patch": 4}, shape=IMAGENET, classes=1000)
    assert model.count_params() == 28_589_128
    assert round(total(model, "multiply_accumulates") / 1e9, 1) == 4.5


def test_an_application_has_the_parameters_of_its_body_and_a_new_output():
    model = sized("keras_application", {"name": "MobileNetV2"}, shape=IMAGENET, classes=1000)
    assert model.count_params() == 3_538_984  # Keras' documentation: 3.5 million


@pytest.mark.parametrize("name", ["EfficientNetV2B0", "MobileNetV3Small", "ConvNeXtTiny"])
def test_an_application_gets_standardised_images_unchanged(name):
    model = sized("keras_application", {"name": name}, shape=(40, 40, 1), classes=3)
    kinds = {type(layer) for layer in model.layers if "se" not in layer.name}
    assert not kinds & {keras.layers.Rescaling, keras.layers.Normalization}


def test_an_application_that_divides_by_255_gets_pixels_times_255():
    model = build("keras_application", {"name": "EfficientNetB0"}, input_shape=(8, 8, 1), classes=3)
    through = keras.Model(model.input, model.get_layer("normalization").output)
    image = np.random.default_rng(0).normal(size=(1, 8, 8, 1)).astype("float32")
    np.testing.assert_allclose(through(image), image, rtol=1e-5)


# Keras 3.15 reads a variable in a way that causes a warning of NumPy 2.4.
saves_weights = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """An application without its top layers, and two files of its weights: as Keras writes and as it publishes them."""
    keras.utils.set_random_seed(3)
    body = keras.applications.MobileNetV2(include_top=False, weights=None, input_shape=(32, 32, 3))
    folder = tmp_path_factory.mktemp("weights")
    body.save_weights(folder / "now.weights.h5")
    with h5py.File(folder / "published.h5", "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, body)
    return folder, body


@saves_weights
@pytest.mark.parametrize(("file", "channels"), [("now.weights.h5", 3), ("published.h5", 1)])
def test_an_application_with_a_weights_file_is_that_network(published, file, channels):
    folder, body = published
    options = {"name": "MobileNetV2", "weights": str(folder / file)}
    model = build("keras_application", options, input_shape=(32, 32, channels), classes=3)
    images = np.random.default_rng(0).normal(size=(2, 32, 32, channels)).astype("float32")
    features = keras.Model(model.input, model.layers[-2].output)
    expected = np.asarray(body(images if channels == 3 else images.repeat(3, axis=-1))).mean(axis=(1, 2))
    np.testing.assert_allclose(features(images), expected, rtol=1e-4, atol=1e-6)


@saves_weights
def test_weights_of_another_network_are_rejected_in_one_sentence(published, tmp_path):
    garbage = tmp_path / "garbage.weights.h5"
    garbage.write_text("no weights")
    now, legacy = (published[0] / file for file in ("now.weights.h5", "published.h5"))
    for name, file in (("MobileNet", now), ("MobileNet", legacy), ("MobileNetV2", garbage), ("MobileNetV2", tmp_path)):
        with pytest.raises(ValueError, match="`weights` must") as error:
            import_module("pipeline.architectures.keras_application").build(
                (32, 32, 3), 3, name=name, weights=str(file)
            )
        assert "\n" not in str(error.value)


def test_a_shortcut_keeps_every_second_pixel_and_adds_channels_of_zeros():
    maps = np.random.default_rng(0).normal(size=(2, 5, 6, 3)).astype("float32")
    shortcut = ChannelPaddedShortcut(5, strides=2)
    past = np.asarray(shortcut(maps))
    np.testing.assert_array_equal(past[..., :3], maps[:, ::2, ::2])
    np.testing.assert_array_equal(past[..., 3:], 0)
    assert shortcut.compute_output_shape(maps.shape) == past.shape
    assert shortcut.count_params() == 0


@pytest.mark.parametrize("strides", [1, 2, 3])
def test_a_shortcut_has_the_bits_and_gradients_of_a_slice(strides):
    maps = tf.random.stateless_normal((2, 7, 8, 3), seed=(1, 2))

    def with_gradient(layer):
        with tf.GradientTape() as tape:
            tape.watch(maps)
            past = layer(maps)
            loss = tf.reduce_sum(past**3)
        return past, tape.gradient(loss, maps)

    found = with_gradient(ChannelPaddedShortcut(3, strides=strides))
    for one, other in zip(found, with_gradient(lambda x: x[:, ::strides, ::strides]), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_shortcut_is_saved_and_loaded():
    image = keras.Input((5, 6, 3), name="image")
    model = keras.Model(image, ChannelPaddedShortcut(5, strides=2, name="shortcut")(image))
    copy = keras.models.model_from_json(model.to_json())
    assert copy.get_layer("shortcut").get_config() == model.get_layer("shortcut").get_config()


def test_maps_of_a_small_residual_network_cannot_decrease():
    with pytest.raises(ValueError, match=r"`maps` must not decrease .* Received maps=\[16, 32, 24\]"):
        build_resnet((8, 8, 1), 2, maps=(16, 32, 24))
    assert build_resnet((16, 16, 1), 3, form="imagenet", maps=(16, 8)).output_shape == (None, 3)


def test_a_shortcut_cannot_drop_channels():
    with pytest.raises(ValueError, match=r"at least the number of input channels, 3\. Received filters=2"):
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
def test_the_output_has_one_unit_for_two_classes_and_otherwise_one_per_class(classes, units, activation):
    output = classifier(classes)
    assert (output.units, output.activation.__name__, output.name) == (units, activation, "output")


def digests() -> dict[str, str]:
    models = {
        name: build(name, {}, input_shape=DIGIT, classes=3, subgroups=2, numbers=3) for name in architecture_names()
    }
    return {name: hashlib.sha256(model.to_json().encode()).hexdigest() for name, model in models.items()}


def test_building_an_architecture_again_gives_the_same_bytes():
    code = (
        "import hashlib; from pipeline.networks.build import architecture_names, build\n"
        "for name in reversed(architecture_names()):\n"
        "    text = build(name, {}, input_shape=(16, 16, 1), classes=3, subgroups=2, numbers=3).to_json()\n"
        "    print(name, hashlib.sha256(text.encode()).hexdigest())"
    )
    elsewhere = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert digests() == dict(line.split() for line in elsewhere.splitlines())
