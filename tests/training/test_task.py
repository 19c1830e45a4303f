import json
import shutil
from dataclasses import fields, replace
from pathlib import Path

import pytest

from pipeline.config.schema import AugmentationConfig, OptimizerConfig, ScheduleConfig, TrainingConfig
from pipeline.errors import UserError
from pipeline.storage import imports
from pipeline.storage.imports import import_closure, module_file
from pipeline.training import task
from pipeline.training.task import COMPUTING, make_tasks, own_modules

NETWORK = json.dumps({"config": {"layers": [{"module": "pipeline.layers.shortcut"}, {"module": "keras.layers"}]}})

SETTINGS = {
    "optimizer": OptimizerConfig("SGD", 0.1, {"momentum": 0.9}, ScheduleConfig("CosineDecay", {})),
    "training": TrainingConfig(6, 8, 16, "fit", "best", 3, "none", 1, 0),
    "augmentation": AugmentationConfig(True, False, False, 1),
}

OTHER = {
    "name": "Adam",
    "learning_rate": 0.2,
    "options": {"momentum": 0.8},
    "schedule": ScheduleConfig("CosineDecay", {"alpha": 0.1}),
    "epochs": 7,
    "batch_size": 9,
    "evaluation_batch_size": 17,
    "loop": "explicit",
    "keep": "last",
    "patience": 4,
    "class_weights": "balanced",
    "threads": 2,
    "seed": 1,
    "horizontal_flip": False,
    "vertical_flip": True,
    "quarter_turns": True,
    "shift": 2,
    "rotate": 5.0,
    "zoom": 0.1,
    "brightness": 0.1,
    "contrast": 0.1,
    "noise": 0.1,
    "cutout": 0.1,
    "mixup": 0.1,
    "cutmix": 0.1,
}


@pytest.fixture
def made(folders):
    def tasks(architecture=NETWORK, prepared=folders[2], replicates=2, **changes):
        return make_tasks(architecture, prepared, replicates, **{**SETTINGS, **changes})

    return tasks


@pytest.fixture
def fingerprints(made):
    """Return the fingerprints of both replicates and of the model."""

    def of(*arguments, **changes):
        first, second = made(*arguments, **changes)
        assert first.model_fingerprint == second.model_fingerprint
        assert first.fingerprint != second.fingerprint
        return first.fingerprint, second.fingerprint, first.model_fingerprint

    return of


def changed_manifest(folder, copy, change):
    """A changed copy of the manifest of prepared images; the fingerprint reads only the manifest."""
    manifest = json.loads((folder / "manifest.json").read_text())
    change(manifest)
    copy.mkdir()
    (copy / "manifest.json").write_text(json.dumps(manifest))
    return copy


def all_differ(fingerprints, others):
    return all(one != other for one, other in zip(fingerprints, others, strict=True))


ALL_SETTINGS = [(section, field.name) for section, config in SETTINGS.items() for field in fields(config)]


@pytest.mark.parametrize(("section", "setting"), ALL_SETTINGS)
def test_every_setting_changes_the_fingerprint(fingerprints, section, setting):
    other = replace(SETTINGS[section], **{setting: OTHER[setting]})
    assert all_differ(fingerprints(), fingerprints(**{section: other}))


def test_the_network_changes_the_fingerprint(fingerprints):
    assert all_differ(fingerprints(), fingerprints(NETWORK.replace("keras.layers", "keras.layers.convolutional")))


def test_the_images_change_the_fingerprint(fingerprints, prepare):
    assert all_differ(fingerprints(), fingerprints(prepared=prepare(seed=1)))


@pytest.mark.parametrize("part", ["digest", "mean", "standard_deviation"])
def test_the_split_and_the_scaling_of_pixels_change_the_fingerprint(fingerprints, folders, tmp_path, part):
    def change(manifest):
        manifest["replicates"][0][part] = [3.0]

    first, second, model = fingerprints()
    other_first, other_second, other_model = fingerprints(
        prepared=changed_manifest(folders[2], tmp_path / "copy", change)
    )
    assert first != other_first
    assert (second, model) == (other_second, other_model)


def test_the_kind_of_device_changes_the_fingerprint_but_the_number_of_devices_does_not(fingerprints, monkeypatch):
    found = []
    for devices in ((), ("0",), ("1", "2")):
        monkeypatch.setattr(task, "gpus", lambda devices=devices: devices)
        found.append(fingerprints())
    assert all_differ(found[0], found[1])
    assert found[1] == found[2]


@pytest.mark.parametrize("changed", ["tensorflow", "keras", "numpy"])
def test_the_versions_of_the_frameworks_change_the_fingerprint(fingerprints, monkeypatch, changed):
    monkeypatch.setattr(task, "version", lambda name: "1")
    before = fingerprints()
    monkeypatch.setattr(task, "version", lambda name: "99" if name == changed else "1")
    assert all_differ(before, fingerprints())


@pytest.fixture
def append(tmp_path, monkeypatch):
    """Work on a copy of this project's code, and return a function that appends text to one of its files."""
    shutil.copytree(imports.ROOT / "pipeline", tmp_path / "pipeline", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(imports, "ROOT", tmp_path)

    def appended(file, text):
        with (tmp_path / "pipeline" / file).open("a") as stream:
            stream.write(text)

    return appended


@pytest.mark.parametrize("module", COMPUTING)
def test_a_changed_computation_changes_the_fingerprints(fingerprints, append, module):
    before = fingerprints()
    append(Path(*module.split(".")[1:]).with_suffix(".py"), "ADDED = 1\n")
    assert all_differ(before, fingerprints())


def test_a_comment_or_docstring_does_not_change_the_fingerprints(fingerprints, append):
    before = fingerprints()
    append("training/fit.py", "# A comment.\n")
    append("training/batches.py", '"""A docstring."""\nimport json\n')
    assert fingerprints() == before


def test_the_code_of_a_custom_layer_counts_only_for_networks_that_contain_it(fingerprints, append):
    without, using = NETWORK.replace("layers.shortcut", "layers.position_bias"), NETWORK
    before = fingerprints(using), fingerprints(without)
    append("layers/shortcut.py", "ADDED = 1\n")
    assert all_differ(before[0], fingerprints(using))
    assert before[1] == fingerprints(without)


def test_the_code_that_a_layer_imports_counts(fingerprints, append):
    architecture = NETWORK.replace("layers.shortcut", "layers.locally_connected")
    before = fingerprints(architecture)
    append("layers/geometry.py", "ADDED = 1\n")
    assert all_differ(before, fingerprints(architecture))


def test_the_kind_of_processor_counts(fingerprints, monkeypatch):
    before = fingerprints()
    monkeypatch.setattr(task, "processor", lambda: "another")
    assert all_differ(before, fingerprints())


CHOICES = [choice for choice in ALL_SETTINGS if choice not in (("training", "threads"), ("training", "seed"))]


@pytest.mark.parametrize(("section", "setting"), CHOICES)
def test_every_choice_changes_the_fingerprint_of_the_configuration(made, section, setting):
    other = replace(SETTINGS[section], **{setting: OTHER[setting]})
    assert made()[0].configuration_fingerprint != made(**{section: other})[0].configuration_fingerprint


def test_later_kinds_of_augmentation_that_are_off_do_not_change_the_configuration_of_earlier_trainings(made):
    off = AugmentationConfig(True, False, False, 1, rotate=0.0, mixup=0.0)
    assert off.chosen == {"horizontal_flip": True, "vertical_flip": False, "quarter_turns": False, "shift": 1}
    assert made()[0].configuration_fingerprint == made(augmentation=off)[0].configuration_fingerprint


def test_code_versions_threads_seed_and_processor_are_not_part_of_the_configuration(made, append, monkeypatch):
    before = {one.configuration_fingerprint for one in made()}
    append("training/fit.py", "ADDED = 1\n")
    monkeypatch.setattr(task, "version", lambda name: "99")
    monkeypatch.setattr(task, "processor", lambda: "another")
    assert len(before) == 1
    changes = replace(SETTINGS["training"], threads=2, seed=1)
    assert {one.configuration_fingerprint for one in made(training=changes)} == before


def test_initial_weights_change_the_fingerprint_but_their_path_does_not(fingerprints, tmp_path):
    drawn = fingerprints()
    found = []
    for name, content in (("a", b"one"), ("b", b"one"), ("c", b"other")):
        (tmp_path / name).write_bytes(content)
        found.append(fingerprints(initial_weights=tmp_path / name))
    assert found[0] == found[1]
    assert all_differ(drawn, found[0]) and all_differ(found[0], found[2])


def test_names_paths_and_notes_do_not_change_the_fingerprint(fingerprints, folders, tmp_path):
    def change(manifest):
        manifest["settings"]["data"] = {"name": "other"}
        for key in ("name", "source", "licence", "attribution", "notes"):
            manifest[key] = "other"

    assert fingerprints() == fingerprints(prepared=changed_manifest(folders[2], tmp_path / "copy", change))


def test_the_number_of_replicates_does_not_change_the_fingerprint(made):
    assert made(replicates=1) == made(replicates=2)[:1]


def test_more_replicates_than_prepared_splits_raise_an_error_with_the_command_that_makes_them(made):
    with pytest.raises(UserError, match=r"at most .* 2; `convtrack prepare replicates=3` makes more\. Received 3"):
        made(replicates=3)


def test_a_task_has_the_folder_of_its_result(made):
    first, second = made()
    assert [first.replicate, second.replicate] == [0, 1]
    assert first.result.folder == Path(".convtrack/results") / first.fingerprint


def test_own_layers_are_found_at_any_depth():
    text = json.dumps(
        {
            "config": {
                "layers": [
                    {"module": "pipeline.layers.shortcut"},
                    {"config": {"layer": {"module": "pipeline.layers.geometry"}, "module": None}},
                    {"module": "pipelines.other"},
                    {"module": "pipeline.layers.shortcut"},
                ]
            }
        }
    )
    assert own_modules(text) == ["pipeline.layers.geometry", "pipeline.layers.shortcut"]


WITHOUT_EFFECT = {
    "pipeline.config.options": "checks options",
    "pipeline.config.schema": "checks values that are in the fingerprint themselves",
    "pipeline.console": "prints",
    "pipeline.data.appearance": "is measured for the audit only",
    "pipeline.data.balanced_draws": "the split's digest covers what it draws",
    "pipeline.data.images": "the data's digest covers what it makes",
    "pipeline.data.measured": "the data's digest and the scaling cover what it measures",
    "pipeline.data.pixel_file": "the data's digest covers what it reads",
    "pipeline.data.prepared": "the digests of data and split, and the scaling, cover what it writes",
    "pipeline.data.splits": "the split's digest covers what it draws",
    "pipeline.errors": "only ends a training",
    "pipeline.interpretation.feature_maps": "computes pictures",
    "pipeline.interpretation.kernel_image": "draws",
    "pipeline.interpretation.map_sheet": "draws",
    "pipeline.interpretation.first_layer": "reads weights for a picture",
    "pipeline.safe_text": "cleans messages",
    "pipeline.storage.digests": "refuses changed files",
    "pipeline.storage.files": "reads and writes files",
    "pipeline.storage.fingerprints": "makes the fingerprint",
    "pipeline.storage.folders": "names files",
    "pipeline.storage.home": "finds the project's folder",
    "pipeline.storage.imports": "makes the fingerprint",
    "pipeline.storage.meaning": "makes the fingerprint",
    "pipeline.storage.provenance": "records where a result comes from",
    "pipeline.storage.processes": "names a process",
    "pipeline.storage.stored_arrays": "reads arrays, and refuses damaged ones",
    "pipeline.storage.temporary": "makes temporary folders",
    "pipeline.training.allocator": "changes speed only",
    "pipeline.training.environment": "records values that are in the fingerprint themselves",
    "pipeline.training.devices": "its values are in the fingerprint",
    "pipeline.training.replicate": "writes what the others compute",
    "pipeline.training.snapshots": "computes predictions, which change no weight",
    "pipeline.training.task": "makes the fingerprint",
}


def test_every_module_that_a_training_imports_is_in_the_fingerprint_or_cannot_change_a_result():
    closure = {
        name
        for name in import_closure(["pipeline.training.replicate", *COMPUTING])
        if module_file(name).name != "__init__.py"
    }
    # The code of a layer is part of the fingerprints of networks that contain it.
    layers = {name for name in closure if name.startswith("pipeline.layers.")}
    assert closure - {*COMPUTING} - layers == set(WITHOUT_EFFECT)
