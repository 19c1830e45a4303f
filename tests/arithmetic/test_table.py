"""The table against Keras, against published numbers, and against what a pixel really reaches."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import layers

from pipeline.arithmetic.table import LayerRow, layer_table
from pipeline.building import architecture_names, build
from pipeline.layers.locally_connected import LocallyConnected2D
from pipeline.layers.shortcut import ChannelPaddedShortcut


def table(model: keras.Model) -> dict[str, LayerRow]:
    return {row.name: row for row in layer_table(json.loads(model.to_json()))}


def total(model: keras.Model, column: str) -> int:
    return sum(getattr(row, column) for row in table(model).values())


def assert_agrees_with_keras(model: keras.Model) -> None:
    rows = table(model)
    assert list(rows) == [layer.name for layer in model.layers]
    for layer in model.layers:
        assert rows[layer.name].output_shape == tuple(layer.output.shape[1:]), layer.name
        assert rows[layer.name].parameters == layer.count_params(), layer.name


@pytest.mark.parametrize("architecture", architecture_names())
@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 28, 1), (33, 47, 3), (64, 64, 1)])
@pytest.mark.parametrize("classes", [2, 10])
def test_every_architecture_has_the_shapes_and_parameters_that_keras_finds(architecture, shape, classes):
    assert_agrees_with_keras(build(architecture, {}, input_shape=shape, classes=classes))


KINDS = [
    layers.Conv2D(4, (3, 5), strides=(2, 1), name="x"),
    layers.Conv2D(4, 3, strides=2, padding="same", use_bias=False, name="x"),
    layers.Conv2D(6, 3, dilation_rate=2, padding="same", name="x"),
    layers.Conv2D(6, 3, groups=2, name="x"),
    layers.DepthwiseConv2D(3, strides=2, depth_multiplier=3, name="x"),
    layers.DepthwiseConv2D(3, dilation_rate=2, padding="same", use_bias=False, name="x"),
    layers.SeparableConv2D(5, 3, depth_multiplier=2, name="x"),
    layers.SeparableConv2D(5, 3, padding="same", use_bias=False, name="x"),
    LocallyConnected2D(5, (3, 2), strides=2, name="x"),
    LocallyConnected2D(5, 3, padding="same", use_bias=False, name="x"),
    layers.MaxPooling2D((3, 2), strides=2, name="x"),
    layers.AveragePooling2D(3, strides=2, padding="same", name="x"),
    layers.GlobalAveragePooling2D(name="x"),
    layers.GlobalMaxPooling2D(keepdims=True, name="x"),
    layers.ZeroPadding2D(((1, 2), (3, 0)), name="x"),
    layers.Cropping2D(((1, 2), (3, 0)), name="x"),
    ChannelPaddedShortcut(7, strides=2, name="x"),
    layers.Flatten(name="x"),
    layers.Reshape((-1, 4), name="x"),
    layers.Dense(5, name="x"),
    layers.Dense(5, use_bias=False, name="x"),
    layers.BatchNormalization(name="x"),
    layers.BatchNormalization(scale=False, axis=2, name="x"),
    layers.BatchNormalization(center=False, renorm=True, name="x"),
    layers.LayerNormalization(name="x"),
    layers.LayerNormalization(axis=(1, 2, 3), center=False, name="x"),
    layers.Normalization(name="x"),
    layers.Normalization(mean=0.5, variance=2.0, name="x"),
    layers.Activation("tanh", name="x"),
    layers.ReLU(name="x"),
    layers.LeakyReLU(name="x"),
    layers.ELU(name="x"),
    layers.Softmax(name="x"),
    layers.Dropout(0.5, name="x"),
    layers.SpatialDropout2D(0.5, name="x"),
    layers.GaussianNoise(0.5, name="x"),
    layers.Rescaling(1 / 255, name="x"),
]


@pytest.mark.parametrize("layer", KINDS, ids=lambda layer: type(layer).__name__)
def test_each_kind_of_layer_has_the_shape_and_parameters_that_keras_finds(layer):
    fresh = layer.from_config(layer.get_config())
    image = keras.Input((11, 14, 4), name="image")
    assert_agrees_with_keras(keras.Model(image, fresh(image)))


@pytest.mark.parametrize(
    "join",
    [
        layers.Add,
        layers.Subtract,
        layers.Multiply,
        layers.Average,
        layers.Maximum,
        layers.Minimum,
        layers.Concatenate,
        lambda name: layers.Concatenate(axis=1, name=name),
    ],
)
def test_paths_that_meet_have_the_shape_that_keras_finds(join):
    image = keras.Input((9, 7, 4), name="image")
    x = layers.Conv2D(4, 3, padding="same", name="conv")(image)
    assert_agrees_with_keras(keras.Model(image, join(name="join")([image, x])))


def test_a_plain_sum_of_tensors_counts_as_add():
    image = keras.Input((9, 7, 4), name="image")
    model = keras.Model(image, image + layers.ReLU(name="relu")(image))
    assert [row.kind for row in layer_table(json.loads(model.to_json()))] == ["InputLayer", "ReLU", "Add"]


def test_multiply_accumulates_of_a_convolution_are_those_of_its_loops():
    image = keras.Input((7, 6, 4), name="image")
    model = keras.Model(image, layers.Conv2D(6, (3, 2), strides=2, groups=2, name="conv")(image))
    count = 0
    for _row in range(0, 7 - 3 + 1, 2):
        for _column in range(0, 6 - 2 + 1, 2):
            for _filter in range(6):
                count += 3 * 2 * 4 // 2
    assert table(model)["conv"].multiply_accumulates == count


def test_separating_a_convolution_costs_what_mobilenets_paper_says():
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
    assert rows["c1"].multiply_accumulates == 122304 - 28 * 28 * 6  # the paper's connections less those of the biases


def test_vgg16_sees_212_pixels_at_stride_32_after_its_last_pooling():
    model = keras.applications.VGG16(weights=None, include_top=False, input_shape=(224, 224, 3))
    last = table(model)["block5_pool"]
    assert (last.receptive_field, last.stride) == ((212, 212), (32, 32))  # Araujo et al. 2019
    assert_agrees_with_keras(model)


@pytest.mark.parametrize(
    ("name", "last_map", "side", "multiply_accumulates"),
    [
        # Receptive fields: Araujo et al. 2019. Multiply–accumulates: Howard et al. 2017, table 4 (569 million), and
        # He et al. 2016, table 1 (3.8 billion).
        ("MobileNet", "conv_pw_13_relu", 315, 569e6),
        ("ResNet50", "conv5_block3_out", 483, 3.86e9),
    ],
)
def test_well_known_networks_have_their_published_receptive_field_and_cost(name, last_map, side, multiply_accumulates):
    model = getattr(keras.applications, name)(weights=None, input_shape=(224, 224, 3))
    rows = table(model)
    assert (rows[last_map].receptive_field, rows[last_map].stride) == ((side, side), (32, 32))
    assert total(model, "multiply_accumulates") == pytest.approx(multiply_accumulates, rel=0.002)
    assert total(model, "parameters") == model.count_params()
    assert rows["predictions"].receptive_field == (224, 224)
    assert rows["predictions"].stride is None


def test_squeeze_and_excitation_sees_the_whole_image():
    model = keras.applications.EfficientNetB0(weights=None, input_shape=(224, 224, 3))
    assert_agrees_with_keras(model)
    assert total(model, "multiply_accumulates") == pytest.approx(0.39e9, rel=0.02)  # Tan & Le 2019, table 2
    assert table(model)["block1a_se_excite"].receptive_field == (224, 224)


@pytest.mark.parametrize(
    ("architecture", "last_map"),
    [("lecture_cnn", "pool2"), ("locally_connected", "pool2"), ("lenet5", "s4"), ("resnet", "stage3_block1_relu2")],
)
def test_a_unit_answers_to_the_pixels_of_its_receptive_field_and_to_no_others(architecture, last_map):
    side = 44
    model = build(architecture, {}, input_shape=(side, side, 1), classes=10)
    for layer in model.layers:
        if layer.name.endswith("norm"):
            continue
        # Positive weights, so that nothing cancels and no unit is silent.
        layer.set_weights([np.full_like(weight, 0.1) for weight in layer.get_weights()])
    maps = keras.Model(model.input, model.get_layer(last_map).output)
    row = table(model)[last_map]
    unit = row.output_shape[0] // 2
    centre = min(unit * row.stride[0] + 1, side - 1)
    dark = np.zeros((side + 1, side, side, 1), "float32")
    dark[np.arange(side), np.arange(side), centre] = 100.0  # one lit pixel an image, moving down; the last stays dark
    answers = maps.predict(dark, verbose=0)[:, unit, unit].sum(axis=-1)
    seen = np.flatnonzero(~np.isclose(answers[:-1], answers[-1]))
    assert len(seen) == seen.max() - seen.min() + 1 == row.receptive_field[0]
    assert seen.min() > 0 and seen.max() < side - 1


def test_sides_are_counted_apart():
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


def test_paths_of_different_strides_that_meet_see_all_of_the_image():
    image = keras.Input((8, 8, 3), name="image")
    halved = layers.MaxPooling2D(2, name="pool")(image)
    cropped = layers.Cropping2D(2, name="crop")(image)
    row = table(keras.Model(image, layers.Add(name="add")([halved, cropped])))["add"]
    assert (row.receptive_field, row.stride) == ((8, 8), None)


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
        (layers.Cropping2D(1, name="crop"), "Layer 'crop' (Cropping2D) leaves nothing of its 1×1 input."),
    ],
    ids=lambda value: value.name if isinstance(value, keras.Layer) else "",
)
def test_a_map_that_vanishes_is_told_with_layer_kernel_and_size(layer, message):
    fresh = layer.from_config(layer.get_config())
    model = keras.Sequential([keras.Input((9, 9, 1), name="image"), fresh])
    with pytest.raises(ValueError) as error:
        layer_table(shrunk(model, (1, 1, 1)))
    assert str(error.value) == message


def test_an_unknown_class_of_layer_is_never_skipped():
    image = keras.Input((9, 9, 1), name="image")
    model = keras.Model(image, layers.Conv2DTranspose(3, 3, name="up")(image))
    with pytest.raises(
        ValueError, match=r"Layer 'up' is of class Conv2DTranspose, which has no rule\. Known: Activation,"
    ):
        table(model)


def test_what_the_table_cannot_count_is_refused():
    free = keras.Input((None, None, 3), name="image")
    with pytest.raises(ValueError, match="must have a fixed size"):
        table(keras.Model(free, layers.ReLU(name="relu")(free)))
    image = keras.Input((9, 9, 3), name="image")
    first = layers.MaxPooling2D(2, data_format="channels_first", name="pool")(image)
    with pytest.raises(ValueError, match=r"Layer 'pool' .* must have its channels last"):
        table(keras.Model(image, first))
    other = keras.Input((9, 9, 3), name="other")
    with pytest.raises(ValueError, match=r"must have one InputLayer to be counted. Received: 2"):
        table(keras.Model([image, other], layers.Add(name="add")([image, other])))
    shared = layers.Dense(3, name="shared")
    with pytest.raises(ValueError, match=r"Layer 'shared' .* must be applied once. Received: 2"):
        table(keras.Model(image, shared(shared(image))))
    with pytest.raises(ValueError, match="must be Functional or Sequential"):
        layer_table({"class_name": "Mine", "config": {}})


def test_arithmetic_starts_without_tensorflow():
    code = "import sys, pipeline.arithmetic.table, pipeline.building as b; b.architecture_names(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"tensorflow", "keras", "numpy"} & set(loaded)
