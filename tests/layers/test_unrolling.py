"""Unrolled convolutions compute the same function."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.layers.unrolling import unrolled_densely, unrolled_locally

# The three add the same products in different orders. Beside 64 products of standard normal numbers, and weights below
# 1, rounding to 24 bits stays below 1e-5; a product in a wrong place would be of the order of 0.1.
CLOSE = {"rtol": 0, "atol": 1e-5}


def convolution_on(shape, kernel_size, **options):
    """A built convolution with random weights and biases."""
    keras.utils.set_random_seed(0)
    kind = keras.layers.Conv2D if len(shape) == 3 else keras.layers.Conv1D
    convolution = kind(kernel_size=kernel_size, bias_initializer="random_normal", name="conv", **options)
    convolution.build((None, *shape))
    return convolution


def assert_one_function(convolution, shape):
    inputs = np.random.default_rng(1).standard_normal((3, *shape), dtype="float32")
    expected = np.asarray(convolution(inputs))
    np.testing.assert_allclose(unrolled_locally(convolution)(inputs), expected, **CLOSE)
    np.testing.assert_allclose(unrolled_densely(convolution)(inputs), expected.reshape(3, -1), **CLOSE)


side, step = st.integers(3, 8), st.integers(1, 3)
options = st.fixed_dictionaries(
    {
        "filters": st.integers(1, 3),
        "padding": st.sampled_from(["valid", "same"]),
        "use_bias": st.booleans(),
        "activation": st.sampled_from(["linear", "relu", "tanh"]),
    }
)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    shape=st.tuples(side, side, st.integers(1, 3)),
    kernel_size=st.tuples(step, step),
    strides=st.tuples(step, step),
    options=options,
)
def test_a_convolution_of_images_unrolled_is_the_same_function(shape, kernel_size, strides, options):
    assert_one_function(convolution_on(shape, kernel_size, strides=strides, **options), shape)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(shape=st.tuples(side, st.integers(1, 3)), kernel_size=step, strides=step, options=options)
def test_a_convolution_of_signals_unrolled_is_the_same_function(shape, kernel_size, strides, options):
    assert_one_function(convolution_on(shape, kernel_size, strides=strides, **options), shape)


def test_a_window_may_exceed_both_borders():
    assert_one_function(convolution_on((3, 2, 2), 7, filters=2, padding="same"), (3, 2, 2))


def test_the_lectures_example_has_fifteen_nine_and_three_weights():
    convolution = convolution_on((5, 1), 3, filters=1, use_bias=False)
    weights = [layer.count_params() for layer in (unrolled_densely(convolution), unrolled_locally(convolution))]
    assert [*weights, convolution.count_params()] == [15, 9, 3]


def test_a_convolution_as_a_matrix_has_its_kernel_on_the_diagonals():
    convolution = convolution_on((5, 1), 3, filters=1, use_bias=False)
    matrix, (first, second, third) = unrolled_densely(convolution).kernel, np.ravel(convolution.kernel)
    diagonals = first * np.eye(5, 3) + second * np.eye(5, 3, -1) + third * np.eye(5, 3, -2)
    np.testing.assert_array_equal(matrix, diagonals.astype("float32"))


def test_the_unrolled_layer_replaces_the_convolution_in_a_model():
    convolution = convolution_on((6, 6, 1), 3, filters=2, activation="relu", dtype="float64")
    for layer in (unrolled_locally(convolution), unrolled_densely(convolution)):
        assert (layer.name, layer.activation, layer.dtype) == ("conv", keras.activations.relu, "float64")


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (keras.layers.Dense(3), (4,), r"Only Conv1D and Conv2D can be unrolled\. Received: Dense\."),
        (
            keras.layers.Conv2D(4, 3, groups=2, name="conv"),
            (6, 6, 2),
            r"`groups` of layer 'conv' must be 1 for it to be unrolled\. Received groups=2\.",
        ),
        (keras.layers.Conv1D(4, 3, dilation_rate=2), (9, 1), r"`dilation_rate` .* Received dilation_rate=\(2,\)\."),
        (keras.layers.Conv1D(4, 3, padding="causal"), (9, 1), r"`padding` .* Received padding='causal'\."),
        (keras.layers.Conv2D(4, 3, data_format="channels_first"), (1, 9, 9), r"`data_format` .*channels_first"),
        (keras.layers.Conv2D(4, 3, name="conv"), None, r"Layer 'conv' must be built"),
        (keras.layers.Conv2D(4, 3, name="conv"), (None, 9, 1), r"fixed size .* Received sides=\(None, 9\)\."),
    ],
)
def test_a_layer_that_cannot_be_unrolled_is_rejected(layer, shape, message):
    if shape:
        layer.build((None, *shape))
    for unrolled in (unrolled_locally, unrolled_densely):
        with pytest.raises(ValueError, match=message):
            unrolled(layer)
