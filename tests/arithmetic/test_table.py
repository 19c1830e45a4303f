"""The layer table agrees with Keras and with published numbers."""

import json
import subprocess
import sys
from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers

from pipeline.arithmetic.rules.by_class import LAYERS
from pipeline.arithmetic.table import LayerRow, layer_table, totals
from pipeline.layers.locally_connected import LocallyConnected2D
from pipeline.layers.shortcut import ChannelPaddedShortcut
from pipeline.networks.build import architecture_names, build
from pipeline.networks.describe import check


def table(model: keras.Model) -> dict[str, LayerRow]:
    return {row.name: row for row in layer_table(json.loads(model.to_json()))}


def total(model: keras.Model, column: str) -> int:
    return sum(getattr(row, column) for row in table(model).values())


def assert_agrees_with_keras(model: keras.Model) -> None:
    rows = layer_table(json.loads(model.to_json()))
    assert [row.name for row in rows] == [operation.name for operation in model.operations]
    for row, operation in zip(rows, model.operations, strict=True):
        assert row.output_shape == tuple(operation.output.shape[1:]), row
        assert row.activations == np.prod(row.output_shape), row
        # Functions of tensors have no parameters.
        assert row.parameters == (operation.count_params() if isinstance(operation, keras.Layer) else 0), row
    assert totals(rows).parameters == model.count_params()


@pytest.mark.parametrize("architecture", architecture_names())
@pytest.mark.parametrize("shape", [(28, 28, 1), (33, 47, 3)])
def test_arithmetic_and_keras_agree_on_every_architecture(architecture, shape):
    model = build(architecture, {}, input_shape=shape, classes=3, subgroups=2, numbers=3)
    check(model, layer_table(json.loads(model.to_json())))


IMAGE, SIGNAL, VOLUME = (11, 14, 4), (13, 4), (6, 7, 8, 4)
KINDS = [
    (layers.Conv1D(4, 3, strides=2, name="x"), SIGNAL),
    (layers.Conv1D(4, 3, dilation_rate=2, padding="causal", name="x"), SIGNAL),
    (layers.Conv2D(4, (3, 5), strides=(2, 1), name="x"), IMAGE),
    (layers.Conv2D(4, 3, strides=2, padding="same", use_bias=False, name="x"), IMAGE),
    (layers.Conv2D(6, 3, dilation_rate=2, padding="same", name="x"), IMAGE),
    (layers.Conv2D(6, 3, groups=2, name="x"), IMAGE),
    (layers.Conv3D(5, (1, 2, 3), strides=2, padding="same", name="x"), VOLUME),
    (layers.DepthwiseConv1D(3, depth_multiplier=2, name="x"), SIGNAL),
    (layers.DepthwiseConv2D(3, strides=2, depth_multiplier=3, name="x"), IMAGE),
    (layers.DepthwiseConv2D(3, dilation_rate=2, padding="same", use_bias=False, name="x"), IMAGE),
    (layers.SeparableConv1D(5, 3, depth_multiplier=2, name="x"), SIGNAL),
    (layers.SeparableConv2D(5, 3, depth_multiplier=2, name="x"), IMAGE),
    (layers.SeparableConv2D(5, 3, padding="same", use_bias=False, name="x"), IMAGE),
    (layers.Conv1DTranspose(5, 4, strides=3, name="x"), SIGNAL),
    (layers.Conv1DTranspose(5, 2, strides=3, name="x"), SIGNAL),
    (layers.Conv1DTranspose(5, 3, strides=2, padding="same", output_padding=1, name="x"), SIGNAL),
    (layers.Conv2DTranspose(5, (3, 4), strides=2, padding="same", name="x"), IMAGE),
    (layers.Conv2DTranspose(5, 4, strides=(2, 3), padding="same", output_padding=(0, 2), name="x"), IMAGE),
    (layers.Conv2DTranspose(5, 3, dilation_rate=2, use_bias=False, name="x"), IMAGE),
    (layers.Conv3DTranspose(5, 3, strides=2, output_padding=1, name="x"), VOLUME),
    (LocallyConnected2D(5, (3, 2), strides=2, name="x"), IMAGE),
    (LocallyConnected2D(5, 3, padding="same", use_bias=False, name="x"), IMAGE),
    (layers.MaxPooling1D(3, padding="same", name="x"), SIGNAL),
    (layers.MaxPooling2D((3, 2), strides=2, name="x"), IMAGE),
    (layers.MaxPooling3D(2, name="x"), VOLUME),
    (layers.AveragePooling1D(4, strides=1, name="x"), SIGNAL),
    (layers.AveragePooling2D(3, strides=2, padding="same", name="x"), IMAGE),
    (layers.AveragePooling3D((1, 2, 3), name="x"), VOLUME),
    (layers.GlobalAveragePooling1D(name="x"), SIGNAL),
    (layers.GlobalAveragePooling2D(name="x"), IMAGE),
    (layers.GlobalAveragePooling3D(keepdims=True, name="x"), VOLUME),
    (layers.GlobalMaxPooling1D(keepdims=True, name="x"), SIGNAL),
    (layers.GlobalMaxPooling2D(keepdims=True, name="x"), IMAGE),
    (layers.GlobalMaxPooling3D(name="x"), VOLUME),
    (layers.ZeroPadding1D((1, 2), name="x"), SIGNAL),
    (layers.ZeroPadding2D(((1, 2), (3, 0)), name="x"), IMAGE),
    (layers.ZeroPadding3D(((1, 2), (3, 0), (0, 1)), name="x"), VOLUME),
    (layers.Cropping1D((1, 2), name="x"), SIGNAL),
    (layers.Cropping2D(((1, 2), (3, 0)), name="x"), IMAGE),
    (layers.Cropping3D(((1, 2), (3, 0), (0, 1)), name="x"), VOLUME),
    (layers.UpSampling1D(3, name="x"), SIGNAL),
    (layers.UpSampling2D((2, 3), interpolation="bilinear", name="x"), IMAGE),
    (layers.UpSampling3D(2, name="x"), VOLUME),
    (ChannelPaddedShortcut(7, strides=2, name="x"), IMAGE),
    (layers.Flatten(name="x"), IMAGE),
    (layers.Reshape((-1, 4), name="x"), IMAGE),
    (layers.Reshape((7, 2, 44), name="x"), IMAGE),
    (layers.Permute((2, 1, 3), name="x"), IMAGE),
    (layers.Permute((3, 1, 2), name="x"), IMAGE),
    (layers.Dense(5, name="x"), IMAGE),
    (layers.Dense(5, use_bias=False, name="x"), IMAGE),
    (layers.BatchNormalization(name="x"), IMAGE),
    (layers.BatchNormalization(scale=False, axis=2, name="x"), IMAGE),
    (layers.BatchNormalization(center=False, renorm=True, name="x"), IMAGE),
    (layers.LayerNormalization(name="x"), IMAGE),
    (layers.LayerNormalization(axis=(1, 2, 3), center=False, name="x"), IMAGE),
    (layers.GroupNormalization(2, name="x"), IMAGE),
    (layers.GroupNormalization(2, scale=False, name="x"), IMAGE),
    (layers.RMSNormalization(name="x"), IMAGE),
    (layers.UnitNormalization(name="x"), IMAGE),
    (layers.Normalization(name="x"), IMAGE),
    (layers.Normalization(mean=0.5, variance=2.0, name="x"), IMAGE),
    (layers.PReLU(name="x"), IMAGE),
    (layers.PReLU(shared_axes=[1, 2], name="x"), IMAGE),
    (layers.Activation("tanh", name="x"), IMAGE),
    (layers.ReLU(name="x"), IMAGE),
    (layers.LeakyReLU(name="x"), IMAGE),
    (layers.ELU(name="x"), IMAGE),
    (layers.Softmax(name="x"), IMAGE),
    (layers.Identity(name="x"), IMAGE),
    (layers.ActivityRegularization(name="x"), IMAGE),
    (layers.Dropout(0.5, name="x"), IMAGE),
    (layers.AlphaDropout(0.5, name="x"), IMAGE),
    (layers.GaussianDropout(0.5, name="x"), IMAGE),
    (layers.SpatialDropout1D(0.5, name="x"), SIGNAL),
    (layers.SpatialDropout2D(0.5, name="x"), IMAGE),
    (layers.SpatialDropout3D(0.5, name="x"), VOLUME),
    (layers.GaussianNoise(0.5, name="x"), IMAGE),
    (layers.Rescaling(1 / 255, name="x"), IMAGE),
    (layers.RandomFlip(name="x"), IMAGE),
    (layers.RandomRotation(0.1, name="x"), IMAGE),
    (layers.RandomTranslation(0.1, 0.1, name="x"), IMAGE),
    (layers.RandomZoom(0.1, name="x"), IMAGE),
    (layers.RandomBrightness(0.1, name="x"), IMAGE),
    (layers.RandomContrast(0.1, name="x"), IMAGE),
]


@pytest.mark.parametrize(("layer", "shape"), KINDS, ids=lambda value: type(value).__name__)
def test_arithmetic_and_keras_agree_on_each_kind_of_layer(layer, shape):
    fresh = layer.from_config(layer.get_config())
    image = keras.Input(shape, name="image")
    assert_agrees_with_keras(keras.Model(image, fresh(image)))


def test_every_keras_layer_with_a_rule_is_tested():
    tried = {type(layer).__name__ for layer, _ in KINDS} | {join.__name__ for join in JOINS}
    elsewhere = {"InputLayer", "LayerScale", "StochasticDepth", "CustomScaleLayer"}
    missing = {name for name in LAYERS if hasattr(layers, name)} - tried - elsewhere
    assert missing == set()


JOINS = [
    layers.Add,
    layers.Subtract,
    layers.Multiply,
    layers.Average,
    layers.Maximum,
    layers.Minimum,
    layers.Concatenate,
]


@pytest.mark.parametrize("join", [*JOINS, lambda name: layers.Concatenate(axis=1, name=name)])
def test_arithmetic_and_keras_agree_on_joined_paths(join):
    image = keras.Input((9, 7, 4), name="image")
    x = layers.Conv2D(4, 3, padding="same", name="conv")(image)
    assert_agrees_with_keras(keras.Model(image, join(name="join")([image, x])))


def test_missing_axes_are_broadcast_as_in_keras():
    image = keras.Input((9, 7, 4), name="image")
    scale = layers.GlobalAveragePooling2D(name="average")(image)
    assert_agrees_with_keras(keras.Model(image, layers.Multiply(name="scaled")([image, scale])))


def test_functions_of_tensors_count_as_layers_without_parameters():
    image = keras.Input((9, 7, 4), name="image")
    x = keras.ops.concatenate([(image + 3.0) * 2.0, 1.0 - keras.ops.relu6(image) / 4], axis=-1)
    model = keras.Model(image, keras.ops.absolute(x - layers.Conv2D(8, 1, name="conv")(image)))
    assert_agrees_with_keras(model)
    assert {row.receptive_field for row in table(model).values()} == {(1, 1)}


def links_of(layer: layers.Layer, shape: tuple[int, ...]) -> tuple[int, int]:
    """The number of links of a layer, and of biases among them, counted by unit, window and tap."""
    image = keras.Input(shape, name="image")
    outputs = np.ndindex(*layer(image).shape[1:])
    taps = list(np.ndindex(*getattr(layer, "kernel_size", None) or layer.pool_size))
    channels, links, biases = shape[-1], 0, 0
    for *_position, number in outputs:
        for _tap in taps:
            for channel in range(channels):
                if isinstance(layer, layers.MaxPooling2D):
                    links += channel == number
                elif isinstance(layer, layers.DepthwiseConv2D):
                    links += channel == number // layer.depth_multiplier
                elif isinstance(layer, layers.Conv2D):
                    group = number * layer.groups // layer.filters
                    links += channel * layer.groups // channels == group
                else:
                    links += 1
        biases += getattr(layer, "use_bias", False)
    return links + biases, biases


@pytest.mark.parametrize("bias", [True, False], ids=["with biases", "without"])
@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (layers.Conv1D(3, 4, strides=2, padding="same", name="x"), (9, 2)),
        (layers.Conv2D(6, (3, 2), strides=2, groups=2, name="x"), (7, 6, 4)),
        (layers.Conv2D(2, 3, padding="same", dilation_rate=2, name="x"), (7, 6, 4)),
        (layers.Conv3D(2, (1, 2, 3), name="x"), (4, 4, 4, 2)),
        (layers.DepthwiseConv2D(3, strides=2, depth_multiplier=2, padding="same", name="x"), (7, 6, 3)),
        (LocallyConnected2D(3, (2, 3), strides=2, name="x"), (7, 6, 2)),
        (layers.MaxPooling2D((3, 2), strides=2, padding="same", name="x"), (7, 6, 3)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_connections_equal_links_counted_one_by_one(layer, shape, bias):
    config = layer.get_config()
    if "use_bias" in config:
        config["use_bias"] = bias
    fresh = layer.from_config(config)
    connections, biases = links_of(fresh, shape)
    image = keras.Input(shape, name="image")
    row = table(keras.Model(image, fresh(image)))["x"]
    assert row.connections == connections
    weighted = 0 if isinstance(layer, layers.MaxPooling2D) else connections - biases
    assert row.multiply_accumulates == weighted


def test_a_transposed_convolution_links_every_input_to_every_output_it_covers():
    image = keras.Input((3, 4, 2), name="image")
    row = table(keras.Model(image, layers.Conv2DTranspose(5, (3, 2), strides=2, name="x")(image)))["x"]
    spread = sum(1 for _ in np.ndindex(3, 4, 2, 3, 2, 5))
    assert (row.multiply_accumulates, row.connections) == (spread, spread + np.prod(row.output_shape))


def test_without_weight_sharing_every_connection_is_a_parameter():
    image = keras.Input((9, 8, 3), name="image")
    unshared = LocallyConnected2D(4, 3, strides=2, name="unshared")(image)
    shared = layers.Conv2D(4, 3, strides=2, name="shared")(image)
    rows = table(keras.Model(image, [unshared, shared]))
    assert rows["unshared"].parameters == rows["unshared"].connections == rows["shared"].connections
    dense = layers.Dense(7, name="dense")(layers.Flatten(name="flat")(image))
    assert table(keras.Model(image, dense))["dense"].connections == 9 * 8 * 3 * 7 + 7


def test_lenet5_has_the_connections_of_the_paper():
    options = {"activation": "tanh", "connections": "table", "subsampling": "trainable"}
    rows = table(build("lenet5", options, input_shape=(32, 32, 1), classes=10))
    # LeCun et al. 1998, section II-B; a unit of the output layer has 84 links, without a bias.
    published = {"c1": 122_304, "s2": 5_880, "c3": 151_600, "s4": 2_000, "c5": 48_120, "f6": 10_164}
    assert {name: rows[name].connections for name in published} == published
    assert sum(published.values()) + rows["output"].multiply_accumulates == 340_908
    assert [rows[name].parameters for name in ("c1", "s2", "c3", "s4")] == [156, 12, 1516, 32]


def test_multiply_accumulates_of_a_convolution_are_those_of_its_loops():
    image = keras.Input((7, 6, 4), name="image")
    model = keras.Model(image, layers.Conv2D(6, (3, 2), strides=2, groups=2, name="conv")(image))
    count = 0
    for _row in range(0, 7 - 3 + 1, 2):
        for _column in range(0, 6 - 2 + 1, 2):
            for _filter in range(6):
                count += 3 * 2 * 4 // 2
    assert table(model)["conv"].multiply_accumulates == count


def test_the_cost_of_a_separable_convolution_is_that_of_the_mobilenet_paper():
    image = keras.Input((14, 14, 512), name="image")
    whole = layers.Conv2D(512, 3, padding="same", name="whole")(image)
    apart = layers.SeparableConv2D(512, 3, padding="same", name="apart")(image)
    rows = table(keras.Model(image, [whole, apart]))
    # Howard et al. 2017, section 3.1: 1 / filters + 1 / kernel².
    ratio = rows["apart"].multiply_accumulates / rows["whole"].multiply_accumulates
    assert ratio == pytest.approx(1 / 512 + 1 / 9)


def test_unshared_weights_cost_no_more_multiply_accumulates_but_many_more_parameters():
    shared = table(build("lecture_cnn", {}, input_shape=(64, 64, 1), classes=10))
    unshared = table(build("locally_connected", {}, input_shape=(64, 64, 1), classes=10))
    assert unshared["local2"].multiply_accumulates == shared["conv2"].multiply_accumulates
    assert unshared["local2"].parameters == 32 * 32 * shared["conv2"].parameters


def test_lenet5_with_a_full_c3_has_61706_parameters_layer_by_layer():
    rows = table(build("lenet5", {}, input_shape=(32, 32, 1), classes=10))
    counts = [rows[name].parameters for name in ("c1", "c3", "c5", "f6", "output")]
    assert counts == [156, 2416, 48120, 10164, 850]  # C1, C5 and F6 as in LeCun et al. 1998
    assert sum(counts) == 61706
    assert rows["c1"].multiply_accumulates == 122304 - 28 * 28 * 6  # the paper's connections without those of biases


@pytest.mark.parametrize(
    ("name", "parameters", "billions", "last_map", "field", "stride", "padding"),
    # Parameters: Keras' table of applications. Billions of multiply–accumulates: Simonyan & Zisserman 2015 by layer;
    # He et al. 2016, table 1 (3.8); Howard et al. 2017, table 4 (0.569); Huang et al. 2017, figure 3 (below 3);
    # Szegedy et al. 2016 (5); Sandler et al. 2018, table 4 (0.3); Tan & Le 2019, table 2 (0.39).
    # Fields, strides and paddings: Araujo et al. 2019, whose ResNet begins 2 pixels later, because TensorFlow's `same`
    # adds no zero before an even side, while Keras' network uses explicit padding.
    [
        ("VGG16", 138_357_544, 15.47, "block5_pool", 212, 32, 90),
        ("ResNet50", 25_636_712, 3.858, "conv5_block3_out", 483, 32, 239 + 2),
        ("MobileNet", 4_253_864, 0.569, "conv_pw_13_relu", 315, 32, 126),
        ("InceptionV3", 23_851_784, 5.713, "mixed10", 1311, 32, 618),
        ("DenseNet121", 8_062_504, 2.834, "relu", None, 32, None),
        ("Xception", 22_910_480, 8.357, "block14_sepconv2_act", None, 32, None),
        ("MobileNetV2", 3_538_984, 0.3008, "out_relu", None, 32, None),
    ],
)
def test_well_known_networks_have_their_published_numbers(name, parameters, billions, last_map, field, stride, padding):
    model = getattr(keras.applications, name)(weights=None)
    assert_agrees_with_keras(model)
    rows = table(model)
    row, sums = rows[last_map], totals(tuple(rows.values()))
    assert sums.parameters == parameters
    assert sums.multiply_accumulates == pytest.approx(billions * 1e9, rel=0.001)
    assert row.stride == (stride, stride)
    if field is not None:
        assert (row.receptive_field, row.padding) == ((field, field), (padding, padding))
    assert (rows["predictions"].sees, rows["predictions"].stride) == ("image", None)
    assert rows["predictions"].receptive_field == rows[model.layers[0].name].output_shape[:2]


@pytest.mark.parametrize("name", ["ConvNeXtTiny", "MobileNetV3Small"])
def test_networks_with_models_inside_and_functions_of_tensors_agree_with_keras(name):
    model = getattr(keras.applications, name)(weights=None, input_shape=(64, 64, 3))
    check(model, layer_table(json.loads(model.to_json())))


def test_squeeze_and_excitation_depends_on_the_whole_image():
    model = keras.applications.EfficientNetB0(weights=None, input_shape=(224, 224, 3))
    assert_agrees_with_keras(model)
    assert total(model, "multiply_accumulates") == pytest.approx(0.39e9, rel=0.02)  # Tan & Le 2019, table 2
    assert table(model)["block1a_se_excite"].receptive_field == (224, 224)


@pytest.mark.parametrize(
    ("layer", "sees"),
    [
        (layers.LayerNormalization(), "window"),
        (layers.LayerNormalization(axis=(1, 2, 3)), "image"),
        (layers.GroupNormalization(2), "image"),
        (layers.RMSNormalization(axis=(1, 2, 3)), "image"),
        (layers.UnitNormalization(axis=-1), "window"),
        (layers.UnitNormalization(axis=1), "image"),
        (layers.Softmax(), "window"),
        (layers.Softmax(axis=(1, 2)), "image"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_after_normalisation_over_space_a_unit_depends_on_the_whole_image(layer, sees):
    image = keras.Input((8, 8, 2), name="image")
    model = keras.Model(image, type(layer).from_config({**layer.get_config(), "name": "x"})(image))
    assert table(model)["x"].sees == sees
    pixels = np.random.default_rng(0).normal(size=(1, 8, 8, 2)).astype("float32")
    changed = pixels.copy()
    changed[0, 0, 0] += (3, -1)
    # After UnitNormalization along the rows, a unit depends on all rows of its column, but on no other column.
    reached = np.asarray(model(pixels))[0, 7, 0] != np.asarray(model(changed))[0, 7, 0]
    assert reached.any() == (sees == "image")


def test_sides_are_computed_separately():
    image = keras.Input((32, 64, 3), name="image")
    x = layers.Conv2D(4, (3, 7), strides=(1, 2), name="conv")(image)
    x = layers.MaxPooling2D((2, 1), name="pool")(x)
    rows = table(keras.Model(image, layers.Flatten(name="flatten")(x)))
    assert (rows["pool"].receptive_field, rows["pool"].stride) == ((4, 7), (2, 2))
    assert (rows["flatten"].receptive_field, rows["flatten"].stride) == ((32, 64), None)


def test_the_widest_of_several_paths_counts():
    image = keras.Input((32, 32, 3), name="image")
    narrow = layers.Conv2D(4, 3, padding="same", name="narrow")(image)
    wide = layers.Conv2D(4, 5, padding="same", name="wide")(narrow)
    assert table(keras.Model(image, layers.Add(name="add")([narrow, wide])))["add"].receptive_field == (7, 7)


def test_a_reshape_that_drops_sides_of_one_pixel_keeps_the_window():
    image = keras.Input((1, 40, 1), name="image")
    x = layers.Reshape((40, 1), name="signal")(image)
    row = table(keras.Model(image, layers.Conv1D(25, 5, strides=2, padding="same", name="conv")(x)))["conv"]
    assert (row.receptive_field, row.stride, row.padding) == ((5,), (2,), (1,))


def test_a_reshape_that_mixes_rows_and_columns_has_no_window():
    image = keras.Input((4, 6, 2), name="image")
    assert table(keras.Model(image, layers.Reshape((24, 2), name="mixed")(image)))["mixed"].sees == "undefined"


def test_after_broadcasting_a_row_the_window_is_undefined():
    image = keras.Input((6, 7, 2), name="image")
    row = layers.MaxPooling2D((6, 1), strides=1, name="row")(image)
    rows = table(keras.Model(image, layers.Add(name="add")([image, row])))
    assert (rows["row"].sees, rows["add"].sees) == ("window", "undefined")


def test_windows_are_permuted_with_their_axes():
    image = keras.Input((9, 7, 2), name="image")
    x = layers.Permute((2, 1, 3), name="turned")(layers.Conv2D(2, (3, 5), name="conv")(image))
    assert table(keras.Model(image, x))["turned"].receptive_field == (5, 3)


def test_a_vector_input_does_not_affect_the_receptive_field():
    image, kind = keras.Input((8, 8, 1), name="image"), keras.Input((3,), name="kind")
    about = layers.Dense(4, name="about")(kind)
    scaled = layers.Multiply(name="scaled")([layers.Conv2D(4, 3, name="conv")(image), about])
    rows = table(keras.Model([image, kind], scaled))
    assert [(rows[name].sees, rows[name].receptive_field) for name in ("kind", "about", "scaled")] == [
        ("nothing", None),
        ("nothing", None),
        ("window", (3, 3)),
    ]


def test_several_images_are_overlaid():
    left, right = keras.Input((8, 8, 1), name="left"), keras.Input((8, 12, 1), name="right")
    maps = [layers.Flatten(name=f"flat_{side.name}")(side) for side in (left, right)]
    rows = table(keras.Model([left, right], layers.Concatenate(name="both")(maps)))
    assert (rows["flat_left"].receptive_field, rows["both"].receptive_field) == ((8, 8), (8, 12))


def test_a_shared_layer_has_its_parameters_once_and_its_cost_at_each_use():
    shared = layers.Conv2D(4, 3, name="shared")
    left, right = keras.Input((8, 8, 1), name="left"), keras.Input((8, 8, 1), name="right")
    model = keras.Model([left, right], layers.Subtract(name="distance")([shared(left), shared(right)]))
    rows = table(model)
    first, again = rows["shared"], rows["shared (use 2)"]
    assert (first.parameters, again.parameters, again.use) == (40, 0, 2)
    assert replace(again, name="shared", use=1, inputs=("left",), parameters=40) == first
    assert totals(tuple(rows.values())).parameters == model.count_params()


def test_memory_is_the_largest_pair_in_a_chain_plus_the_shortcuts():
    image = keras.Input((10,), name="image")
    wide = layers.Dense(50, name="wide")(image)
    narrow = layers.Dense(10, name="narrow")(layers.Dense(30, name="middle")(wide))
    chain = totals(layer_table(json.loads(keras.Model(image, narrow).to_json())))
    assert (chain.activations, chain.largest_activations) == (100, 80)
    assert (chain.activation_bytes, chain.largest_activation_bytes) == (400, 320)
    assert chain.parameter_bytes == 4 * (11 * 50 + 51 * 30 + 31 * 10)
    residual = totals(layer_table(json.loads(keras.Model(image, layers.Add(name="sum")([image, narrow])).to_json())))
    assert residual.largest_activations == 10 + 80


def test_a_network_without_images_has_no_receptive_field():
    signal = keras.Input((40,), name="signal")
    row = table(keras.Model(signal, layers.Dense(10, name="logistic")(signal)))["logistic"]
    assert (row.parameters, row.receptive_field) == (410, None)


def shrunk(model: keras.Model, shape: tuple[int, int, int]) -> dict:
    architecture = json.loads(model.to_json())
    architecture["config"]["layers"][0]["config"]["batch_shape"][1:] = shape
    return architecture


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (layers.MaxPooling2D(2, name="pool2"), "Layer 'pool2' (MaxPooling2D, 2×2) does not fit its 1×1 input."),
        (layers.Conv2D(4, (1, 5), name="c3"), "Layer 'c3' (Conv2D, 1×5) does not fit its 1×1 input."),
        (
            layers.Conv2D(4, 3, dilation_rate=2, name="c3"),
            "Layer 'c3' (Conv2D, 3×3 dilated to 5×5) does not fit its 1×1 input.",
        ),
        (layers.Cropping2D(1, name="crop"), "Layer 'crop' (Cropping2D) leaves no pixel of its 1×1 input."),
    ],
    ids=lambda value: value.name if isinstance(value, keras.Layer) else "",
)
def test_the_message_for_too_small_an_input_names_layer_kernel_and_size(layer, message):
    fresh = layer.from_config(layer.get_config())
    model = keras.Sequential([keras.Input((9, 9, 1), name="image"), fresh])
    with pytest.raises(ValueError) as error:
        layer_table(shrunk(model, (1, 1, 1)))
    assert str(error.value) == message


def test_a_layer_without_a_rule_is_an_error_without_keras():
    image = keras.Input((9, 9, 1), name="image")
    with pytest.raises(ValueError, match=r"Layer 'crop' is of class CenterCrop, which has no rule"):
        table(keras.Model(image, layers.CenterCrop(3, 3, name="crop")(image)))
    with pytest.raises(ValueError, match=r"Layer 'mean' is of class keras\.ops\.Mean, which has no rule"):
        table(keras.Model(image, keras.ops.mean(image, axis=1)))


def test_a_layer_of_another_package_does_not_get_the_rule_of_a_keras_layer():
    @keras.saving.register_keras_serializable("theirs")
    class Flatten(layers.Layer):
        def call(self, inputs):
            return inputs

    image = keras.Input((9, 9, 1), name="image")
    model = keras.Model(image, Flatten(name="flat")(image))
    with pytest.raises(ValueError, match="Layer 'flat' is of class theirs>Flatten, which has no rule"):
        table(model)
    # As in a file: a class without a module has only its registered name.
    written = json.loads(model.to_json())
    written["config"]["layers"][1]["module"] = None
    with pytest.raises(ValueError, match="Layer 'flat' is of class theirs>Flatten, which has no rule"):
        layer_table(written)


def test_unknown_sizes_and_channels_first_are_rejected():
    free = keras.Input((None, None, 3), name="image")
    with pytest.raises(ValueError, match="must have a fixed shape"):
        table(keras.Model(free, layers.ReLU(name="relu")(free)))
    image = keras.Input((9, 9, 3), name="image")
    first = layers.MaxPooling2D(2, data_format="channels_first", name="pool")(image)
    with pytest.raises(ValueError, match=r"Layer 'pool' .* must have data_format=.channels_last"):
        table(keras.Model(image, first))


def test_arithmetic_starts_without_tensorflow():
    code = "import sys, pipeline.arithmetic.table, pipeline.architectures; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"tensorflow", "keras", "numpy"} & set(loaded)
