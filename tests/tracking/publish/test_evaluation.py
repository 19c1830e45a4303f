import json

import numpy as np
import pytest

from pipeline.data.prepared import ImageTexts, Prepared
from pipeline.data.splits import TRAIN, VALIDATION
from pipeline.storage.imports import ROOT
from pipeline.tracking.carried_code import carried_code
from pipeline.tracking.publish.evaluation import example_of
from pipeline.training.examples import Columns, portion
from pipeline.training.task import own_modules


def architecture(*modules):
    """The JSON of a network whose layers are defined in these modules."""
    return json.dumps({"config": {"layers": [{"module": module, "class_name": "Layer"} for module in modules]}})


def files(package):
    return {str(file.relative_to(package.parent)) for file in package.rglob("*.py")}


def test_the_input_example_has_grey_levels_and_the_numbers_of_the_table():
    numbers = np.array([[20, 1], [30, 2], [40, 3]], np.float32)
    names = np.array(["a", "b", "c"])
    prepared = Prepared(
        pixels=np.arange(12, dtype=np.uint8).reshape(3, 2, 2, 1),
        labels=np.array([0, 1, 0]),
        splits=np.array([[TRAIN, VALIDATION, VALIDATION]], np.uint8),
        digests=np.zeros((3, 32), np.uint8),
        manifest={"classes": ["x", "y"], "replicates": [{"mean": [5], "standard_deviation": [2]}]},
        read_texts=lambda: ImageTexts(names, names, None),
        numbers=numbers,
    )
    shown = portion(prepared, 0, VALIDATION, Columns(("image", "numbers"), ("output",)))
    found = example_of(shown, prepared)
    np.testing.assert_array_equal(found["numbers"], numbers[1:])
    np.testing.assert_array_equal(found["image"], prepared.pixels[1:])


def test_a_network_of_keras_layers_is_logged_without_code():
    with carried_code(own_modules(architecture("keras.layers"))) as code:
        assert code == []


def test_a_network_of_our_layers_is_logged_with_their_modules_only():
    with carried_code(own_modules(architecture("keras.layers", "pipeline.layers.shortcut"))) as (package,):
        packages = {"pipeline/__init__.py", "pipeline/layers/__init__.py"}
        assert files(package) == packages | {"pipeline/layers/shortcut.py"}


@pytest.mark.parametrize("module", ["pipeline.architectures.resnet", "pipeline.architectures.siamese"])
def test_a_layer_defined_in_an_architecture_is_logged_with_that_module(module):
    with carried_code(own_modules(architecture(module))) as (package,):
        source = f"{module.replace('.', '/')}.py"
        assert {source, "pipeline/architectures/__init__.py", "pipeline/layers/classifier.py"} <= files(package)
        assert (package.parent / source).read_text() == (ROOT / source).read_text()
