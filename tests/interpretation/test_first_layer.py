import numpy as np
import pytest

from pipeline.training.runtime import start_tensorflow


@pytest.fixture(scope="module")
def layers():
    start_tensorflow()
    import keras

    return keras.layers


def kernels_of(*stack, shape=(6, 8, 3)):
    import keras

    from pipeline.interpretation.first_layer import first_layer_kernels

    model = keras.Sequential([keras.Input(shape), *stack])
    return model, first_layer_kernels(model)


def test_a_convolution_returns_its_own_kernels(layers):
    model, kernels = kernels_of(layers.Rescaling(2.0), layers.Conv2D(4, (3, 2)), layers.Conv2D(5, 3))
    assert kernels.shape == (3, 2, 3, 4)
    np.testing.assert_array_equal(kernels, model.layers[1].get_weights()[0])


def test_a_dense_layer_returns_one_kernel_per_unit_as_large_as_the_image(layers):
    model, templates = kernels_of(layers.Flatten(), layers.Dense(4, use_bias=False))
    assert templates.shape == (6, 8, 3, 4)
    # The scalar product of kernel and image is the output of the unit.
    image = np.random.default_rng(0).normal(size=(1, 6, 8, 3)).astype(np.float32)
    np.testing.assert_allclose(np.einsum("bijc,ijcu->bu", image, templates), model(image), rtol=1e-4, atol=1e-5)


def test_a_locally_connected_layer_returns_the_kernels_at_the_centre(layers):
    from pipeline.layers.locally_connected import LocallyConnected2D

    model, kernels = kernels_of(LocallyConnected2D(4, (3, 2), use_bias=False))
    assert kernels.shape == (3, 2, 3, 4)
    image = np.random.default_rng(0).normal(size=(1, 6, 8, 3)).astype(np.float32)
    output = np.asarray(model(image))
    row, column = output.shape[1] // 2, output.shape[2] // 2
    window = image[0, row : row + 3, column : column + 2]
    np.testing.assert_allclose(np.einsum("ijc,ijcu->u", window, kernels), output[0, row, column], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("first", ["BatchNormalization", "DepthwiseConv2D"])
def test_other_layers_return_none(layers, first):
    options = (3,) if first == "DepthwiseConv2D" else ()
    _, kernels = kernels_of(getattr(layers, first)(*options), layers.Conv2D(4, 3))
    assert kernels is None


def test_a_dense_layer_on_pooled_features_returns_none(layers):
    _, kernels = kernels_of(layers.MaxPooling2D(2), layers.Flatten(), layers.Dense(4))
    assert kernels is None


def test_a_network_without_weights_returns_none(layers):
    _, kernels = kernels_of(layers.Flatten())
    assert kernels is None
