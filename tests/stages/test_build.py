"""The stage that builds the networks of a comparison."""

import json
from pathlib import Path

import pytest
import yaml

from pipeline.config.schema import ModelConfig
from pipeline.errors import UserError
from pipeline.stages import build

# Keras' variables do not implement the `copy` argument of `__array__`, which NumPy 2 expects.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

CONF = Path(__file__).parents[2] / "conf"


def model(name, **changes):
    content = yaml.safe_load((CONF / "model" / f"{name}.yaml").read_text(encoding="utf-8"))
    return ModelConfig(name, **content | changes)


def files():
    return {str(file): file.read_bytes() for file in Path("networks").rglob("[!d]*") if file.is_file()}


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """A working directory with the manifest of grey images of 32×32 pixels in ten classes."""
    monkeypatch.chdir(tmp_path)
    manifest = tmp_path / "data" / "prepared" / "manifest.json"
    manifest.parent.mkdir(parents=True)
    images = {"image_shape": [32, 32, 1], "classes": list("0123456789"), "subgroups": ["mono", "poly"]}
    manifest.write_text(json.dumps(images))
    return tmp_path


@pytest.fixture
def pretrained(project):
    """A model with weights from a file."""
    import keras

    network = keras.applications.MobileNet(input_shape=(32, 32, 3), include_top=False, weights=None)
    network.save_weights(project / "mobilenet.weights.h5")
    options = {"name": "MobileNet", "weights": "mobilenet.weights.h5"}
    return ModelConfig("pretrained", "keras_application", options)


def test_every_build_of_a_network_writes_the_same_bytes(pretrained):
    models = [pretrained, *(model(name) for name in ("lenet5", "two_outputs", "resnet8"))]
    build.main(models)
    first = files()
    names = {"architecture.json", "initial_weights.npz", "layers.json", "network.svg"}
    assert {Path(file).name for file in first} == names
    build.main(models[::-1])
    assert files() == first


def test_one_model_is_built_alone_and_the_other_networks_are_kept():
    build.main([model("fully_connected"), model("lenet5")])
    before = files()
    build.main([model("lenet5", options={"activation": "relu"})])
    changed = {file for file, content in files().items() if content != before[file]}
    assert changed == {f"networks/lenet5/{name}" for name in ("architecture.json", "layers.json")}


def test_initial_weights_are_removed_when_a_model_no_longer_has_them(pretrained):
    build.main([pretrained])
    build.main([ModelConfig("pretrained", "keras_application", {"name": "MobileNet"})])
    assert not Path("networks/pretrained/initial_weights.npz").exists()


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        ({"architecture": "lenet"}, r"^Model lenet5: Unknown architecture 'lenet'\. Did you mean 'lenet5'\?"),
        ({"options": {"activation": 3}}, r"^Model lenet5: Option 'activation' of architecture lenet5 must be "),
    ],
)
def test_a_mistake_in_one_model_names_it_and_no_network_is_written(mistake, message):
    build.main([model("fully_connected")])
    before = files()
    changed = model("fully_connected", options={"units": 3})
    with pytest.raises(UserError, match=message):
        build.main([model("logistic"), changed, model("lenet5", **mistake)])
    assert files() == before
