"""Networks of strangers are read as data: nothing that a file names is imported, called or opened."""

import base64
import json
import marshal
import sys
import zipfile
from contextlib import suppress
from pathlib import Path

import h5py
import numpy as np
import pytest

from pipeline.deployment.picture_model import PictureModel
from pipeline.deployment.runtimes import KERAS_FILE, keras_network
from pipeline.errors import UserError
from pipeline.networks import from_keras
from pipeline.networks.from_keras import network_of_file

IMAGE = {"class_name": "InputLayer", "config": {"name": "image", "batch_shape": [None, 8, 8, 1]}}


@pytest.fixture
def mark(tmp_path, monkeypatch):
    """A path that hostile code would create; also by the import of the module `hostile`, which is on the path."""
    path = tmp_path / "ran"
    (tmp_path / "hostile.py").write_text(f"open({str(path)!r}, 'w').close()\nfrom keras.layers import Layer\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield path
    assert not path.exists() and "hostile" not in sys.modules


def keras_layer(kind, **settings):
    return {"module": "keras.layers", "class_name": kind, "config": settings, "registered_name": None}


def function(module, name):
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


def bytecode(mark):
    """A function in the form in which Keras saves one: its bytecode in base64."""
    (code,) = (one for one in compile(f"lambda x: open({str(mark)!r}, 'w')", "", "eval").co_consts if one)
    return {
        "class_name": "__lambda__",
        "config": {"value": [base64.b64encode(marshal.dumps(code)).decode(), None, None]},
    }


HOSTILE = {
    "bytecode": lambda mark: keras_layer("Lambda", name="l", function=bytecode(mark)),
    "function of another module": lambda mark: keras_layer(
        "Lambda", name="l", function=function("os", "mkdir"), arguments={"path": str(mark)}
    ),
    "layer of another module": lambda _: {"module": "hostile", "class_name": "Layer", "config": {"name": "l"}},
    "registered name": lambda _: {
        "module": "hostile",
        "class_name": "Layer",
        "config": {"name": "l"},
        "registered_name": "hostile>Layer",
    },
    "activation of another module": lambda _: keras_layer("Activation", name="l", activation=function("hostile", "f")),
    "download": lambda mark: keras_layer(
        "Lambda",
        name="l",
        function=function("keras.utils", "get_file"),
        arguments={"fname": str(mark), "origin": "file:///etc/hostname"},
    ),
    "end of the safe mode": lambda _: keras_layer(
        "Lambda", name="l", function=function("keras.config", "enable_unsafe_deserialization")
    ),
    "other saved model": lambda mark: keras_layer("TFSMLayer", name="l", filepath=str(mark), call_endpoint="serve"),
    "pickle of PyTorch": lambda _: keras_layer("TorchModuleWrapper", name="l", module="gASVLg=="),
    "file of words": lambda _: keras_layer("StringLookup", name="l", vocabulary="/etc/passwd"),
    "shape to build": lambda mark: (
        keras_layer("UnitNormalization", name="l")
        | {"build_config": {"input_shape": bytecode(mark)}, "compile_config": {"loss": bytecode(mark)}}
    ),
}


def network(layer):
    return {
        "module": "keras",
        "class_name": "Sequential",
        "config": {"name": "network", "layers": [IMAGE, layer]},
        "registered_name": None,
    }


def archive(file, text, **more):
    """Write a .keras file."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("config.json", text)
        opened.writestr("metadata.json", '{"keras_version": "3.15.0", "date_saved": ""}')
        for name, content in more.items():
            opened.writestr(name, content)


@pytest.mark.parametrize("layer", HOSTILE.values(), ids=HOSTILE)
def test_a_network_to_describe_runs_nothing(layer, mark, tmp_path):
    (tmp_path / "network.json").write_text(json.dumps(network(layer(mark))))
    with suppress(UserError):  # The activation of a layer is never needed, so this network is described.
        network_of_file(tmp_path / "network.json", None)


@pytest.mark.parametrize("layer", HOSTILE.values(), ids=HOSTILE)
def test_a_packaged_network_runs_nothing(layer, mark, tmp_path, settings):
    (tmp_path / "model.json").write_text(json.dumps(settings))
    archive(tmp_path / KERAS_FILE, json.dumps(network(layer(mark))))
    with pytest.raises(UserError, match="cannot be loaded"):
        PictureModel.load(tmp_path)


@pytest.mark.parametrize("module", ["hostile", "pipeline.layers.../../hostile", "os", ".hostile", "pipeline", 3])
def test_a_packaged_network_imports_only_modules_of_this_project(module, mark, tmp_path, settings):
    (tmp_path / "model.json").write_text(json.dumps(settings | {"modules": [module]}))
    archive(tmp_path / KERAS_FILE, json.dumps(network(keras_layer("Flatten", name="l"))))
    with pytest.raises(UserError, match="cannot be loaded"):
        PictureModel.load(tmp_path)


def test_a_keras_file_writes_nothing_outside(mark, tmp_path, settings):
    hostile = {"../ran": b"x", str(mark): b"x", "assets/../../ran": b"x"}
    archive(tmp_path / "network.keras", json.dumps(network(keras_layer("Flatten", name="l"))), **hostile)
    with pytest.raises((ValueError, KeyError, OSError)):
        keras_network(tmp_path / "network.keras", [])


def test_a_network_that_unpacks_to_more_than_the_limit_is_rejected(tmp_path, monkeypatch):
    monkeypatch.setattr(from_keras, "LARGEST_JSON", 2**20)
    archive(tmp_path / "network.keras", " " * 2**24)
    (tmp_path / "network.json").write_bytes(b" " * 2**21)
    for name in ("network.keras", "network.json"):
        with pytest.raises(UserError, match="more than 1 MiB"):
            network_of_file(tmp_path / name, None)
    with pytest.raises(UserError, match="is neither a file nor a folder"):
        network_of_file(Path("/dev/zero"), None)


def test_deeply_nested_json_is_rejected(tmp_path):
    (tmp_path / "network.json").write_text("[" * 10**6)
    with pytest.raises(UserError, match="does not contain a Keras 3 model"):
        network_of_file(tmp_path / "network.json", None)


@pytest.mark.parametrize("kind", ["external link", "soft link", "other file", "huge"])
@pytest.mark.parametrize("name", ["a.weights.h5", "a.h5"])
def test_weights_of_strangers_hold_their_values_themselves(kind, name, tmp_path):
    from pipeline.architectures.keras_application import build

    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["vars"] = np.zeros(3)
    with h5py.File(tmp_path / name, "w") as file:
        file.attrs["layer_names"] = ["stem_conv"]
        for place in ("layers/conv2d", "model_weights/stem_conv", "stem_conv"):
            group = file.create_group(place)
            group.attrs["weight_names"] = ["0"]
            values = group.create_group("vars") if place.startswith("layers") else group
            if kind == "external link":
                values["0"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "vars")
            elif kind == "soft link":
                values["0"] = h5py.SoftLink("/elsewhere")
            elif kind == "other file":
                values.create_dataset("0", (3,), np.uint8, external=[("/etc/hostname", 0, 3)])
            else:
                values.create_dataset("0", (10**9, 10**3), chunks=(1000, 1000), compression="gzip")
    with pytest.raises(ValueError, match="must be a file with weights of MobileNetV2"):
        build((32, 32, 3), 2, name="MobileNetV2", weights=str(tmp_path / name))


def link_through_a_link(file, other):
    file["elsewhere"] = h5py.ExternalLink(str(other), "/")
    file["x"] = h5py.SoftLink("/elsewhere/x")


def empty_but_huge(file, _):
    file.create_dataset("x", (10**7, 10**3, 10**3), np.uint8, chunks=(1, 1000, 1000), compression="gzip")


@pytest.mark.parametrize("write", [link_through_a_link, empty_but_huge])
def test_a_data_set_of_strangers_holds_its_values_itself(write, tmp_path):
    from pipeline.data.sources import load_images

    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["x"] = np.zeros((4, 2, 2), np.uint8)
    (tmp_path / "data").mkdir()
    with h5py.File(tmp_path / "data" / "train_x.h5", "w") as file:
        write(file, tmp_path / "other.h5")
    with h5py.File(tmp_path / "data" / "train_y.h5", "w") as file:
        file["y"] = [0, 1, 0, 1]
    with pytest.raises(UserError, match=r"another file|are not in the file"):
        load_images("hdf5", {"path": str(tmp_path / "data")})
