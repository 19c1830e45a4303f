import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from pipeline import networks
from pipeline.config import ModelConfig
from pipeline.errors import UserError
from pipeline.networks import make_network

MODELS = {
    file.stem: ModelConfig(name=file.stem, **yaml.safe_load(file.read_text(encoding="utf-8"))["model"])
    for file in sorted((Path(__file__).parents[1] / "conf" / "model").glob("*.yaml"))
}
DIGITS = {"image_shape": (8, 8, 1), "classes": 10}


@pytest.fixture(scope="module")
def network():
    """Makes the network of a model for digits, once."""
    made = {}

    def of(name):
        if name not in made:
            made[name] = make_network(MODELS[name], **DIGITS)
        return made[name]

    return of


@pytest.mark.parametrize("name", MODELS)
def test_arithmetic_and_keras_agree_on_every_model(network, name):
    import keras

    made = network(name)
    read = keras.models.model_from_json(made.architecture)
    assert made.parameters == read.count_params()
    assert [row.name for row in made.rows] == [layer.name for layer in read.layers]
    assert [row.output_shape for row in made.rows] == [tuple(layer.output.shape[1:]) for layer in read.layers]
    assert made.rows[-1].output_shape == (10,)


@pytest.mark.parametrize("name", MODELS)
def test_building_again_gives_the_same_bytes(network, name):
    first, again = network(name), make_network(MODELS[name], **DIGITS)
    assert first.architecture == again.architecture
    assert json.dumps(first.summary("x")) == json.dumps(again.summary("x"))


@pytest.mark.parametrize(
    ("name", "parameters", "multiply_accumulates", "receptive_field"),
    [
        # 64 pixels to 100 units to 10 classes.
        ("fully_connected", 65 * 100 + 101 * 10, 64 * 100 + 100 * 10, None),
        # 8×8 with 16 maps, halved; 4×4 with 32 maps, halved; 2·2·32 values to 100 units to 10 classes.
        # Seen along a side: 3 pixels, pooled 4, then 4 + 2·2, pooled 8 + 2.
        (
            "lecture_cnn",
            (9 + 1) * 16 + (9 * 16 + 1) * 32 + (128 + 1) * 100 + 101 * 10,
            64 * 9 * 16 + 16 * 9 * 16 * 32 + 128 * 100 + 100 * 10,
            (10, 10),
        ),
        # The same windows, with weights of their own at each of 64 and 16 positions.
        (
            "locally_connected",
            64 * (9 + 1) * 16 + 16 * (9 * 16 + 1) * 32 + (128 + 1) * 100 + 101 * 10,
            64 * 9 * 16 + 16 * 9 * 16 * 32 + 128 * 100 + 100 * 10,
            (10, 10),
        ),
    ],
)
def test_the_totals_are_those_worked_by_hand(network, name, parameters, multiply_accumulates, receptive_field):
    made = network(name)
    assert made.parameters == parameters
    assert made.multiply_accumulates == multiply_accumulates
    assert made.receptive_field == receptive_field


def test_the_summary_says_all_of_every_layer_and_can_be_written_as_json(network):
    made = network("lecture_cnn")
    summary = json.loads(json.dumps(made.summary("lecture_cnn"), allow_nan=False))
    assert summary["architecture"] == "lecture_cnn"
    assert summary["parameters"] == sum(layer["parameters"] for layer in summary["layers"]) == made.parameters
    assert summary["multiply_accumulates"] == sum(layer["multiply_accumulates"] for layer in summary["layers"])
    assert summary["receptive_field"] == [10, 10]


@pytest.mark.parametrize("wrong", [{"parameters": 161}, {"output_shape": (8, 8, 17)}])
def test_where_arithmetic_and_keras_disagree_the_layer_is_named(monkeypatch, wrong):
    counted = networks.layer_table

    def miscounted(written):
        return tuple(replace(row, **wrong) if row.name == "conv1" else row for row in counted(written))

    monkeypatch.setattr(networks, "layer_table", miscounted)
    with pytest.raises(RuntimeError, match=r"Layer 'conv1' has .*\(8, 8, 16\), 160.* in Keras, but by arithmetic"):
        make_network(MODELS["lecture_cnn"], **DIGITS)


def test_a_mistake_in_a_model_is_the_users():
    with pytest.raises(UserError, match=r"Unknown architecture 'lecture'\. Did you mean 'lecture_cnn'"):
        make_network(replace(MODELS["lecture_cnn"], architecture="lecture"), **DIGITS)
