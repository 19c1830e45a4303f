"""Networks read from the JSON of Keras, with nested models and shared layers."""

import json

import keras
import pytest
from keras import layers

from pipeline.arithmetic.nodes import network_nodes


def nodes(model):
    return network_nodes(json.loads(model.to_json()))


def links(model):
    return [(node.name, node.inputs) for node in nodes(model)]


def tower():
    """A model with two outputs: its feature maps, and the flattened maps."""
    patch = keras.Input((8, 8, 3), name="patch")
    maps = layers.Conv2D(4, 3, name="conv1")(patch)
    return keras.Model(patch, [layers.Flatten(name="flat")(maps), maps], name="tower")


def test_nested_models_are_expanded_and_layers_named_by_path():
    image = keras.Input((8, 8, 3), name="image")
    flat, maps = tower()(image)
    average = layers.GlobalAveragePooling2D(name="average")(maps)
    model = keras.Model(image, layers.Concatenate(name="both")([average, flat]))
    assert links(model) == [
        ("image", ()),
        ("tower/conv1", ("image",)),
        ("tower/flat", ("tower/conv1",)),
        ("average", ("tower/conv1",)),
        ("both", ("average", "tower/flat")),
    ]


def test_a_model_applied_twice_gives_its_nodes_twice():
    shared = tower()
    left, right = keras.Input((8, 8, 3), name="left"), keras.Input((8, 8, 3), name="right")
    model = keras.Model([left, right], layers.Subtract(name="distance")([shared(left)[0], shared(right)[0]]))
    assert links(model) == [
        ("left", ()),
        ("right", ()),
        ("tower/conv1", ("left",)),
        ("tower/flat", ("tower/conv1",)),
        ("tower/conv1 (use 2)", ("right",)),
        ("tower/flat (use 2)", ("tower/conv1 (use 2)",)),
        ("distance", ("tower/flat", "tower/flat (use 2)")),
    ]
    assert [node.use for node in nodes(model)] == [1, 1, 1, 1, 2, 2, 1]


def test_a_nested_model_may_come_last():
    image = keras.Input((8, 8, 3), name="image")
    inner = tower()
    first = inner(image)[1]
    outer = keras.Model(image, [inner(layers.ZeroPadding2D(1, name="pad")(first[..., :3]))[0], first], name="outer")
    other = keras.Input((8, 8, 3), name="other")
    model = keras.Model(other, layers.Dense(2, name="out")(outer(other)[0]))
    assert dict(links(model))["out"] == ("outer/tower/flat (use 2)",)


def test_a_layer_applied_to_its_own_output_comes_after_it():
    vector = keras.Input((3,), name="vector")
    again, between = layers.Dense(3, name="again"), layers.ReLU(name="between")
    assert links(keras.Model(vector, again(between(again(vector))))) == [
        ("vector", ()),
        ("again", ("vector",)),
        ("between", ("again",)),
        ("again (use 2)", ("between",)),
    ]


def test_a_nested_sequential_model_reads_the_outer_input():
    served = keras.Sequential(
        [
            keras.Input((8, 8, 3), name="grey_levels"),
            layers.Rescaling(2.0, name="standardise"),
            keras.Sequential([keras.Input((8, 8, 3)), layers.Flatten(name="flat")], name="network"),
        ]
    )
    assert links(served) == [("grey_levels", ()), ("standardise", ("grey_levels",)), ("network/flat", ("standardise",))]


def test_a_sequential_model_without_input_has_the_input_of_its_build():
    model = keras.Sequential([layers.Flatten(name="flat")])
    model.build((None, 8, 8, 3))
    (image, flat) = nodes(model)
    assert (image.config["batch_shape"], flat.inputs) == ([None, 8, 8, 3], (image.name,))


def test_inputs_given_by_name_are_sorted_by_name():
    image, kind = keras.Input((4, 4, 1), name="zoom"), keras.Input((2,), name="about")
    inner = keras.Model(
        {"zoom": image, "about": kind},
        {"out": layers.Concatenate(name="cat")([layers.Flatten(name="flat")(image), kind])},
        name="inner",
    )
    one, other = keras.Input((4, 4, 1), name="one"), keras.Input((2,), name="other")
    model = keras.Model([other, one], inner({"about": other, "zoom": one})["out"])
    assert dict(links(model))["inner/flat"] == ("one",)
    assert dict(links(model))["inner/cat"] == ("inner/flat", "other")


def test_functions_of_tensors_are_nodes():
    image = keras.Input((4, 4, 1), name="image")
    model = keras.Model(image, keras.ops.absolute(image - 1.0))
    assert [(node.class_name, node.module) for node in nodes(model)][1:] == [
        ("Subtract", "keras.src.ops.numpy"),
        ("Absolute", "keras.src.ops.numpy"),
    ]


def written(*named):
    """The JSON of a functional network, from the name of each layer and the names of its inputs."""
    tensors = {
        name: [{"class_name": "__keras_tensor__", "config": {"keras_history": [name, 0, 0]}}] for name, _ in named
    }
    return {
        "class_name": "Functional",
        "config": {
            "layers": [
                {
                    "name": name,
                    "class_name": "ReLU" if sources else "InputLayer",
                    "config": {"name": name},
                    "inbound_nodes": [{"args": [tensors[source] for source in sources], "kwargs": {}}]
                    if sources
                    else [],
                }
                for name, sources in named
            ],
            "input_layers": [named[0][0], 0, 0],
            "output_layers": [named[-1][0], 0, 0],
        },
    }


def test_layers_follow_their_inputs_in_any_order_of_the_json():
    listed = network_nodes(written(("c", "b"), ("b", "a"), ("a", "")))
    assert [node.name for node in listed] == ["a", "b", "c"]


def test_a_cycle_is_rejected():
    with pytest.raises(ValueError, match="The inputs of layer 'b' must be outputs of earlier layers of the network"):
        network_nodes(written(("a", ""), ("b", "c"), ("c", "b")))


def test_json_of_keras_2_is_rejected():
    old = written(("a", ""), ("b", "a"))
    old["config"]["layers"][1]["inbound_nodes"] = [[["a", 0, 0, {}]]]
    with pytest.raises(ValueError, match="Layer 'b' is in the format of Keras 2"):
        network_nodes(old)


def test_models_without_layers_or_input_are_rejected():
    with pytest.raises(ValueError, match=r"must be a Functional or Sequential model. Received: Mine"):
        network_nodes({"class_name": "Mine", "config": {}})
    with pytest.raises(ValueError, match="Network 'open' must state the shape of its input"):
        nodes(keras.Sequential([layers.Flatten()], name="open"))
