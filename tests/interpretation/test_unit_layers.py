import numpy as np
import pytest

from pipeline.networks.build import build
from pipeline.training.runtime import start_tensorflow


@pytest.fixture(scope="module")
def module():
    start_tensorflow()
    from pipeline.interpretation import unit_layers

    return unit_layers


def network(architecture, shape=(16, 16, 1), classes=3, **options):
    return build(architecture, options, input_shape=shape, classes=classes)


@pytest.mark.parametrize(
    ("architecture", "options", "names", "computed_by"),
    [
        ("logistic", {}, ["output"], ["output"]),
        ("lecture_cnn", {}, ["conv1", "conv2", "hidden", "output"], ["conv1", "conv2", "hidden", "output"]),
        ("lecture_sequential", {}, ["conv1", "conv2", "hidden", "output"], ["conv1", "conv2", "hidden", "output"]),
        (
            "vgg",
            {"blocks": [[1, 4], [1, 4]], "batch_normalization": True, "units": []},
            ["block1_conv1", "block2_conv1", "output"],
            ["block1_conv1_norm", "block2_conv1_norm", "output"],
        ),
        (
            "resnet",
            {},
            ["stem", "stage1_block1_add", "stage2_block1_add", "stage3_block1_add", "output"],
            ["stem_norm", "stage1_block1_add", "stage2_block1_add", "stage3_block1_add", "output"],
        ),
    ],
)
def test_layers_of_units_are_blocks_and_dense_layers_before_their_activation(
    module, architecture, options, names, computed_by
):
    import keras

    keras.utils.set_random_seed(0)  # Some random networks have only positive values for the few images below.
    layers = module.unit_layers(network(architecture, **options))
    assert [layer.name for layer in layers] == names
    assert [layer.computed_by for layer in layers] == computed_by
    assert [layer.classes for layer in layers] == [False] * (len(layers) - 1) + [True]
    noise = np.random.default_rng(0).normal(size=(8, 16, 16, 1)).astype(np.float32)
    for layer in layers:
        assert np.asarray(layer.network(noise)).min() < 0


def test_relu_of_the_units_is_the_output_of_the_layer_and_softmax_that_of_the_network(module):
    import keras

    model = network("lecture_cnn")
    layers = module.unit_layers(model)
    noise = np.random.default_rng(0).normal(size=(4, 16, 16, 1)).astype(np.float32)
    block = keras.Model(model.inputs[0], model.get_layer("conv2").output)
    np.testing.assert_allclose(np.maximum(layers[1].network(noise), 0), block(noise), atol=1e-6)
    exponential = np.exp(np.asarray(layers[-1].network(noise)))
    np.testing.assert_allclose(exponential / exponential.sum(axis=1, keepdims=True), model(noise), atol=1e-6)


def test_an_excitation_is_the_largest_value_of_a_map_and_its_place(module):
    """Brute force over every position of every image, with the kernels of the first layer."""
    model = network("lecture_cnn", shape=(6, 7, 1), filters=[3, 3], padding="valid", pooling="none")
    images = np.random.default_rng(0).normal(size=(70, 6, 7, 1)).astype(np.float32)
    first = module.excitations(module.unit_layers(model), images)[0]
    kernel, bias = model.get_layer("conv1").get_weights()
    for image in (0, 33, 69):
        for unit in range(3):
            values = {
                (row, column): float((images[image, row : row + 3, column : column + 3] * kernel[..., unit]).sum())
                for row in range(4)
                for column in range(5)
            }
            best = max(values, key=values.__getitem__)
            assert tuple(first.places[image, unit]) == best
            assert first.values[image, unit] == pytest.approx(values[best] + bias[unit], abs=1e-5)


@pytest.mark.parametrize("architecture", ["locally_connected", "lecun1989"])
def test_units_without_shared_weights_are_compared_in_the_middle_of_the_map(module, architecture):
    layers = module.unit_layers(network(architecture))
    first = module.excitations(layers, np.random.default_rng(0).normal(size=(5, 16, 16, 1)).astype(np.float32))[0]
    _, rows, columns, _ = layers[0].network.output.shape
    assert (first.places == (rows // 2, columns // 2)).all()
