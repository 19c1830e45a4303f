"""The matrix of a linear network is the product of its layers' matrices, and no other network has one."""

import keras
import numpy as np
import pytest

from pipeline.networks.build import build
from pipeline.studies.nonlinearity.linear_map import class_scores, linear_map

# Keras' variables do not implement the `copy` argument of `__array__`, which NumPy 2 expects.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)


@pytest.fixture
def images():
    return np.random.default_rng(0).normal(size=(20, 8, 8, 1)).astype(np.float32)


def network(**options):
    keras.utils.set_random_seed(1)
    return build("lecture_cnn", {"filters": [4, 4], "units": 6, **options}, input_shape=(8, 8, 1), classes=3)


def relative_error(model, images):
    scores = class_scores(model, images)
    return np.abs(scores - linear_map(model)(images)).max() / np.abs(scores).max()


def test_two_dense_layers_are_the_product_of_their_matrices():
    image = keras.Input((2, 2, 1))
    flat = keras.layers.Flatten()(image)
    first = keras.layers.Dense(5, bias_initializer="random_normal")
    second = keras.layers.Dense(3, activation="softmax", bias_initializer="random_normal")
    model = keras.Model(image, second(first(flat)))
    (a, b), (c, d) = ([np.asarray(one) for one in layer.get_weights()] for layer in (first, second))
    found = linear_map(model)
    np.testing.assert_allclose(found.weights, a @ c, atol=1e-6)
    np.testing.assert_allclose(found.bias, b @ c + d, atol=1e-6)


def test_the_softmax_of_the_scores_is_the_output_of_the_network(images):
    model = network()
    scores = class_scores(model, images)
    exponents = np.exp(scores - scores.max(axis=1, keepdims=True))
    np.testing.assert_allclose(exponents / exponents.sum(axis=1, keepdims=True), np.asarray(model(images)), atol=1e-6)


@pytest.mark.parametrize("pooling", ["none", "average", "stride"])
def test_a_network_without_activation_is_one_matrix_up_to_rounding(pooling, images):
    assert relative_error(network(activation="linear", pooling=pooling), images) < 1e-5


@pytest.mark.parametrize("options", [{}, {"activation": "linear", "pooling": "max"}, {"activation": "tanh"}])
def test_an_activation_or_max_pooling_makes_a_network_more_than_one_matrix(options, images):
    assert relative_error(network(**{"pooling": "none", **options}), images) > 0.01
