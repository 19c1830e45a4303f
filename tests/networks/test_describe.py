import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from pipeline.config.schema import ModelConfig
from pipeline.errors import UserError
from pipeline.networks import describe as networks
from pipeline.networks.describe import make_network

MODELS = {
    file.stem: ModelConfig(name=file.stem, **content.get("model", content))
    for file in sorted((Path(__file__).parents[2] / "conf" / "model").glob("*.yaml"))
    for content in [yaml.safe_load(file.read_text(encoding="utf-8"))]
}
# Some models take or predict the type of the solar module; `elpv` has two types. Others take numbers of a table.
IMAGES = {
    "image_shape": [32, 32, 1],
    "classes": list("0123456789"),
    "subgroups": ["mono", "poly"],
    "numbers": ["weight", "age"],
}
DIGITS = IMAGES | {"image_shape": [8, 8, 1]}


@pytest.fixture(scope="module")
def network():
    """Return the network of a model for images of this shape; each is built once."""
    net = {}

    def of(name, images=IMAGES):
        key = name, *images["image_shape"]
        if key not in net:
            net[key] = make_network(MODELS[name], images)
        return net[key]

    return of


@pytest.mark.parametrize("name", MODELS)
def test_arithmetic_and_keras_agree_on_every_model(network, name):
    import keras

    net = network(name)
    read = keras.models.model_from_json(net.architecture)
    assert net.parameters == read.count_params()
    outputs = {tuple(output.shape[1:]) for output in read.outputs}
    assert outputs <= {row.output_shape for row in net.rows}
    used = {row.name.split(" ")[0].split("/")[0] for row in net.rows}
    assert used >= {layer.name for layer in read.layers}


@pytest.mark.parametrize("name", MODELS)
def test_building_again_gives_the_same_bytes(network, name):
    first, again = network(name), make_network(MODELS[name], IMAGES)
    assert first.architecture == again.architecture
    assert json.dumps(first.summary("x")) == json.dumps(again.summary("x"))


@pytest.mark.parametrize(
    ("name", "parameters", "multiply_accumulates", "receptive_field"),
    [
        # 64 pixels to 100 units to 10 classes.
        ("fully_connected", 65 * 100 + 101 * 10, 64 * 100 + 100 * 10, None),
        # 8×8 with 16 maps, halved; 4×4 with 32 maps, halved; 2·2·32 values to 100 units to 10 classes.
        # Receptive field along a side: 3 pixels, after pooling 4, then 4 + 2·2, after pooling 8 + 2.
        (
            "lecture_cnn",
            (9 + 1) * 16 + (9 * 16 + 1) * 32 + (128 + 1) * 100 + 101 * 10,
            64 * 9 * 16 + 16 * 9 * 16 * 32 + 128 * 100 + 100 * 10,
            (10, 10),
        ),
        # The same windows, with separate weights at each of 64 and 16 positions.
        (
            "locally_connected",
            64 * (9 + 1) * 16 + 16 * (9 * 16 + 1) * 32 + (128 + 1) * 100 + 101 * 10,
            64 * 9 * 16 + 16 * 9 * 16 * 32 + 128 * 100 + 100 * 10,
            (10, 10),
        ),
    ],
)
def test_the_totals_are_those_worked_by_hand(network, name, parameters, multiply_accumulates, receptive_field):
    net = network(name, DIGITS)
    assert net.parameters == parameters
    assert net.multiply_accumulates == multiply_accumulates
    assert net.receptive_field == receptive_field


def test_the_summary_has_all_values_of_every_layer_as_json(network):
    net = network("lecture_cnn", DIGITS)
    summary = json.loads(json.dumps(net.summary("lecture_cnn"), allow_nan=False))
    assert summary["architecture"] == "lecture_cnn"
    assert summary["parameters"] == sum(layer["parameters"] for layer in summary["layers"]) == net.parameters
    assert summary["multiply_accumulates"] == sum(layer["multiply_accumulates"] for layer in summary["layers"])
    assert summary["receptive_field"] == [10, 10]
    assert summary["activations"] == 64 + 64 * 16 + 16 * 16 + 16 * 32 + 4 * 32 + 128 + 100 + 10
    assert summary["largest_activations"] == 64 * 16 + 16 * 16
    assert summary["parameter_bytes"] == 4 * net.parameters
    assert summary["connections"] == sum(layer["connections"] for layer in summary["layers"])


@pytest.mark.parametrize("wrong", [{"parameters": 161}, {"output_shape": (8, 8, 17)}])
def test_a_disagreement_of_arithmetic_and_keras_names_the_layer(monkeypatch, wrong):
    counted = networks.layer_table

    def miscounted(written, measure):
        return tuple(replace(row, **wrong) if row.name == "conv1" else row for row in counted(written, measure))

    monkeypatch.setattr(networks, "layer_table", miscounted)
    with pytest.raises(RuntimeError, match=r"Layer 'conv1' has .*\(8, 8, 16\), 160.* in Keras, but by arithmetic"):
        make_network(MODELS["lecture_cnn"], DIGITS)


@pytest.fixture
def siamese():
    """A network that applies one tower to two images and joins the results and a vector with a function of tensors."""
    import keras
    from keras import layers

    patch = keras.Input((8, 8, 1), name="patch")
    row = layers.Flatten(name="flat")(layers.Conv2D(4, 3, name="conv")(patch))
    tower = keras.Model(patch, row, name="tower")
    left, right, kind = (
        keras.Input(shape, name=name) for name, shape in (("left", (8, 8, 1)), ("right", (8, 8, 1)), ("kind", (3,)))
    )
    shared = layers.Dense(5, name="shared")
    apart = keras.ops.absolute(shared(tower(left)) - shared(tower(right)))
    head = keras.Sequential([layers.Dense(2, name="last")], name="head")
    return keras.Model([left, right, kind], head(layers.Concatenate(name="all")([apart, kind])))


def test_arithmetic_and_keras_agree_on_shared_layers_nested_models_and_several_inputs(siamese):
    rows = networks.layer_table(json.loads(siamese.to_json()))
    networks.check(siamese, rows)
    net = networks.Network("", rows)
    assert net.parameters == siamese.count_params() == 10 * 4 + (36 * 4 + 1) * 5 + (5 + 3 + 1) * 2
    assert net.multiply_accumulates == 2 * (36 * 9 * 4 + 36 * 4 * 5) + 8 * 2
    assert net.receptive_field == (3, 3)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("tower/conv (use 2)", {"output_shape": (6, 6, 5)}),
        ("shared (use 2)", {"parameters": 725}),
        ("head/last", {"parameters": 17}),
        ("all", {"output_shape": (9,)}),
    ],
)
def test_a_wrong_count_of_any_use_names_the_row(siamese, name, wrong):
    rows = networks.layer_table(json.loads(siamese.to_json()))
    assert name in {row.name for row in rows}
    with pytest.raises(RuntimeError, match=re.escape(f"Layer '{name}' has shape and parameters")):
        networks.check(siamese, tuple(replace(row, **wrong) if row.name == name else row for row in rows))


def test_a_missing_row_is_detected(siamese):
    rows = [row for row in networks.layer_table(json.loads(siamese.to_json())) if row.name != "head/last"]
    with pytest.raises(RuntimeError, match="parameters in Keras, but 765 by arithmetic"):
        networks.check(siamese, tuple(rows))


@pytest.mark.parametrize(
    ("last", "field"),
    [
        (lambda x: keras_layers().GlobalAveragePooling2D(name="average")(x), (3, 3)),
        (lambda x: keras_layers().UpSampling2D(2, name="up")(x), None),
        (lambda x: keras_layers().Multiply(name="gate")([x, keras_layers().GlobalMaxPooling2D(name="m")(x)]), (8, 8)),
    ],
    ids=["seen through windows", "undefined", "all of the image"],
)
def test_the_networks_receptive_field_is_that_of_its_last_map(last, field):
    import keras

    image = keras.Input((8, 8, 1), name="image")
    model = keras.Model(image, last(keras_layers().Conv2D(4, 3, name="conv")(image)))
    assert networks.Network("", networks.layer_table(json.loads(model.to_json()))).receptive_field == field


def keras_layers():
    from keras import layers

    return layers


def test_a_mistake_in_a_model_is_a_user_error():
    with pytest.raises(UserError, match=r"Unknown architecture 'lecture'\. Did you mean 'lecture_cnn'"):
        make_network(replace(MODELS["lecture_cnn"], architecture="lecture"), DIGITS)


def test_a_network_whose_input_has_an_unknown_name_is_rejected_before_training(monkeypatch):
    import keras
    from keras import layers

    from pipeline.layers.classifier import classifier

    def built(*_, **__):
        image = keras.Input((8, 8, 1), name="picture")
        return keras.Model(image, classifier(10)(layers.Flatten(name="flatten")(image)))

    monkeypatch.setattr(networks, "build", built)
    with pytest.raises(
        UserError, match=r"lenet5 .* must be among image, partner, subgroup, numbers\. Received picture\. "
    ):
        make_network(MODELS["lenet5"], DIGITS)
