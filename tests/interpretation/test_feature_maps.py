import networkx
import numpy as np
import pytest

from pipeline.networks.build import build
from pipeline.training.runtime import start_tensorflow


@pytest.fixture(scope="module")
def block_outputs():
    start_tensorflow()
    from pipeline.interpretation.feature_maps import block_outputs

    return block_outputs


def network(architecture, shape=(32, 32, 1), **options):
    return build(architecture, options, input_shape=shape, classes=3, subgroups=2, numbers=2)


@pytest.mark.parametrize(
    ("architecture", "options", "names", "outputs"),
    [
        ("lecture_cnn", {}, ["conv1", "conv2"], ["conv1", "conv2"]),
        ("lecture_sequential", {}, ["conv1", "conv2"], ["conv1", "conv2"]),
        ("siamese", {}, ["conv1", "conv2"], ["conv1", "conv2"]),
        ("image_and_numbers", {}, ["conv1", "conv2"], ["conv1", "conv2"]),
        ("two_outputs", {}, ["conv1", "conv2"], ["conv1", "conv2"]),
        ("lecun1989", {"network": 5}, ["h1", "h2"], ["h1_tanh", "h2_tanh"]),
        (
            "resnet",
            {},
            ["stem", "stage1_block1_add", "stage2_block1_add", "stage3_block1_add"],
            ["stem_relu", "stage1_block1_relu2", "stage2_block1_relu2", "stage3_block1_relu2"],
        ),
        (
            "inception",
            {},
            ["stem_conv1", "stem_reduce", "stem_conv2", "inception3a", "inception3b", "inception4a"],
            ["stem_conv1", "stem_reduce", "stem_conv2", "inception3a", "inception3b", "inception4a"],
        ),
    ],
)
def test_a_block_ends_before_the_next_kernels_and_before_pooling(block_outputs, architecture, options, names, outputs):
    model = network(architecture, **options)
    blocks = block_outputs(model)
    assert list(blocks.names) == names
    assert [output._keras_history.operation.name for output in blocks.network.outputs] == outputs


@pytest.mark.parametrize(("architecture", "options"), [("logistic", {}), ("fully_connected", {})])
def test_a_network_without_maps_has_no_blocks(block_outputs, architecture, options):
    assert block_outputs(network(architecture, **options)) is None


@pytest.mark.parametrize(
    ("architecture", "options"),
    [("densenet", {}), ("mobilenet", {}), ("convnext", {}), ("keras_application", {"name": "MobileNetV3Small"})],
)
def test_all_paths_from_image_to_output_pass_through_each_block(block_outputs, architecture, options):
    """Without the block, no path is left in the graph of the layers."""
    model = network(architecture, (64, 64, 3), **options)
    graph = networkx.DiGraph()
    for layer in model.layers:
        for node in layer._inbound_nodes:
            graph.add_edges_from((one._keras_history.operation.name, layer.name) for one in node.input_tensors)
    blocks = block_outputs(model)
    assert 2 <= len(blocks.names) <= 12
    for output in blocks.network.outputs:
        without = graph.copy()
        without.remove_node(output._keras_history.operation.name)
        assert not networkx.has_path(without, "image", model.layers[-1].name)
        assert output.shape[1] * output.shape[2] > 1


def test_the_maps_are_those_of_the_layers_in_turn(block_outputs):
    model = network("lecture_cnn")
    image = np.random.default_rng(0).normal(size=(2, 32, 32, 1)).astype(np.float32)
    first = model.get_layer("conv1")(image)
    second = model.get_layer("conv2")(model.get_layer("pool1")(first))
    for maps, expected in zip(block_outputs(model).maps(image), (first, second), strict=True):
        np.testing.assert_array_equal(maps, expected)


def test_a_single_block_gives_a_list_too(block_outputs):
    (maps,) = block_outputs(network("lecture_cnn", filters=[4])).maps(np.zeros((2, 32, 32, 1), np.float32))
    assert maps.shape == (2, 32, 32, 4)


def test_normalisation_does_not_change_while_maps_are_computed(block_outputs):
    model = network("resnet")
    before = [array.copy() for array in model.get_weights()]
    block_outputs(model).maps(np.ones((2, 32, 32, 1), np.float32))
    for array, now in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(array, now)


def test_of_many_blocks_some_are_chosen_with_the_first_and_the_last(block_outputs):
    model = network("resnet", blocks_per_stage=9)
    all_blocks = block_outputs(model, most=100).names
    assert len(all_blocks) == 28
    assert block_outputs(model, most=4).names == tuple(all_blocks[place] for place in (0, 9, 18, 27))


def test_the_deepest_networks_are_examined(block_outputs):
    """Their paths have more layers than Python's limit of recursion."""
    assert block_outputs(network("resnet", blocks_per_stage=60, maps=[1, 1, 1])) is not None
