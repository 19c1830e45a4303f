"""`convtrack export`: the exports of a packaged network with their table, and messages about mistakes."""

import json

import keras
import numpy as np
import pytest

from pipeline.cli.commands.export import main
from pipeline.data.images import LabelledImages
from pipeline.data.prepared import write_prepared
from pipeline.data.splits import TEST, TRAIN, VALIDATION
from pipeline.deployment.picture_model import FORMAT, NEEDED
from pipeline.errors import UserError
from pipeline.storage.files import read_json

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

SPLIT = np.array([[TRAIN] * 8 + [VALIDATION] * 2 + [TEST] * 2], np.uint8)


def prepare(folder, seed=0):
    """Twelve images (4, 4, 1) of two classes."""
    images = LabelledImages(
        pixels=np.random.default_rng(seed).integers(256, size=(12, 4, 4, 1), dtype=np.uint8),
        labels=np.arange(12) % 2,
        classes=("even", "odd"),
        groups=np.arange(12).astype(str),
        subgroups=None,
        names=np.arange(12).astype(str),
        source="noise",
        licence="",
        attribution="",
        notes=(),
    )
    write_prepared(folder / "data" / "prepared", images, SPLIT, settings={"split": {"strategy": "random"}})


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with prepared images and a packaged network of them; nothing is logged."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("pipeline.tracking.publish.exports.publish_exports", lambda *_: None)
    prepare(tmp_path)
    manifest = read_json(tmp_path / "data" / "prepared" / "manifest.json")
    settings = {
        **dict.fromkeys(NEEDED),
        "format": FORMAT,
        "data": "noise",
        "model": "tiny",
        "replicates": [0],
        "trained": ["beef"],
        "modules": [],
        "data_digest": manifest["digest"],
        "splits": [manifest["replicates"][0]["digest"]],
    }
    (tmp_path / "champion").mkdir()
    (tmp_path / "champion" / "model.json").write_text(json.dumps(settings))
    image = keras.Input((4, 4, 1), name="image")
    outputs = keras.layers.Dense(1, activation="sigmoid")(keras.layers.Flatten()(image / 255.0))
    keras.Model(image, outputs).save(tmp_path / "champion" / "network.keras")
    return tmp_path


def test_exports_are_written_with_their_table(project, capsys):
    main(["litert", "litert_int8", "litert", "--model", "./champion", "--output", "out"])
    assert sorted(file.name for file in (project / "out").iterdir()) == [
        "exports.csv",
        "exports.md",
        "network.tflite",
        "network_int8.tflite",
    ]
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == [
        "Exporting to litert",
        "Exporting to litert_int8",
        "Exports of tiny, compared on 2 images of noise that it was not trained on.",
    ]
    assert [line.split()[0] for line in lines[3:]] == ["format", "keras", "litert", "litert_int8", "Table:"]
    assert "| litert_int8 | LiteRT" in (project / "out" / "exports.md").read_text()


def test_a_format_that_fails_is_an_error_after_the_others(project, monkeypatch):
    monkeypatch.setattr("pipeline.deployment.exports.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"^1 of 2 formats cannot be exported\. onnx: Format onnx needs the package"):
        main(["onnx", "litert", "--model", "./champion"])
    assert (project / "exports" / "network.tflite").is_file()
    page = (project / "exports" / "exports.md").read_text()
    assert "onnx: Format onnx needs" in page and "| litert" in page


def test_an_unknown_format_lists_the_known_ones(project):
    with pytest.raises(UserError, match=r"'onxx' \(choose from .*saved_model.*onnx.*litert.*litert_int8"):
        main(["onxx"])


def test_other_images_than_those_of_the_training_are_rejected(project):
    prepare(project, seed=1)
    with pytest.raises(UserError, match=r"^Exports of tiny are compared on images of noise .* but data/prepared holds"):
        main(["litert", "--model", "./champion"])
    assert not (project / "exports").exists()


@pytest.mark.parametrize("damage", ["missing", "garbage", "code"])
def test_a_network_that_keras_cannot_load_is_named_in_one_sentence(project, damage):
    file = project / "champion" / "network.keras"
    if damage == "missing":
        file.unlink()
    elif damage == "garbage":
        file.write_bytes(b"PK")
    else:
        settings = read_json(project / "champion" / "model.json")
        (project / "champion" / "model.json").write_text(json.dumps({**settings, "modules": ["pipeline.layers.gone"]}))
    with pytest.raises(UserError, match=r"^The network champion/network\.keras cannot be loaded \(") as error:
        main(["litert", "--model", "./champion"])
    assert "\n" not in str(error.value)


def test_a_file_as_output_folder_is_an_error_before_any_export(project):
    (project / "out").write_text("")
    with pytest.raises(UserError, match=r"^`--output` must be a folder that can be written\. out: File exists\.$"):
        main(["litert", "--model", "./champion", "--output", "out"])


def test_images_that_have_trained_a_replicate_are_named_in_the_table(project, capsys, monkeypatch):
    nothing = "pipeline.deployment.export_measurements.unseen_images"
    monkeypatch.setattr(nothing, lambda *_: np.empty(0, np.int64))
    main(["litert", "--model", "./champion"])
    assert "2 images of noise that some of its replicates were trained on." in capsys.readouterr().out
