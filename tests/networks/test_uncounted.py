"""Networks with layers that arithmetic has no rule for are counted as far as possible, and trained."""

import json
import sys
import textwrap
from importlib import import_module

import keras
import numpy as np
import pytest

import pipeline.architectures
from pipeline.arithmetic.table import layer_table
from pipeline.config.schema import ModelConfig
from pipeline.errors import UserError
from pipeline.networks import build
from pipeline.networks.describe import Network, make_network
from pipeline.reporting.figures.layer_diagram import layer_diagram
from pipeline.reporting.tables.layers import layer_lines, total_lines

IMAGES = {"image_shape": [8, 8, 1], "classes": ["a", "b", "c"], "subgroups": None}

HEAD = """
import keras
from keras import layers
from pipeline.layers.classifier import classifier
"""
BODY = """
def build(input_shape, classes, *, units: int = 4):
    image = x = keras.Input(input_shape, name="image")
    x = layers.Conv2D(2, 3, name="conv")(x)  # 6, 6, 2
    x = {step}
    x = layers.Flatten(name="flatten")(x)
    return keras.Model(image, classifier(classes)(layers.Dense(units, name="hidden")(x)))
"""
OWN = """
@keras.saving.register_keras_serializable("convtrack")
class Scaling(layers.Layer):
    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def build(self, input_shape):
        self.gain = self.add_weight(name="gain", shape=(input_shape[-1],), initializer="ones")

    def call(self, inputs):
        return inputs * self.gain * self.factor

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}
"""
# Expression, name of the row, output shape, parameters.
STEPS = {
    "padding": ("keras.ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))", "Pad", (8, 8, 2), 0),
    "slice": ("x[:, 1:, ::2]", "GetItem", (5, 3, 2), 0),
    "resizing": ("layers.Resizing(4, 5, name='odd')(x)", "Resizing", (4, 5, 2), 0),
    "attention": (
        "layers.MultiHeadAttention(2, 3, name='odd')(s := layers.Reshape((36, 2))(x), s)",
        "MultiHeadAttention",
        (36, 2),
        3 * (2 * 6 + 6) + 6 * 2 + 2,
    ),
    "own layer": ("Scaling(2.0, name='odd')(x)", "Scaling", (6, 6, 2), 2),
}


@pytest.fixture
def architecture(tmp_path, monkeypatch):
    """Add an architecture `odd` with this code, and return its network."""
    monkeypatch.setattr(pipeline.architectures, "__path__", [*pipeline.architectures.__path__, str(tmp_path)])
    monkeypatch.setattr(build, "architecture_names", lambda: ["odd"])
    monkeypatch.setattr(build, "ARCHITECTURES", tmp_path)

    def add(code: str) -> Network:
        (tmp_path / "odd.py").write_text(HEAD + textwrap.dedent(code))
        return make_network(ModelConfig("odd", "odd", {}), IMAGES)

    with keras.saving.custom_object_scope({}):
        yield add
    sys.modules.pop("pipeline.architectures.odd", None)


@pytest.mark.parametrize("kind", STEPS)
def test_a_layer_without_a_rule_is_named_and_the_rest_is_counted(architecture, kind):
    step, class_name, shape, parameters = STEPS[kind]
    network = architecture(OWN + BODY.format(step=step))
    (row,) = [row for row in network.rows if not row.counted]
    assert (row.kind, row.output_shape, row.parameters) == (class_name, shape, parameters)
    assert (row.connections, row.multiply_accumulates, row.receptive_field) == (None, None, None)
    assert network.totals.uncounted == (row.name,)
    model = keras.models.model_from_json(network.architecture)
    assert network.parameters == model.count_params()
    counted = 36 * 9 * 2 + np.prod(shape) * 4 + 4 * 3
    assert network.multiply_accumulates == counted


@pytest.mark.parametrize("kind", STEPS)
def test_a_network_with_a_layer_without_a_rule_is_trained(architecture, kind):
    network = architecture(OWN + BODY.format(step=STEPS[kind][0]))
    model = keras.models.model_from_json(network.architecture)
    model.compile("sgd", "sparse_categorical_crossentropy")
    before = model.get_weights()
    images = np.random.default_rng(0).normal(size=(6, 8, 8, 1)).astype("float32")
    assert np.isfinite(model.train_on_batch(images, np.arange(6) % 3))
    assert any((old != new).any() for old, new in zip(before, model.get_weights(), strict=True))


@pytest.mark.parametrize("kind", STEPS)
def test_the_table_the_totals_the_file_and_the_drawing_name_the_layer_without_a_rule(architecture, kind):
    network = architecture(OWN + BODY.format(step=STEPS[kind][0]))
    (name,) = network.totals.uncounted
    (line,) = [line for line in layer_lines(network.rows) if line.startswith(name + " ")]
    assert line.split("  ").count("?") or " ? " in line
    lines = total_lines(network.rows)
    assert any(line.startswith("at least ") and "multiply–accumulates" in line for line in lines)
    assert any(name in line for line in lines)
    summary = json.loads(json.dumps(network.summary("odd"), allow_nan=False))
    assert summary["uncounted"] == [name]
    assert isinstance(summary["multiply_accumulates"], int)
    assert layer_diagram(network.rows).multiply_accumulates.startswith("≥ ")


def test_a_layer_with_several_outputs_is_measured(architecture):
    network = architecture(
        """
        def build(input_shape, classes):
            image = keras.Input(input_shape, name="image")
            left, right = keras.ops.split(image, [3], axis=2)
            left, right = layers.Flatten(name="left")(left), layers.Flatten(name="right")(right)
            return keras.Model(image, classifier(classes)(layers.Concatenate(name="both")([left, right])))
        """
    )
    shapes = {row.name: row.output_shape for row in network.rows}
    assert (shapes["left"], shapes["right"], shapes["both"]) == ((24,), (40,), (64,))
    assert {row.name: row.activations for row in network.rows}[network.totals.uncounted[0]] == 64


def test_a_layer_without_a_rule_inside_a_nested_model_is_measured_for_the_size_of_its_use(architecture):
    network = architecture(
        """
        def build(input_shape, classes):
            free = keras.Input((None, None, 1), name="free")
            tower = keras.Model(free, keras.ops.pad(free, ((0, 0), (1, 1), (2, 2), (0, 0))), name="tower")
            image = keras.Input(input_shape, name="image")
            return keras.Model(image, classifier(classes)(layers.Flatten(name="flatten")(tower(image))))
        """
    )
    (row,) = [row for row in network.rows if not row.counted]
    assert row.name.startswith("tower/")
    assert row.output_shape == (10, 12, 1)


def test_a_function_that_broadcasts_against_a_constant_has_the_shape_of_keras(architecture):
    network = architecture(
        """
        import numpy as np

        def build(input_shape, classes):
            image = keras.Input(input_shape, name="image")
            x = keras.ops.multiply(image, np.ones((8, 8, 3), "float32"))
            return keras.Model(image, classifier(classes)(layers.Flatten(name="flatten")(x)))
        """
    )
    assert (8, 8, 3) in [row.output_shape for row in network.rows]


def test_networks_of_known_layers_have_nothing_uncounted():
    image = keras.Input((8, 8, 1), name="image")
    rows = layer_table(json.loads(keras.Model(image, image * 2.0 + 1.0).to_json()))
    assert all(row.counted for row in rows)


MISTAKES = {
    "an unknown layer class": (
        "def build(input_shape, classes):\n    return layers.Conv2d(3, 3)",
        r"architecture odd raises an error \(line 6 of odd\.py\): Unknown name in keras\.layers 'Conv2d'\. "
        r"Did you mean 'Conv2D'\?",
    ),
    "a syntax error": ("def build(input_shape, classes:", r"odd raises an error: SyntaxError: .*\(odd\.py, line 5\)"),
    "an unknown import": ("from keras.layers import Konv2D\n", r"line 5 of odd\.py\): ImportError: cannot import name"),
    "an unknown argument": (
        "def build(input_shape, classes):\n    return layers.Flatten(axis=3)",
        r"odd cannot be built .* unrecognized keyword|axis",
    ),
    "a bug": ("def build(input_shape, classes):\n    return [][3]", r"\(line 6 of odd\.py\): IndexError: list index"),
    "no build function": ("x = 3", "has no attribute 'build'"),
    "no model": ("def build(input_shape, classes):\n    return 3", r"must return a keras\.Model\. Received: int"),
    "a subclass of Model": (
        """
        class Own(keras.Model):
            def __init__(self):
                super().__init__()
                self.last = layers.Dense(3)

            def call(self, inputs):
                return self.last(inputs)

            def get_config(self):
                return {}

        def build(input_shape, classes):
            return Own()
        """,
        "cannot be trained: A network must be a Functional or Sequential model. Received: Own",
    ),
    "a layer without get_config": (
        OWN.split("    def get_config")[0].replace(" * self.factor", "") + BODY.format(step="Scaling(object())(x)"),
        r"cannot be saved by Keras .* a `get_config` with all arguments",
    ),
    "an unregistered layer": (
        OWN.split(")\n", 1)[1] + BODY.format(step="Scaling(2.0)(x)"),
        "Could not locate class 'Scaling'.* decorated with `@keras.saving.register_keras_serializable",
    ),
    "a lambda": (BODY.format(step="layers.Lambda(lambda x: x + 1)(x)"), "cannot be loaded by Keras .*[Ll]ambda"),
}


@pytest.mark.parametrize("kind", MISTAKES)
def test_a_mistake_in_an_architecture_file_is_one_sentence_with_its_place(architecture, kind):
    code, message = MISTAKES[kind]
    with pytest.raises(UserError, match=message) as error:
        architecture(code)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 5000


def test_the_fixture_leaves_no_architecture_behind():
    with pytest.raises(ImportError):
        import_module("pipeline.architectures.odd")
