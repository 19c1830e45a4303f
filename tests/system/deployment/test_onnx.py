"""Exports in ONNX, which need an extra: every network of `conf/model` computes the same in ONNX Runtime."""

from pathlib import Path

import keras
import numpy as np
import pytest
import yaml

from pipeline.deployment.exports import FORMATS, export
from pipeline.networks.build import build

MODELS = sorted((Path(__file__).parents[3] / "conf" / "model").glob("*.yaml"))
SEVERAL_INPUTS = {"image_and_numbers", "siamese", "two_inputs"}
"""They need more than a picture."""
WITHOUT_ONNX = {"convnext"}
"""tf2onnx (1.17) has no form of the error function in the exact GELU."""
SUPPORTED = [file for file in MODELS if file.stem not in SEVERAL_INPUTS | WITHOUT_ONNX]


@pytest.fixture(autouse=True)
def extra():
    pytest.importorskip("tf2onnx")
    pytest.importorskip("onnxruntime")


def network_of(file):
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    config = {"options": {}, **content.get("model", content)}
    keras.utils.set_random_seed(0)
    return build(config["architecture"], config["options"], input_shape=(32, 32, 1), classes=3, subgroups=2)


def exported(network, folder):
    return FORMATS["onnx"].load(export(network, "onnx", folder, np.empty((0, 32, 32, 1), np.uint8)))


@pytest.mark.parametrize("file", SUPPORTED, ids=lambda file: file.stem)
def test_every_network_computes_the_same_probabilities_in_onnx(file, tmp_path):
    network = network_of(file)
    images = np.random.default_rng(0).normal(size=(5, 32, 32, 1)).astype("float32")
    loaded, expected = exported(network, tmp_path), network(images)
    expected = expected[0] if isinstance(expected, list) else expected
    for batch in (5, 1):
        np.testing.assert_allclose(loaded(images[:batch]), expected[:batch], atol=1e-5)


@pytest.mark.parametrize("file", [file for file in MODELS if file.stem in WITHOUT_ONNX], ids=lambda file: file.stem)
def test_an_operation_that_onnx_lacks_is_named_when_the_export_is_loaded(file, tmp_path):
    with pytest.raises(Exception, match="No Op registered for Erfc"):
        exported(network_of(file), tmp_path)
