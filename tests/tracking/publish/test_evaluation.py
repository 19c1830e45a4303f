import json

import pytest

from pipeline.storage.imports import ROOT
from pipeline.tracking.publish.evaluation import network_code


def architecture(*modules):
    """The JSON of a network whose layers are defined in these modules."""
    return json.dumps({"config": {"layers": [{"module": module, "class_name": "Layer"} for module in modules]}})


def files(package):
    return {str(file.relative_to(package.parent)) for file in package.rglob("*.py")}


def test_a_network_of_keras_layers_is_logged_without_code():
    with network_code(architecture("keras.layers")) as code:
        assert code == []


def test_a_network_of_our_layers_is_logged_with_their_modules_only():
    with network_code(architecture("keras.layers", "pipeline.layers.shortcut")) as (package,):
        ours = {str(file.relative_to(ROOT)) for file in (ROOT / "pipeline" / "layers").rglob("*.py")}
        assert files(package) == ours | {"pipeline/__init__.py"}


@pytest.mark.parametrize("module", ["pipeline.architectures.resnet", "pipeline.architectures.siamese"])
def test_a_layer_defined_in_an_architecture_is_logged_with_that_module(module):
    with network_code(architecture(module)) as (package,):
        source = f"{module.replace('.', '/')}.py"
        assert {source, "pipeline/architectures/__init__.py", "pipeline/layers/shortcut.py"} <= files(package)
        assert (package.parent / source).read_text() == (ROOT / source).read_text()
