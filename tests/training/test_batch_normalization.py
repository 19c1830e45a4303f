"""The fused batch normalisation computes what Keras' layer computes, and leaves the rest to it."""

import json

import numpy as np
import pytest

# Keras' variables do not implement the `copy` argument of `__array__`, which NumPy 2 expects.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

SHAPE = (4, 6, 5, 3)


@pytest.fixture
def fused(tensorflow):
    from pipeline.training.batch_normalization import FusedBatchNormalization

    return FusedBatchNormalization


@pytest.fixture
def kernel_calls(tensorflow, monkeypatch):
    """A list that grows with each call of the fused kernel."""
    calls = []
    kernel = tensorflow.compat.v1.nn.fused_batch_norm
    monkeypatch.setattr(
        tensorflow.compat.v1.nn, "fused_batch_norm", lambda *args, **named: calls.append(1) or kernel(*args, **named)
    )
    return calls


def layer_of(kind, shape=SHAPE, **options):
    """A layer with random weights."""
    layer = kind(**options)
    layer.build(shape)
    random = np.random.default_rng(0)
    layer.set_weights([random.uniform(0.5, 2, weight.shape) for weight in layer.weights])
    return layer


def images(shape=SHAPE):
    return (3 + 2 * np.random.default_rng(1).normal(size=shape)).astype(np.float32)


def step(tensorflow, layer, inputs):
    """Output, gradients and weights of one training step."""
    x = tensorflow.constant(inputs)
    with tensorflow.GradientTape() as tape:
        tape.watch(x)
        outputs = layer(x, training=True)
        loss = tensorflow.reduce_sum(outputs * np.random.default_rng(2).normal(size=inputs.shape))
    gradients = tape.gradient(loss, [x, *(weight.value for weight in layer.trainable_variables)])
    return [np.asarray(value) for value in (outputs, *gradients, *(weight.value for weight in layer.weights))]


def assert_close(found, expected):
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "options",
    [{}, {"scale": False}, {"center": False}, {"scale": False, "center": False}, {"momentum": 0.5, "epsilon": 0.1}],
    ids=str,
)
def test_outputs_gradients_and_moving_statistics_are_those_of_keras(tensorflow, fused, kernel_calls, options):
    import keras

    ours, theirs = (
        step(tensorflow, layer_of(kind, **options), images()) for kind in (fused, keras.layers.BatchNormalization)
    )
    assert_close(ours, theirs)
    assert kernel_calls


def test_a_single_value_per_channel_has_variance_zero(tensorflow, fused):
    import keras

    one = (1, 1, 1, 3)
    ours, theirs = (
        step(tensorflow, layer_of(kind, one), images(one)) for kind in (fused, keras.layers.BatchNormalization)
    )
    assert_close(ours, theirs)


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ({"axis": 1}, SHAPE),
        ({}, (8, 3)),
        ({}, (4, 6, 3)),
        ({"epsilon": 1e-6}, SHAPE),
        ({"renorm": True}, SHAPE),
        ({"dtype": "mixed_float16"}, SHAPE),
        ({"trainable": False}, SHAPE),
    ],
    ids=str,
)
def test_what_the_kernel_does_not_compute_has_the_bits_of_keras(tensorflow, fused, kernel_calls, options, shape):
    import keras

    ours, theirs = (
        layer_of(kind, shape, **options)(images(shape), training=True)
        for kind in (fused, keras.layers.BatchNormalization)
    )
    np.testing.assert_array_equal(ours, theirs)
    assert not kernel_calls


def test_masked_positions_have_the_bits_of_keras(tensorflow, fused, kernel_calls):
    import keras

    mask = np.arange(np.prod(SHAPE[:3])).reshape(SHAPE[:3]) % 3 > 0
    ours, theirs = (
        layer_of(kind)(images(), training=True, mask=mask) for kind in (fused, keras.layers.BatchNormalization)
    )
    np.testing.assert_array_equal(ours, theirs)
    assert not kernel_calls


def test_inference_has_the_bits_of_keras(tensorflow, fused, kernel_calls):
    import keras

    ours, theirs = (layer_of(kind)(images(), training=False) for kind in (fused, keras.layers.BatchNormalization))
    np.testing.assert_array_equal(ours, theirs)
    assert not kernel_calls


@pytest.fixture
def nested(tensorflow):
    """A network with a shared, a nested and a wrapped batch normalisation, and a layer of this project."""
    import keras
    from keras import layers

    from pipeline.layers.layer_scale import LayerScale

    inner = keras.Sequential([keras.Input(SHAPE[1:]), layers.BatchNormalization(name="inner")], name="nested")
    shared = layers.BatchNormalization(name="shared")
    image = keras.Input(SHAPE[1:], name="image")
    x = layers.Add(name="sum")([shared(image), shared(inner(image))])
    x = LayerScale(0.5, name="scaled")(x)
    x = layers.TimeDistributed(layers.BatchNormalization(name="wrapped"), name="rows")(x)
    x = layers.Dropout(0.5, name="dropout")(layers.Flatten(name="flatten")(x))
    return keras.Model(image, layers.Dense(2, name="output")(x), name="all")


def test_shared_nested_and_wrapped_layers_are_replaced_with_the_same_initial_weights(nested, fused):
    from pipeline.training.batch_normalization import with_fused_normalisation
    from pipeline.training.start import load_network

    plain = load_network(nested.to_json(), 3)
    trained = load_network(with_fused_normalisation(nested.to_json()), 3)
    assert [variable.path for variable in trained.variables] == [variable.path for variable in plain.variables]
    for one, other in zip(trained.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    found = [trained.get_layer("shared"), trained.get_layer("nested").layers[-1], trained.get_layer("rows").layer]
    assert [type(layer) for layer in found] == [fused] * 3
    np.testing.assert_array_equal(trained(images()), plain(images()))


def test_a_network_without_batch_normalisation_is_unchanged(tensorflow):
    import keras
    from keras import layers

    from pipeline.training.batch_normalization import with_fused_normalisation

    image = keras.Input(SHAPE[1:], name="image")
    written = keras.Model(image, layers.LayerNormalization(name="output")(image), name="plain").to_json()
    assert json.loads(with_fused_normalisation(written)) == json.loads(written)


def test_a_training_uses_the_fused_kernel_and_its_result_belongs_to_the_network_of_keras(tasks, fused, project):
    import keras

    from pipeline.data.prepared import read_prepared
    from pipeline.training.predict import trained_network
    from pipeline.training.replicate import train_replicate
    from pipeline.training.start import start

    task = tasks(epochs=1)[0]
    assert type(start(task, read_prepared(task.prepared)).model.get_layer("normalisation")) is fused
    train_replicate(task, lambda progress: None)
    kept = trained_network(task.architecture, task.result)
    assert type(kept.get_layer("normalisation")) is keras.layers.BatchNormalization
