"""Locally connected layers agree with loops and with convolutions."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.layers.locally_connected import LocallyConnected1D, LocallyConnected2D


def brute_force(image, kernel, bias, *, kernel_size, strides, padding):
    """One output value at a time, with zeros wherever a window leaves the image."""
    batch, height, width, channels = image.shape
    out_h, out_w, _, filters = kernel.shape
    kh, kw = kernel_size
    top = left = 0
    if padding == "same":
        top = max((out_h - 1) * strides[0] + kh - height, 0) // 2
        left = max((out_w - 1) * strides[1] + kw - width, 0) // 2
    output = np.zeros((batch, out_h, out_w, filters))
    for b, row, column, f in np.ndindex(output.shape):
        total = float(bias[row, column, f])
        for i, j, c in np.ndindex(kh, kw, channels):
            y, x = row * strides[0] + i - top, column * strides[1] + j - left
            if 0 <= y < height and 0 <= x < width:
                total += float(image[b, y, x, c]) * float(kernel[row, column, (i * kw + j) * channels + c, f])
        output[b, row, column, f] = total
    return output


sides = st.integers(3, 6)
windows = st.tuples(st.integers(1, 3), st.integers(1, 3))


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    shape=st.tuples(st.integers(1, 3), sides, sides, st.integers(1, 3)),
    filters=st.integers(1, 3),
    kernel_size=windows,
    strides=windows,
    padding=st.sampled_from(["valid", "same"]),
)
def test_it_is_a_sum_over_each_window_with_that_windows_weights(shape, filters, kernel_size, strides, padding):
    random = np.random.default_rng(0)
    image = random.standard_normal(shape, dtype="float32")
    layer = LocallyConnected2D(filters, kernel_size, strides=strides, padding=padding, bias_initializer="random_normal")
    output = layer(image).numpy()
    expected = brute_force(
        image, layer.kernel.numpy(), layer.bias.numpy(), kernel_size=kernel_size, strides=strides, padding=padding
    )
    np.testing.assert_allclose(output, expected, rtol=1e-4, atol=1e-5)
    assert layer.compute_output_shape(shape) == output.shape


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    shape=st.tuples(st.integers(1, 3), sides, st.integers(1, 3)),
    filters=st.integers(1, 3),
    kernel_size=st.integers(1, 3),
    strides=st.integers(1, 3),
    padding=st.sampled_from(["valid", "same"]),
)
def test_on_a_signal_it_equals_the_layer_on_an_image_of_one_row(shape, filters, kernel_size, strides, padding):
    signal = np.random.default_rng(0).standard_normal(shape, dtype="float32")
    layer = LocallyConnected1D(filters, kernel_size, strides=strides, padding=padding, bias_initializer="random_normal")
    output = layer(signal).numpy()
    expected = brute_force(
        signal[:, None],
        layer.kernel.numpy()[None],
        layer.bias.numpy()[None],
        kernel_size=(1, kernel_size),
        strides=(1, strides),
        padding=padding,
    )
    np.testing.assert_allclose(output, expected[:, 0], rtol=1e-4, atol=1e-5)
    assert layer.compute_output_shape(shape) == output.shape


geometries = pytest.mark.parametrize(
    ("size", "kernel_size", "strides", "padding"),
    [
        ((8, 8), 3, 1, "same"),
        ((8, 7), 3, 1, "valid"),
        ((9, 8), (3, 2), (2, 1), "same"),
        ((7, 10), 2, 3, "valid"),
        ((8, 9), 1, 2, "same"),
        ((3, 4), 5, 1, "same"),
    ],
)


def tied_pair(size, kernel_size, strides, padding):
    """A convolution, and the locally connected layer that holds a copy of its weights at every position."""
    convolution = keras.layers.Conv2D(
        5, kernel_size, strides=strides, padding=padding, activation="relu", bias_initializer="random_normal"
    )
    layer = LocallyConnected2D(5, kernel_size, strides=strides, padding=padding, activation="relu")
    convolution.build((None, *size, 3))
    layer.build((None, *size, 3))
    out_h, out_w, window, filters = layer.kernel.shape
    layer.kernel.assign(np.broadcast_to(convolution.kernel.numpy().reshape(window, filters), layer.kernel.shape))
    layer.bias.assign(np.broadcast_to(convolution.bias.numpy(), (out_h, out_w, filters)))
    return convolution, layer


def value_and_gradients(layer, image):
    image = tf.constant(image)
    with tf.GradientTape() as tape:
        tape.watch(image)
        output = layer(image)
        loss = tf.reduce_sum(tf.sin(output))
    return [tensor.numpy() for tensor in (output, *tape.gradient(loss, [image, layer.kernel, layer.bias]))]


@geometries
def test_with_tied_weights_it_is_the_convolution(size, kernel_size, strides, padding):
    keras.utils.set_random_seed(1)
    convolution, layer = tied_pair(size, kernel_size, strides, padding)
    image = np.random.default_rng(2).standard_normal((4, *size, 3), dtype="float32")
    output, to_image, to_kernel, to_bias = value_and_gradients(convolution, image)
    local_output, to_local_image, to_local_kernel, to_local_bias = value_and_gradients(layer, image)
    close = {"rtol": 1e-4, "atol": 1e-5}
    np.testing.assert_allclose(local_output, output, **close)
    np.testing.assert_allclose(to_local_image, to_image, **close)
    np.testing.assert_allclose(to_local_kernel.sum((0, 1)).reshape(to_kernel.shape), to_kernel, **close)
    np.testing.assert_allclose(to_local_bias.sum((0, 1)), to_bias, **close)


def test_the_gradient_of_each_position_agrees_with_finite_differences():
    keras.utils.set_random_seed(3)
    layer = LocallyConnected2D(2, 3, strides=2, padding="same", dtype="float64")
    image = tf.constant(np.random.default_rng(4).standard_normal((3, 5, 4, 2)))
    layer(image)

    def loss(image, kernel):
        output, _ = layer.stateless_call([kernel, layer.bias.value], [], image)
        return tf.reduce_sum(tf.sin(output))

    theory, numeric = tf.test.compute_gradient(loss, [image, tf.constant(layer.kernel.numpy())])
    for received, expected in zip(theory, numeric, strict=True):
        np.testing.assert_allclose(received, expected, rtol=1e-5, atol=1e-5)


def test_the_initial_kernel_has_the_fans_of_a_convolution():
    keras.utils.set_random_seed(5)
    for initializer in ("glorot_uniform", "he_normal", "lecun_normal"):
        convolution = keras.layers.Conv2D(64, 5, kernel_initializer=initializer)
        convolution.build((None, 24, 24, 16))
        layer = LocallyConnected2D(64, 5, kernel_initializer=initializer)
        layer.build((None, 24, 24, 16))
        assert layer.kernel.shape == (20, 20, 5 * 5 * 16, 64)
        np.testing.assert_allclose(np.std(layer.kernel), np.std(convolution.kernel), rtol=0.02)


def test_the_initial_kernel_on_signals_has_the_fans_of_a_convolution():
    keras.utils.set_random_seed(5)
    convolution, layer = keras.layers.Conv1D(64, 25), LocallyConnected1D(64, 25)
    convolution.build((None, 200, 16))
    layer.build((None, 200, 16))
    np.testing.assert_allclose(np.std(layer.kernel), np.std(convolution.kernel), rtol=0.02)


def test_an_initializer_without_fans_is_unchanged():
    layer = LocallyConnected2D(2, 3, kernel_initializer=keras.initializers.Constant(0.5))
    layer.build((None, 5, 5, 1))
    assert np.unique(layer.kernel).tolist() == [0.5]


def network(**options):
    return keras.Sequential(
        [
            keras.Input((12, 10, 2)),
            LocallyConnected2D(4, 3, padding="same", activation="relu", **options),
            keras.layers.MaxPooling2D(),
            LocallyConnected2D(3, (2, 3), strides=(2, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )


def test_it_is_saved_and_loaded_with_every_option():
    model = network(
        use_bias=False,
        kernel_initializer=keras.initializers.HeNormal(seed=6),
        kernel_regularizer=keras.regularizers.L2(0.01),
        name="local",
    )
    again = keras.models.model_from_json(model.to_json())
    assert again.to_json() == model.to_json()
    np.testing.assert_array_equal(again.get_layer("local").kernel, model.get_layer("local").kernel)
    again.set_weights(model.get_weights())
    image = np.random.default_rng(7).standard_normal((3, 12, 10, 2), dtype="float32")
    np.testing.assert_array_equal(again(image), model(image))


# Keras 3.15 copies a variable with np.array; TensorFlow's variables do not implement the `copy` argument of NumPy 2.
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning")
def test_it_is_saved_in_a_keras_file_and_loaded(tmp_path):
    model = network()
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    image = np.random.default_rng(8).standard_normal((3, 12, 10, 2), dtype="float32")
    np.testing.assert_array_equal(again(image), model(image))


def trained_weights():
    keras.utils.set_random_seed(9)
    model = network()
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9), "binary_crossentropy", jit_compile=False)
    random = np.random.default_rng(10)
    images = random.standard_normal((64, 12, 10, 2), dtype="float32")
    labels = (images.mean((1, 2, 3)) > 0).astype("float32")
    first = model.evaluate(images, labels, verbose=0)
    model.fit(images, labels, batch_size=16, epochs=5, verbose=0)
    assert model.evaluate(images, labels, verbose=0) < first
    return model.get_weights()


def test_two_trainings_are_identical():
    for one, other in zip(trained_weights(), trained_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_model_compiled_with_xla_warns_and_trains_without_it():
    model = network()
    with pytest.warns(UserWarning, match="jit_compile"):
        model.compile("sgd", "binary_crossentropy", jit_compile=True)
    assert model.jit_compile is False


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"filters": 0, "kernel_size": 3}, "`filters` must be at least 1. Received filters=0."),
        ({"filters": 2, "kernel_size": 0}, "`kernel_size` must be .* Received kernel_size=0."),
        ({"filters": 2, "kernel_size": (3, 3, 3)}, r"Received kernel_size=\(3, 3, 3\)."),
        ({"filters": 2, "kernel_size": 3, "strides": 0}, "`strides` must be .* Received strides=0."),
        ({"filters": 2, "kernel_size": 3, "strides": (1, 0.5)}, r"Received strides=\(1, 0.5\)."),
        ({"filters": 2, "kernel_size": 3, "padding": "full"}, "`padding` must be .* Received padding='full'."),
    ],
)
def test_an_invalid_argument_is_rejected(arguments, message):
    with pytest.raises(ValueError, match=message):
        LocallyConnected2D(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kernel_size": (3, 3)}, r"`kernel_size` must be a positive integer\. Received kernel_size=\(3, 3\)\."),
        ({"kernel_size": 3, "strides": 0}, r"`strides` must be a positive integer\. Received strides=0\."),
    ],
)
def test_a_signal_has_one_axis(arguments, message):
    with pytest.raises(ValueError, match=message):
        LocallyConnected1D(2, **arguments)


def test_a_window_larger_than_its_input_is_rejected():
    with pytest.raises(ValueError, match=r"must fit inside the input .* kernel_size=\(5, 5\), sides=\(4, 6\)"):
        LocallyConnected2D(2, 5)(np.zeros((1, 4, 6, 1), "float32"))
    with pytest.raises(ValueError, match=r"must fit inside the input .* kernel_size=\(5,\), sides=\(4,\)"):
        LocallyConnected1D(2, 5)(np.zeros((1, 4, 1), "float32"))


def test_an_input_of_unknown_size_is_rejected():
    with pytest.raises(
        ValueError, match=r"Height, width and .* must be known. Received input_shape=\(None, None, 8, 1\)"
    ):
        LocallyConnected2D(2, 3)(keras.Input((None, 8, 1)))
    with pytest.raises(
        ValueError, match=r"Length and channels .* must be known. Received input_shape=\(None, None, 1\)"
    ):
        LocallyConnected1D(2, 3)(keras.Input((None, 1)))
