"""Exports of a tiny network: each computes what the original computes, in its own runtime."""

import keras
import numpy as np
import pytest

from pipeline.deployment import exports
from pipeline.deployment.export_measurements import compared
from pipeline.deployment.exports import FORMATS, export, size_of
from pipeline.errors import UserError

CLASSES = 3


@pytest.fixture(scope="module")
def images():
    """Sixty uint8 images (8, 8, 1), and the row that is bright in each."""
    random = np.random.default_rng(0)
    labels = np.arange(60) % CLASSES
    pixels = random.integers(120, size=(60, 8, 8, 1), dtype=np.uint8)
    pixels[np.arange(60), labels * 2 + 1] += 130
    return pixels, labels


@pytest.fixture(scope="module")
def network(images):
    """A network that has learned the bright row."""
    keras.utils.set_random_seed(0)
    image = x = keras.Input((8, 8, 1), name="image")
    x = keras.layers.Rescaling(1 / 60, -1.5)(x)
    x = keras.layers.Conv2D(4, 3, activation="relu", padding="same")(x)
    x = keras.layers.Flatten()(x)
    model = keras.Model(image, keras.layers.Dense(CLASSES, activation="softmax")(x))
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    pixels, labels = images
    model.fit(pixels.astype("float32"), labels, epochs=20, batch_size=20, verbose=0)
    return model


@pytest.fixture(scope="module")
def measure(network, images, tmp_path_factory):
    """Export to a format, load the export, and measure it beside the original."""
    pixels, labels = images

    def measured(name):
        target = export(network, name, tmp_path_factory.mktemp("exports"), pixels[:40])
        loaded = FORMATS[name].load(target)
        return compared(network.predict_on_batch, {name: loaded}, pixels, labels, np.arange(40, 60)), size_of(target)

    return measured


@pytest.mark.parametrize("name", ["saved_model", "litert"])
def test_an_export_with_float_weights_computes_the_same_probabilities(measure, name):
    (original, found), size = measure(name)
    assert found[name].difference < 1e-5
    assert (found[name].accuracy, found[name].changed) == (original.accuracy, 0)
    assert original.difference == 0
    assert size > 4 * (3 * 3 * 4 + 8 * 8 * 4 * CLASSES)  # its float32 weights


def test_a_quantised_network_is_smaller_and_nearly_as_accurate(measure):
    (_, exact), size = measure("litert")
    (original, found), quantised_size = measure("litert_int8")
    assert exact["litert"].difference < found["litert_int8"].difference < 0.1
    assert found["litert_int8"].accuracy >= original.accuracy - 0.05
    assert quantised_size < size


def test_a_quantised_network_has_8_bit_weights_and_activations(network, images, tmp_path):
    from ai_edge_litert.interpreter import Interpreter

    file = export(network, "litert_int8", tmp_path, images[0][:40])
    interpreter = Interpreter(str(file))
    interpreter.allocate_tensors()
    types = [tensor["dtype"] for tensor in interpreter.get_tensor_details() if tensor["shape"].size > 1]
    floats = [kind for kind in types if kind == np.float32]
    assert np.int8 in types
    assert len(floats) == 2  # input and output


def test_exports_of_another_network_replace_the_files(network, images, tmp_path):
    first = export(network, "saved_model", tmp_path, images[0][:2])
    (first / "left").touch()
    assert export(network, "saved_model", tmp_path, images[0][:2]) == first
    assert not (first / "left").exists()


def test_a_missing_package_is_named_with_the_extra_that_installs_it(network, images, tmp_path, monkeypatch):
    monkeypatch.setattr(exports, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"Format onnx needs the package tf2onnx, .* `pip install -e '\.\[onnx\]'`\."):
        export(network, "onnx", tmp_path, images[0][:2])
    assert list(tmp_path.iterdir()) == []


def test_an_export_prints_nothing(network, images, tmp_path, capfd):
    for name in ("saved_model", "litert", "litert_int8"):
        FORMATS[name].load(export(network, name, tmp_path, images[0][:4]))
    assert capfd.readouterr() == ("", "")
