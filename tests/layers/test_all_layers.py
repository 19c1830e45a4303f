"""Common tests of the layers: rebuilt from their configuration, counted by arithmetic, with exact gradients."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from pipeline.arithmetic.rules.signals import Misfit
from pipeline.arithmetic.table import layer_table
from pipeline.layers.blur_pool import BlurPool2D
from pipeline.layers.circular_padding import CircularPadding2D
from pipeline.layers.locally_connected import LocallyConnected1D, LocallyConnected2D
from pipeline.layers.masked_dense import MaskedDense1D, MaskedDense2D
from pipeline.layers.polyphase import PolyphaseSampling2D
from pipeline.layers.unrolling import unrolled_densely, unrolled_locally

IMAGE, SIGNAL = (7, 9, 2), (9, 2)
LAYERS = [
    (IMAGE, LocallyConnected2D(3, (3, 2), strides=2, padding="same", activation="tanh", name="x")),
    (SIGNAL, LocallyConnected1D(3, 4, strides=3, use_bias=False, kernel_regularizer="l2", name="x")),
    (SIGNAL, LocallyConnected1D(2, 3, padding="same", kernel_initializer="he_normal", name="x")),
    (IMAGE, MaskedDense2D(3, (3, 2), strides=(2, 1), padding="same", activation="tanh", name="x")),
    (IMAGE, MaskedDense2D(1, 4, strides=3, use_bias=False, bias_regularizer="l1", name="x")),
    (SIGNAL, MaskedDense1D(2, 4, strides=2, padding="same", kernel_initializer="he_normal", name="x")),
    (SIGNAL, MaskedDense1D(2, 2, strides=4, name="x")),
    (IMAGE, CircularPadding2D(((0, 3), (2, 1)), name="x")),
    (IMAGE, BlurPool2D(name="x")),
    (IMAGE, BlurPool2D(4, strides=3, padding="valid", name="x")),
    (IMAGE, PolyphaseSampling2D(name="x")),
    (IMAGE, PolyphaseSampling2D(3, name="x")),
]
every_layer = pytest.mark.parametrize(("shape", "layer"), LAYERS, ids=lambda value: type(value).__name__)


def network(shape, layer) -> keras.Model:
    """A fresh layer between an image and its output."""
    image = keras.Input(shape, name="image")
    return keras.Model(image, type(layer).from_config(layer.get_config())(image))


@every_layer
def test_a_saved_and_loaded_layer_computes_the_same_and_has_the_same_json(shape, layer):
    model = network(shape, layer)
    copy = keras.models.model_from_json(model.to_json())
    assert copy.to_json() == model.to_json()
    copy.set_weights(model.get_weights())
    images = np.random.default_rng(0).normal(size=(3, *shape)).astype("float32")
    np.testing.assert_array_equal(copy(images), model(images))
    np.testing.assert_array_equal(model.predict_on_batch(images), tf.function(model)(images))


@every_layer
def test_arithmetic_and_keras_agree_on_shape_and_parameters(shape, layer):
    model = network(shape, layer)
    row = layer_table(json.loads(model.to_json()))[-1]
    assert (row.output_shape, row.parameters) == (model.output.shape[1:], model.count_params())


@every_layer
def test_gradients_agree_with_finite_differences(shape, layer):
    keras.utils.set_random_seed(1)
    layer = type(layer).from_config({**layer.get_config(), "dtype": "float64"})
    images = tf.constant(np.random.default_rng(1).normal(size=(2, *shape)))
    layer(images)

    values = [images, *(tf.convert_to_tensor(weight.value) for weight in layer.trainable_weights)]

    def loss(values):
        return tf.reduce_sum(tf.sin(layer.stateless_call(values[1:], [], values[0])[0]))

    with tf.GradientTape() as tape:
        tape.watch(values)
        total = loss(values)
    gradients = tape.gradient(total, values)
    random = np.random.default_rng(2)
    for index, gradient in enumerate(gradients):
        assert np.any(gradient)
        for _ in range(5):
            step = 1e-5 * random.normal(size=gradient.shape)
            ahead, behind = ([*values] for _ in range(2))
            ahead[index], behind[index] = values[index] + step, values[index] - step
            slope = (loss(ahead) - loss(behind)) / 2
            np.testing.assert_allclose(slope, np.sum(gradient * step), rtol=1e-6, atol=1e-12)


@every_layer
def test_gradients_are_reproducible_with_deterministic_operations(shape, layer):
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(2)
    model = network(shape, layer)
    images = tf.constant(np.random.default_rng(2).normal(size=(16, *shape)).astype("float32"))

    @tf.function
    def gradients():
        with tf.GradientTape() as tape:
            tape.watch(images)
            loss = tf.reduce_sum(tf.sin(model(images)))
        return tape.gradient(loss, [images, *(weight.value for weight in model.trainable_weights)])

    for one, other in zip(gradients(), gradients(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("kernel_size", "strides"), [(3, 1), ((2, 4), (3, 1)), (1, 2)])
def test_unrolled_layers_have_the_expected_cost_and_parameters(kernel_size, strides, padding):
    shared = keras.layers.Conv2D(3, kernel_size, strides=strides, padding=padding, name="x")
    shared.build((None, *IMAGE))
    sparse, masked = unrolled_locally(shared), unrolled_densely(shared)
    counted = {
        layer: layer_table(json.loads(network(IMAGE, layer).to_json()))[-1] for layer in (shared, sparse, masked)
    }
    assert counted[sparse].output_shape == counted[shared].output_shape
    assert counted[sparse].multiply_accumulates == counted[shared].multiply_accumulates
    assert counted[masked].multiply_accumulates == np.prod(IMAGE) * np.prod(counted[shared].output_shape)
    assert counted[sparse].connections == counted[shared].connections
    assert counted[masked].connections == np.count_nonzero(masked.kernel) + np.prod(counted[shared].output_shape)
    if padding == "valid":
        assert counted[masked].connections == counted[shared].connections


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (LocallyConnected2D(1, 3, name="x"), "Layer 'x' (LocallyConnected2D, 3×3) does not fit its 1×1 input."),
        (MaskedDense2D(1, 3, name="x"), "Layer 'x' (MaskedDense2D, 3×3) does not fit its 1×1 input."),
        (BlurPool2D(3, name="x"), "Layer 'x' (BlurPool2D, 3×3) does not fit its 1×1 input."),
        (BlurPool2D(2, padding="valid", name="x"), "Layer 'x' (BlurPool2D, 2×2) does not fit its 1×1 input."),
        (PolyphaseSampling2D(name="x"), "Layer 'x' (PolyphaseSampling2D, 2×2) does not fit its 1×1 input."),
        (
            CircularPadding2D(2, name="x"),
            "Layer 'x' (CircularPadding2D) does not fit its 1×1 input.",
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_message_for_too_small_an_input_names_layer_and_size(layer, message):
    written = json.loads(network(IMAGE, layer).to_json())
    written["config"]["layers"][0]["config"]["batch_shape"] = [None, 1, 1, 2]
    with pytest.raises(Misfit) as error:
        layer_table(written)
    assert str(error.value) == message
    with pytest.raises(ValueError, match="Received"):
        network((1, 1, 2), layer)
