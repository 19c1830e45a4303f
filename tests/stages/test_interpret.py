"""The stage that interprets the trained networks: which models it interprets, keeps and leaves out."""

from pathlib import Path

import pytest

from pipeline.config.schema import InterpretationConfig
from pipeline.stages import interpret
from pipeline.storage.files import read_json, write_json
from pipeline.storage.folders import INTERPRETATION, InterpretationFolder

MODELS = ("cnn", "lenet5", "twins")


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Run the stage with digests by model, and return the models that were interpreted; `twins` takes two images."""
    monkeypatch.chdir(tmp_path)

    def call(digests, *, enabled=True, models=MODELS):
        interpreted = []

        def write(model, folder, run, prepared, digest, *, images):
            interpreted.append(model)
            folder.folder.mkdir()
            write_json(folder.shifts, {})
            (folder.folder / "1-kernels.png").write_bytes(b"picture")
            write_json(folder.record, {"digest": digest, "sizes": folder.sizes()})

        monkeypatch.setattr(interpret, "read_prepared", lambda folder: None)
        monkeypatch.setattr(interpret, "interpretable", lambda run: run.folder.name != "twins")
        monkeypatch.setattr(interpret, "interpretation_digest", lambda run, images: digests[run.folder.name])
        monkeypatch.setattr(interpret, "_interpret", write)
        interpret.main(models, InterpretationConfig(enabled=enabled, images=4))
        return interpreted

    return call


def kept():
    return {
        file.name: read_json(InterpretationFolder.of(file.name).record)["digest"] for file in INTERPRETATION.iterdir()
    }


def test_only_models_that_have_changed_are_interpreted_again(run):
    assert run({"cnn": "1", "lenet5": "1"}) == ["cnn", "lenet5"]
    assert run({"cnn": "1", "lenet5": "2"}) == ["lenet5"]
    assert kept() == {"cnn": "1", "lenet5": "2"}


def test_a_model_that_has_left_the_comparison_has_no_interpretation(run):
    run({"cnn": "1", "lenet5": "1"})
    assert run({"cnn": "1"}, models=("cnn",)) == []
    assert kept() == {"cnn": "1"}


def test_switched_off_the_folder_is_empty(run):
    run({"cnn": "1", "lenet5": "1"})
    assert run({}, enabled=False) == []
    assert kept() == {}


@pytest.mark.parametrize("name", ["record.json", "shifts.json", "1-kernels.png"])
@pytest.mark.parametrize("damage", [Path.unlink, lambda file: file.write_text("{")], ids=["missing", "damaged"])
def test_a_model_with_a_missing_or_damaged_file_is_interpreted_again(run, name, damage):
    run({"cnn": "1", "lenet5": "1"})
    damage(InterpretationFolder.of("cnn").folder / name)
    assert run({"cnn": "1", "lenet5": "1"}) == ["cnn"]
    assert kept() == {"cnn": "1", "lenet5": "1"}
