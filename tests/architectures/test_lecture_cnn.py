"""The lecture's network and its options: sizes, shifts, costs and mistakes."""

import hashlib
import json
from pathlib import Path

import keras
import numpy as np
import pytest
import yaml

from pipeline.architectures import lecture_cnn
from pipeline.arithmetic.table import layer_table
from pipeline.data.sources import load_images
from pipeline.errors import UserError
from pipeline.networks.build import build

PADDINGS = ["same", "valid", "circular"]
POOLINGS = ["max", "average", "blur", "polyphase", "stride", "none"]
CONF = Path(__file__).parents[2] / "conf" / "model"


def network(*, shape=(16, 16, 1), classes=10, **options) -> keras.Model:
    return lecture_cnn.build(shape, classes, **options)


@pytest.mark.parametrize(
    ("shape", "classes", "digest"),
    [
        ((64, 64, 1), 2, "f0ea5d1023dfdea1d57bf47286c418202c12b22ffb2e9579c3678f7348602766"),
        ((9, 12, 3), 3, "6ca71070e5f5a3411dd7e502a241acf60f5d9a915f8d44e461c5c047fb76c7b3"),
        ((28, 28, 1), 10, "e54826bf5b59e8790c235220b42d3e86fe43d90e81f4d930aa7e98123ecab8af"),
    ],
)
def test_the_json_of_the_default_network_has_not_changed(shape, classes, digest):
    text = network(shape=shape, classes=classes).to_json()
    assert hashlib.sha256(text.encode()).hexdigest() == digest


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("rest", [{}, {"batch_normalization": True, "head": "average", "dropout": 0.5, "filters": [3]}])
def test_arithmetic_and_a_copy_from_its_json_agree_with_it(padding, pooling, rest):
    model = network(shape=(17, 20, 3), padding=padding, pooling=pooling, **rest)
    rows = layer_table(json.loads(model.to_json()))
    assert [(row.name, row.output_shape, row.parameters) for row in rows] == [
        (layer.name, layer.output.shape[1:], layer.count_params()) for layer in model.layers
    ]
    copy = keras.models.model_from_json(model.to_json())
    assert copy.to_json() == model.to_json()
    copy.set_weights(model.get_weights())
    images = np.random.default_rng(0).normal(size=(3, 17, 20, 3)).astype("float32")
    np.testing.assert_array_equal(copy(images), model(images))


@pytest.mark.parametrize("pooling", [pooling for pooling in POOLINGS if pooling != "none"])
@pytest.mark.parametrize("padding", ["same", "circular"])
def test_every_pooling_halves_even_maps(pooling, padding):
    rows = {row.name: row for row in layer_table(json.loads(network(padding=padding, pooling=pooling).to_json()))}
    last = "conv2" if pooling == "stride" else "pool2"
    assert (rows[last].output_shape, rows[last].stride) == ((4, 4, 32), (4, 4))


def test_without_pooling_maps_keep_their_size():
    model = network(pooling="none")
    assert model.get_layer("flatten").output.shape == (None, 16 * 16 * 32)


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_the_number_of_filters_is_the_depth(depth):
    model = network(filters=[4, 6, 8, 10][:depth])
    convolutions = [layer.filters for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    assert convolutions == [4, 6, 8, 10][:depth]
    assert model.get_layer("flatten").output.shape == (None, (16 // 2**depth) ** 2 * convolutions[-1])


def test_batch_normalisation_is_between_convolution_and_activation_and_replaces_the_bias():
    model = network(batch_normalization=True, activation="tanh")
    order = [layer.name for layer in model.layers]
    assert order[1:5] == ["conv1", "norm1", "activation1", "pool1"]
    convolution = model.get_layer("conv1")
    assert (convolution.use_bias, convolution.activation) == (False, keras.activations.linear)
    assert model.get_layer("activation1").activation is keras.activations.tanh


def test_with_a_global_average_the_number_of_parameters_does_not_depend_on_the_image_size():
    counts = {network(shape=(side, side, 1), head="average").count_params() for side in (8, 16, 64)}
    assert counts == {(9 + 1) * 16 + (9 * 16 + 1) * 32 + (32 + 1) * 100 + 101 * 10}


def test_dropout_acts_only_in_training():
    keras.utils.set_random_seed(0)
    model = network(dropout=0.5)
    images = np.random.default_rng(0).normal(size=(8, 16, 16, 1)).astype("float32")
    assert [layer.name for layer in model.layers][-3:] == ["hidden", "dropout", "output"]
    np.testing.assert_array_equal(model(images), model(images))
    assert not np.allclose(model(images, training=True), model(images))


def test_without_nonlinearity_and_with_average_pooling_the_logits_are_affine():
    keras.utils.set_random_seed(1)
    model = network(activation="linear", pooling="average")
    logits = keras.Model(model.input, model.get_layer("hidden").output)
    one, other = np.random.default_rng(1).normal(size=(2, 1, 16, 16, 1)).astype("float32")
    middle = np.asarray(logits((one + other) / 2))
    np.testing.assert_allclose(middle, (np.asarray(logits(one)) + np.asarray(logits(other))) / 2, atol=1e-5)
    nonlinear = keras.Model(model.input, network(activation="relu", pooling="average")(model.input))
    assert not np.allclose(
        nonlinear((one + other) / 2), (np.asarray(nonlinear(one)) + np.asarray(nonlinear(other))) / 2, atol=1e-4
    )


SHIFTS = list(np.ndindex(16, 16))


@pytest.fixture(scope="module")
def digits():
    """Ten digits at 16×16, standardised."""
    pixels = load_images("digits", {"size": 16}).pixels[:10].astype("float32")
    return (pixels - pixels.mean()) / pixels.std()


def under_all_shifts(model, images):
    """Probabilities (shift, image, class) under every circular shift."""
    shifted = np.concatenate([np.roll(images, shift, (1, 2)) for shift in SHIFTS])
    return model.predict(shifted, verbose=0, batch_size=512).reshape(len(SHIFTS), len(images), -1)


def undecided(model, images):
    """The untrained model with its output scaled so that it predicts every class equally often for these images.

    With random weights it would predict the same class for all images, and any network would look consistent.
    """
    output = model.get_layer("output")
    kernel = np.asarray(output.kernel)
    logits = keras.Model(model.input, output.input).predict(images, verbose=0) @ kernel
    output.set_weights([kernel / logits.std(axis=0), -logits.mean(axis=0) / logits.std(axis=0)])
    return model


def consistency(probabilities):
    """Share of shifted images with the same predicted class as the image that is not shifted."""
    classes = probabilities.argmax(axis=-1)
    assert len(set(classes[0])) > 3
    return (classes == classes[0]).mean()


@pytest.mark.parametrize("seed", [0, 1])
def test_with_polyphase_sampling_an_untrained_network_is_invariant_to_shifts(digits, seed):
    keras.utils.set_random_seed(seed)
    model = undecided(network(padding="circular", pooling="polyphase", head="average"), digits)
    probabilities = under_all_shifts(model, digits)
    assert consistency(probabilities) == 1
    # The remaining difference comes from the order of additions in the global average.
    np.testing.assert_allclose(probabilities, np.broadcast_to(probabilities[0], probabilities.shape), atol=1e-5)


def test_max_pooling_is_not_invariant_and_blur_pooling_is_between_it_and_polyphase_sampling(digits):
    share = {}
    for pooling in ("stride", "max", "blur", "none"):
        keras.utils.set_random_seed(0)
        model = undecided(network(padding="circular", pooling=pooling, head="average"), digits)
        share[pooling] = consistency(under_all_shifts(model, digits))
    assert share["stride"] < share["blur"] - 0.2
    assert share["max"] < share["blur"] - 0.2
    assert share["blur"] < 1
    assert share["none"] == 1  # no subsampling, so no aliasing


def test_with_zero_padding_polyphase_sampling_is_not_invariant(digits):
    keras.utils.set_random_seed(0)
    model = undecided(network(padding="same", pooling="polyphase", head="average"), digits)
    assert consistency(under_all_shifts(model, digits)) < 1


@pytest.mark.parametrize("pooling", ["max", "average", "blur", "stride"])
def test_with_circular_padding_maps_are_equivariant_to_multiples_of_the_stride(pooling, digits):
    keras.utils.set_random_seed(2)
    model = network(padding="circular", pooling=pooling)
    maps = keras.Model(model.input, model.get_layer("flatten").input)
    at_rest = np.asarray(maps(digits))
    shifted = np.asarray(maps(np.roll(digits, (4, 8), (1, 2))))
    np.testing.assert_allclose(shifted, np.roll(at_rest, (1, 2), (1, 2)), atol=1e-5)


@pytest.mark.parametrize("pooling", ["max", "average", "blur", "none"])
def test_padding_affects_only_the_border_of_a_map(pooling, digits):
    inside = {}
    for padding in ("same", "circular"):
        keras.utils.set_random_seed(3)
        model = network(padding=padding, pooling=pooling, filters=[4])
        maps = keras.Model(model.input, model.get_layer("flatten").input)
        inside[padding] = np.asarray(maps(digits))[:, 2:-2, 2:-2]
    np.testing.assert_allclose(inside["circular"], inside["same"], atol=1e-5)


RECIPES = ("lecture_cnn_elpv", "lecture_cnn_mnist")  # the network of the lecture with another training
ABLATIONS = sorted(file for file in CONF.glob("lecture_cnn_*.yaml") if file.stem not in RECIPES)


@pytest.mark.parametrize("file", ABLATIONS, ids=lambda file: file.stem)
def test_an_ablation_changes_only_the_options_in_its_name(file):
    changed = yaml.safe_load(file.read_text(encoding="utf-8"))["options"]
    expected = {
        "valid": {"padding": "valid"},
        "circular": {"padding": "circular"},
        "average": {"pooling": "average"},
        "blurpool": {"pooling": "blur"},
        "polyphase": {"pooling": "polyphase"},
        "invariant": {"padding": "circular", "pooling": "polyphase", "head": "average"},
        "strided": {"pooling": "stride"},
        "unpooled": {"pooling": "none"},
        "linear": {"activation": "linear"},
        "depth1": {"filters": [16]},
        "depth3": {"filters": [16, 32, 64]},
        "depth4": {"filters": [16, 32, 64, 128]},
        "narrow": {"filters": [8, 16]},
        "wide": {"filters": [32, 64]},
        "global_average": {"head": "average"},
        "batch_normalization": {"batch_normalization": True},
        "dropout": {"dropout": 0.5},
    }
    assert changed == expected[file.stem.removeprefix("lecture_cnn_")]


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"padding": "reflect"}, ["'padding'", "'same', 'valid', 'circular'", "'reflect'"]),
        (
            {"pooling": "blurpool"},
            ["'pooling'", "'max', 'average', 'blur', 'polyphase', 'stride', 'none'", "'blurpool'"],
        ),
        ({"activation": "reul"}, ["'activation'", "'relu'", "'linear'", "'reul'"]),
        ({"head": "max"}, ["'head'", "'flatten', 'average'", "'max'"]),
        ({"dropout": 1}, ["'dropout'", "at least 0 and less than 1", "Received 1"]),
        ({"batch_normalization": 1}, ["'batch_normalization'", "true or false", "Received 1"]),
        ({"filters": []}, ["'filters'", "at least 1 value", "[]"]),
    ],
)
def test_the_message_for_an_invalid_option_states_rule_and_value(options, parts):
    with pytest.raises(UserError) as error:
        build("lecture_cnn", options, input_shape=(16, 16, 1), classes=10)
    assert all(part in str(error.value) for part in parts), str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("options", "side", "sentence"),
    [
        ({}, 3, "Layer 'pool2' (MaxPooling2D, 2×2) does not fit its 1×1 input."),
        ({"pooling": "average"}, 3, "Layer 'pool2' (AveragePooling2D, 2×2) does not fit its 1×1 input."),
        ({"padding": "valid"}, 9, "Layer 'pool2' (MaxPooling2D, 2×2) does not fit its 1×1 input."),
        ({"padding": "valid", "pooling": "stride"}, 5, "Layer 'conv2' (Conv2D, 3×3) does not fit its 2×2 input."),
        ({"padding": "valid", "pooling": "none"}, 4, "Layer 'conv2' (Conv2D, 3×3) does not fit its 2×2 input."),
        ({"pooling": "blur"}, 4, "Layer 'pool2' (BlurPool2D, 3×3) does not fit its 1×1 input."),
        ({"pooling": "polyphase"}, 3, "Layer 'pool2' (PolyphaseSampling2D, 2×2) does not fit its 1×1 input."),
        (
            {"padding": "circular", "kernel_size": 7},
            4,
            "Layer 'wrap2' (CircularPadding2D) does not fit its 2×2 input.",
        ),
        ({"filters": [4] * 4}, 12, "Layer 'pool4' (MaxPooling2D, 2×2) does not fit its 1×1 input."),
    ],
)
def test_the_message_for_too_small_an_image_names_the_layer(options, side, sentence):
    with pytest.raises(UserError) as error:
        build("lecture_cnn", options, input_shape=(side, side, 1), classes=10)
    assert str(error.value) == (
        f"{sentence} Architecture lecture_cnn needs images larger than {side}×{side}, or other options."
    )


@pytest.mark.parametrize(("dilation", "field"), [(1, 7), (2, 15), (3, 27)])
def test_dilation_widens_the_receptive_field_without_further_weights(dilation, field):
    model = network(shape=(32, 32, 1), filters=[2, 2, 2], pooling="none", head="average", dilation=dilation)
    rows = {row.name: row for row in layer_table(json.loads(model.to_json()))}
    assert rows["conv3"].receptive_field == (field, field)
    assert (
        model.count_params()
        == network(shape=(32, 32, 1), filters=[2, 2, 2], pooling="none", head="average").count_params()
    )


def test_circular_padding_fits_dilated_kernels():
    model = network(shape=(32, 32, 1), filters=[2, 2], pooling="none", padding="circular", kernel_size=4, dilation=3)
    assert model.get_layer("conv2").output.shape == (None, 32, 32, 2)
