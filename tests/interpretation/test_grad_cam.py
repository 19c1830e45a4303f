import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.training.runtime import start_tensorflow

CLASS_WEIGHTS = np.array([[2.0, -1.0, 0.0], [-3.0, 0.5, 4.0]], np.float32)


@pytest.fixture(scope="module")
def keras():
    start_tensorflow()
    import keras

    return keras


@pytest.fixture(scope="module")
def grad_cam(keras):
    from pipeline.interpretation.grad_cam import grad_cam

    return grad_cam


def pooled_network(keras, class_weights=CLASS_WEIGHTS, activation="softmax", name="pooled"):
    """Two maps, the grey level and its complement to 1; their means, weighted, are the scores of the classes."""
    image = keras.Input((4, 6, 1))
    maps = keras.layers.Conv2D(2, 1, name="maps")
    output = keras.layers.Dense(class_weights.shape[1], activation=activation)
    network = keras.Model(image, output(keras.layers.GlobalAveragePooling2D()(maps(image))), name=name)
    maps.set_weights([np.array([[[[1, -1]]]], np.float32), np.array([0, 1], np.float32)])
    output.set_weights([class_weights, np.zeros(class_weights.shape[1], np.float32)])
    return network


@pytest.fixture
def picture():
    return np.random.default_rng(0).random((4, 6, 1)).astype(np.float32)


def class_activation_map(picture, weights):
    """The map of a network with global average pooling (Selvaraju et al. 2017, section 3.1): known in closed form."""
    grey = picture[..., 0]
    return np.maximum(weights[0] * grey + weights[1] * (1 - grey), 0) / grey.size


@pytest.mark.parametrize("label", [0, 1, 2])
def test_with_global_average_pooling_it_is_the_class_activation_map(keras, grad_cam, picture, label):
    found = grad_cam(pooled_network(keras), picture, label)
    np.testing.assert_allclose(found, class_activation_map(picture, CLASS_WEIGHTS[:, label]), rtol=1e-4)
    assert found.dtype == np.float32


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_single_output_is_the_score_of_the_second_class(keras, grad_cam, picture, sign):
    weights = np.array([[2.0], [-1.0]], np.float32)
    found = grad_cam(pooled_network(keras, weights, "sigmoid"), picture, label=int(sign > 0))
    np.testing.assert_allclose(found, class_activation_map(picture, sign * weights[:, 0]), rtol=1e-4)


def test_a_certain_prediction_has_a_map(keras, grad_cam, picture):
    """The gradient of its probability is 0 in 32-bit floating-point numbers."""
    weights = 1e4 * CLASS_WEIGHTS
    network = pooled_network(keras, weights)
    label = int(np.argmax(network(picture[None])))
    np.testing.assert_allclose(
        grad_cam(network, picture, label), class_activation_map(picture, weights[:, label]), rtol=1e-4
    )


def test_a_network_inside_a_network_is_examined(keras, grad_cam, picture):
    image = keras.Input((4, 6, 1))
    served = keras.Model(image, pooled_network(keras)(keras.layers.Rescaling(1 / 255)(image)))
    np.testing.assert_allclose(
        grad_cam(served, 255 * picture, 0), class_activation_map(picture, CLASS_WEIGHTS[:, 0]), rtol=1e-4
    )


def test_networks_that_are_averaged_have_the_mean_of_their_maps(keras, grad_cam, picture):
    image = keras.Input((4, 6, 1))
    parts = [pooled_network(keras), pooled_network(keras, CLASS_WEIGHTS[::-1], name="other")]
    ensemble = keras.Model(image, keras.layers.Average()([part(image) for part in parts]))
    each = [class_activation_map(picture, weights[:, 0]) for weights in (CLASS_WEIGHTS, CLASS_WEIGHTS[::-1])]
    np.testing.assert_allclose(grad_cam(ensemble, picture, 0), np.mean(each, axis=0), rtol=1e-4)


def test_maps_of_one_pixel_are_passed_over_and_small_maps_are_enlarged(keras, grad_cam):
    """The right half of the picture is white, and class 1 is the mean of the right one of two pooled values."""
    image = keras.Input((4, 8, 1))
    x = keras.layers.Conv2D(1, 1, use_bias=False, name="copy")(image)
    x = keras.layers.MaxPooling2D((4, 4), name="two")(x)
    x = keras.layers.Conv2D(2, (1, 2), use_bias=False, name="one")(x)
    network = keras.Model(image, keras.layers.Activation("softmax")(keras.layers.Flatten()(x)))
    network.get_layer("copy").set_weights([np.ones((1, 1, 1, 1), np.float32)])
    network.get_layer("one").set_weights([np.array([[[[0, 0]], [[0, 1]]]], np.float32)])
    picture = np.zeros((4, 8, 1), np.float32)
    picture[:, 4:] = 1
    found = grad_cam(network, picture, 1)
    assert found.shape == (4, 8)
    assert (found[:, 6:] > 0).all() and (found[:, :2] == 0).all()
    assert (np.diff(found[0]) >= 0).all()


def test_the_network_predicts_as_before_afterwards(keras, grad_cam, picture):
    network = pooled_network(keras)
    before = np.asarray(network(picture[None]))
    grad_cam(network, picture, 0)
    np.testing.assert_array_equal(network(picture[None]), before)
    np.testing.assert_allclose(network.predict(picture[None], verbose=0), before, rtol=1e-6)


def test_a_fully_connected_network_is_a_user_error(keras, grad_cam, picture):
    layers = keras.layers
    inner = keras.Sequential([keras.Input((4, 6, 1)), layers.Flatten(), layers.Dense(3, "softmax")], name="dense")
    image = keras.Input((4, 6, 1))
    served = keras.Model(image, inner(layers.Rescaling(1 / 255)(image)), name="served")
    with pytest.raises(UserError, match=r"Network 'served' has no layer with weights .* Use occlusion"):
        grad_cam(served, picture, 0)
