"""The lecture's ladder: each rung takes something from the one before, counted by hand."""

import json
from functools import cache

import keras
import numpy as np
import pytest

from pipeline.architectures import fully_connected, ladder, logistic
from pipeline.arithmetic.table import LayerRow, layer_table
from pipeline.errors import UserError
from pipeline.layers.unrolling import unrolled_densely, unrolled_locally
from pipeline.networks.build import build

RUNGS = ["full", "masked", "sparse", "shared"]
WINDOWS = [
    {"kernel_size": 3, "strides": 1, "padding": "valid"},
    {"kernel_size": 3, "strides": 2, "padding": "same", "maps": 2},
    {"kernel_size": 5, "strides": 3, "padding": "same"},
    {"dimensions": 1, "kernel_size": 9, "strides": 4, "padding": "same"},
    {"dimensions": 1, "kernel_size": 6, "strides": 1, "padding": "valid", "maps": 3},
    {"kernel_size": [1, 4], "strides": [2, 1], "padding": "valid"},
]


def network(connectivity: str, *, shape=(8, 6, 2), **options) -> keras.Model:
    return built(shape, json.dumps({"connectivity": connectivity, **options}))


@cache
def built(shape, options: str) -> keras.Model:
    return ladder.build(shape, 10, **json.loads(options))


def rows(model: keras.Model) -> dict[str, LayerRow]:
    return {row.name: row for row in layer_table(json.loads(model.to_json()))}


@pytest.mark.parametrize("shape", [(1, 5, 1), (5, 1, 1)])
def test_five_pixels_and_three_units_take_fifteen_nine_and_three_weights(shape):
    window = {"shape": shape, "dimensions": 1, "kernel_size": 3, "strides": 1, "padding": "valid", "use_bias": False}
    hidden = {rung: rows(network(rung, **window))["hidden"] for rung in RUNGS}
    assert [hidden[rung].parameters for rung in RUNGS] == [15, 15, 9, 3]
    assert [hidden[rung].connections for rung in RUNGS] == [15, 9, 9, 9]


def test_with_biases_there_is_one_a_unit_until_weights_are_shared():
    window = {"shape": (1, 5, 1), "kernel_size": [1, 3], "strides": 1, "padding": "valid"}
    assert [rows(network(rung, **window))["hidden"].parameters for rung in RUNGS] == [18, 18, 12, 4]


def test_on_an_image_parameters_are_those_counted_by_hand():
    counts = [rows(network(rung, shape=(28, 28, 1), maps=2))["hidden"].parameters for rung in RUNGS]
    units = 14 * 14 * 2
    assert counts == [28 * 28 * units + units, 28 * 28 * units + units, (3 * 3 + 1) * units, (3 * 3 + 1) * 2]


@pytest.mark.parametrize("window", WINDOWS)
def test_every_rung_has_the_same_units(window):
    units = {network(rung, **window).get_layer("output").kernel.shape for rung in RUNGS}
    assert len(units) == 1
    shapes = {network(rung, **window).get_layer("hidden").output.shape for rung in ("sparse", "shared")}
    assert len(shapes) == 1


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("rung", RUNGS)
def test_arithmetic_finds_the_shapes_and_parameters_that_keras_finds(rung, window):
    model = network(rung, **window)
    assert [(row.name, row.output_shape, row.parameters) for row in rows(model).values()] == [
        (layer.name, layer.output.shape[1:], layer.count_params()) for layer in model.layers
    ]


@pytest.mark.parametrize("window", WINDOWS)
def test_what_a_rung_computes_the_rungs_above_it_compute_too(window):
    keras.utils.set_random_seed(0)
    models = {rung: network(rung, **window) for rung in RUNGS}
    shared = models["shared"]
    convolution = shared.get_layer("hidden")
    convolution.bias.assign(np.random.default_rng(0).normal(size=convolution.bias.shape))
    masked = unrolled_densely(convolution)
    models["sparse"].get_layer("hidden").set_weights(unrolled_locally(convolution).get_weights())
    models["masked"].get_layer("hidden").set_weights(masked.get_weights())
    models["full"].get_layer("hidden").set_weights(masked.get_weights())
    images = np.random.default_rng(1).normal(size=(5, 8, 6, 2)).astype("float32")
    for rung in RUNGS:
        models[rung].get_layer("output").set_weights(shared.get_layer("output").get_weights())
        # Sums of at most 100 products in another order.
        np.testing.assert_allclose(models[rung](images), shared(images), rtol=0, atol=1e-6)


@pytest.mark.parametrize("rung", RUNGS)
def test_in_one_dimension_a_window_is_a_stretch_of_the_rows_laid_end_to_end(rung):
    model = network(rung, shape=(3, 4, 1), dimensions=1, kernel_size=5, strides=3, padding="valid", activation="linear")
    hidden = keras.Model(model.input, model.get_layer("output").input)
    pixels = np.eye(12, dtype="float32").reshape(12, 3, 4, 1)  # one lit pixel an image
    lit = np.asarray(hidden(pixels)) != np.asarray(hidden(np.zeros((1, 3, 4, 1), "float32")))
    windows = [range(12)] * 3 if rung == "full" else [range(5), range(3, 8), range(6, 11)]
    assert [np.flatnonzero(unit).tolist() for unit in lit.T] == [list(window) for window in windows]


@pytest.mark.parametrize("window", WINDOWS[1:4:2])
@pytest.mark.parametrize("rung", RUNGS)
def test_read_back_it_is_the_same_text_and_the_same_function(rung, window):
    model = network(rung, **window)
    copy = keras.models.model_from_json(model.to_json())
    assert copy.to_json() == model.to_json()
    copy.set_weights(model.get_weights())
    images = np.random.default_rng(2).normal(size=(2, 8, 6, 2)).astype("float32")
    np.testing.assert_array_equal(copy(images), model(images))


def test_the_lectures_first_network_has_twenty_five_pixels_and_three_hidden_units():
    model = fully_connected.build((5, 5, 1), 10, units=3)
    assert [layer.count_params() for layer in model.layers] == [0, 0, 25 * 3 + 3, 3 * 10 + 10]


def test_a_logistic_regression_weighs_every_pixel_once_for_each_class():
    assert logistic.build((28, 28, 1), 10).count_params() == 785 * 10
    assert logistic.build((40, 1, 1), 10).count_params() == 410  # as of MNIST-1D


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"connectivity": "dense"}, ["'connectivity'", "'full', 'masked', 'sparse', 'shared'", "'dense'"]),
        ({"dimensions": 3}, ["'dimensions'", "one of 1, 2", "3"]),
        ({"kernel_size": 0}, ["'kernel_size'", "greater than 0", "0"]),
        ({"strides": [1, 0]}, ["'strides'", "greater than 0", "[1, 0]"]),
        ({"padding": "circular"}, ["'padding'", "'valid', 'same'", "'circular'"]),
        ({"maps": 0}, ["'maps'", "greater than 0", "0"]),
        ({"dimensions": 1, "kernel_size": [3, 3]}, ["`kernel_size` must be one integer when dimensions=1", "[3, 3]"]),
        ({"dimensions": 1, "strides": [1, 1]}, ["`strides` must be one integer when dimensions=1", "[1, 1]"]),
    ],
)
def test_a_mistaken_option_is_told_with_its_rule_and_its_value(options, parts):
    with pytest.raises(UserError) as error:
        build("ladder", {"connectivity": "sparse", **options}, input_shape=(8, 6, 2), classes=10)
    assert all(part in str(error.value) for part in parts), str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("rung", RUNGS)
@pytest.mark.parametrize(("dimensions", "kernel_size", "input_sides"), [(2, 9, "8×6"), (1, 49, "48")])
def test_a_window_that_does_not_fit_is_told_in_one_sentence(rung, dimensions, kernel_size, input_sides):
    options = {"connectivity": rung, "dimensions": dimensions, "kernel_size": kernel_size, "strides": 5000}
    with pytest.raises(UserError) as error:
        build("ladder", {**options, "padding": "valid"}, input_shape=(8, 6, 2), classes=10)
    message = str(error.value)
    assert "\n" not in message and str(kernel_size) in message
    assert ("must fit inside the input" if rung == "full" else f"does not fit its {input_sides} input") in message
