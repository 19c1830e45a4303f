"""The connectivity ladder: weights and connections of each step, counted by hand."""

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

STEPS = ["full", "masked", "sparse", "shared"]
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
def test_five_pixels_and_three_units_have_fifteen_nine_and_three_weights(shape):
    window = {"shape": shape, "dimensions": 1, "kernel_size": 3, "strides": 1, "padding": "valid", "use_bias": False}
    hidden = {step: rows(network(step, **window))["hidden"] for step in STEPS}
    assert [hidden[step].parameters for step in STEPS] == [15, 15, 9, 3]
    assert [hidden[step].connections for step in STEPS] == [15, 9, 9, 9]


def test_biases_are_per_unit_unless_weights_are_shared():
    window = {"shape": (1, 5, 1), "kernel_size": [1, 3], "strides": 1, "padding": "valid"}
    assert [rows(network(step, **window))["hidden"].parameters for step in STEPS] == [18, 18, 12, 4]


def test_parameters_on_an_image_are_those_counted_by_hand():
    counts = [rows(network(step, shape=(28, 28, 1), maps=2))["hidden"].parameters for step in STEPS]
    units = 14 * 14 * 2
    assert counts == [28 * 28 * units + units, 28 * 28 * units + units, (3 * 3 + 1) * units, (3 * 3 + 1) * 2]


@pytest.mark.parametrize("window", WINDOWS)
def test_every_step_has_the_same_units(window):
    units = {network(step, **window).get_layer("output").kernel.shape for step in STEPS}
    assert len(units) == 1
    shapes = {network(step, **window).get_layer("hidden").output.shape for step in ("sparse", "shared")}
    assert len(shapes) == 1


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("step", STEPS)
def test_arithmetic_and_keras_agree(step, window):
    model = network(step, **window)
    assert [(row.name, row.output_shape, row.parameters) for row in rows(model).values()] == [
        (layer.name, layer.output.shape[1:], layer.count_params()) for layer in model.layers
    ]


@pytest.mark.parametrize("window", WINDOWS)
def test_earlier_steps_of_the_ladder_can_compute_the_function_of_later_steps(window):
    keras.utils.set_random_seed(0)
    models = {step: network(step, **window) for step in STEPS}
    shared = models["shared"]
    convolution = shared.get_layer("hidden")
    convolution.bias.assign(np.random.default_rng(0).normal(size=convolution.bias.shape))
    masked = unrolled_densely(convolution)
    models["sparse"].get_layer("hidden").set_weights(unrolled_locally(convolution).get_weights())
    models["masked"].get_layer("hidden").set_weights(masked.get_weights())
    models["full"].get_layer("hidden").set_weights(masked.get_weights())
    images = np.random.default_rng(1).normal(size=(5, 8, 6, 2)).astype("float32")
    for step in STEPS:
        models[step].get_layer("output").set_weights(shared.get_layer("output").get_weights())
        # Sums of at most 100 products in another order.
        np.testing.assert_allclose(models[step](images), shared(images), rtol=0, atol=1e-6)


@pytest.mark.parametrize("step", STEPS)
def test_in_one_dimension_a_window_is_an_interval_of_the_concatenated_rows(step):
    model = network(step, shape=(3, 4, 1), dimensions=1, kernel_size=5, strides=3, padding="valid", activation="linear")
    hidden = keras.Model(model.input, model.get_layer("output").input)
    pixels = np.eye(12, dtype="float32").reshape(12, 3, 4, 1)  # images with one pixel of 1
    lit = np.asarray(hidden(pixels)) != np.asarray(hidden(np.zeros((1, 3, 4, 1), "float32")))
    windows = [range(12)] * 3 if step == "full" else [range(5), range(3, 8), range(6, 11)]
    assert [np.flatnonzero(unit).tolist() for unit in lit.T] == [list(window) for window in windows]


@pytest.mark.parametrize("window", WINDOWS[1:4:2])
@pytest.mark.parametrize("step", STEPS)
def test_a_loaded_network_has_the_same_json_and_computes_the_same(step, window):
    model = network(step, **window)
    copy = keras.models.model_from_json(model.to_json())
    assert copy.to_json() == model.to_json()
    copy.set_weights(model.get_weights())
    images = np.random.default_rng(2).normal(size=(2, 8, 6, 2)).astype("float32")
    np.testing.assert_array_equal(copy(images), model(images))


def test_the_first_network_of_the_lecture_has_25_pixels_and_three_hidden_units():
    model = fully_connected.build((5, 5, 1), 10, units=3)
    assert [layer.count_params() for layer in model.layers] == [0, 0, 25 * 3 + 3, 3 * 10 + 10]


def test_logistic_regression_has_one_weight_per_pixel_and_class():
    assert logistic.build((28, 28, 1), 10).count_params() == 785 * 10
    assert logistic.build((40, 1, 1), 10).count_params() == 410  # signals as in MNIST-1D


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
def test_the_message_for_an_invalid_option_states_rule_and_value(options, parts):
    with pytest.raises(UserError) as error:
        build("ladder", {"connectivity": "sparse", **options}, input_shape=(8, 6, 2), classes=10)
    assert all(part in str(error.value) for part in parts), str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(("dimensions", "kernel_size", "input_sides"), [(2, 9, "8×6"), (1, 49, "48")])
def test_the_message_for_a_window_that_does_not_fit_is_one_sentence(step, dimensions, kernel_size, input_sides):
    options = {"connectivity": step, "dimensions": dimensions, "kernel_size": kernel_size, "strides": 5000}
    with pytest.raises(UserError) as error:
        build("ladder", {**options, "padding": "valid"}, input_shape=(8, 6, 2), classes=10)
    message = str(error.value)
    assert "\n" not in message and str(kernel_size) in message
    assert ("must fit inside the input" if step == "full" else f"does not fit its {input_sides} input") in message
