import ast
import json
from dataclasses import fields, replace
from importlib.util import find_spec
from pathlib import Path

import pytest

import pipeline.layers
from pipeline.config.schema import AugmentationConfig, OptimizerConfig, ScheduleConfig, TrainingConfig
from pipeline.errors import UserError
from pipeline.training import task
from pipeline.training.task import COMPUTING, layer_modules, make_tasks

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
}


@pytest.fixture
def made(folders):
    def tasks(architecture=NETWORK, prepared=folders[2], replicates=2, **changes):
        return make_tasks(architecture, prepared, replicates, **{**SETTINGS, **changes})

    return tasks


@pytest.fixture
def fingerprints(made):
    """Of both replicates and of the model."""

    def of(*arguments, **changes):
        first, second = made(*arguments, **changes)
        assert first.model_fingerprint == second.model_fingerprint
        assert first.fingerprint != second.fingerprint
        return first.fingerprint, second.fingerprint, first.model_fingerprint

    return of


def changed_manifest(folder, copy, change):
    """A copy of the manifest of prepared images, which is all that the fingerprint reads, with a change."""
    manifest = json.loads((folder / "manifest.json").read_text())
    change(manifest)
    copy.mkdir()
    (copy / "manifest.json").write_text(json.dumps(manifest))
    return copy


def all_differ(fingerprints, others):
    return all(one != other for one, other in zip(fingerprints, others, strict=True))


SETTINGS_ALONE = [
    (section, field.name)
    for section, config in SETTINGS.items()
    for field in fields(config)
    if (section, field.name) != ("training", "seed")
]


@pytest.mark.parametrize(("section", "setting"), SETTINGS_ALONE)
def test_every_setting_has_a_say(fingerprints, section, setting):
    other = replace(SETTINGS[section], **{setting: OTHER[setting]})
    assert all_differ(fingerprints(), fingerprints(**{section: other}))


def test_a_seed_makes_another_replicate_of_the_same_model(fingerprints):
    *replicates, model = fingerprints()
    *others, other_model = fingerprints(training=replace(SETTINGS["training"], seed=1))
    assert not {*replicates} & {*others}
    assert model == other_model


def test_the_network_has_a_say(fingerprints):
    assert all_differ(fingerprints(), fingerprints(NETWORK.replace("keras.layers", "keras.layers.convolutional")))


def test_the_images_have_a_say(fingerprints, prepare):
    assert all_differ(fingerprints(), fingerprints(prepared=prepare(seed=1)))


@pytest.mark.parametrize("part", ["digest", "mean", "standard_deviation"])
def test_the_split_and_what_pixels_are_scaled_by_have_a_say(fingerprints, folders, tmp_path, part):
    def change(manifest):
        manifest["replicates"][0][part] = [3.0]

    first, second, model = fingerprints()
    other_first, other_second, other_model = fingerprints(
        prepared=changed_manifest(folders[2], tmp_path / "copy", change)
    )
    assert first != other_first
    assert (second, model) == (other_second, other_model)


def test_the_kind_of_device_has_a_say_and_the_number_has_none(fingerprints, monkeypatch):
    found = []
    for devices in ((), ("0",), ("1", "2")):
        monkeypatch.setattr(task, "gpus", lambda devices=devices: devices)
        found.append(fingerprints())
    assert all_differ(found[0], found[1])
    assert found[1] == found[2]


@pytest.mark.parametrize("changed", ["tensorflow", "keras", "numpy"])
def test_the_versions_of_what_computes_have_a_say(fingerprints, monkeypatch, changed):
    monkeypatch.setattr(task, "version", lambda name: "1")
    before = fingerprints()
    monkeypatch.setattr(task, "version", lambda name: "99" if name == changed else "1")
    assert all_differ(before, fingerprints())


def test_the_source_of_what_computes_has_a_say(fingerprints, monkeypatch, tmp_path):
    source = tmp_path / "computing.py"
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(task, "COMPUTING", ("computing",))
    source.write_text("x = 1")
    before = fingerprints()
    assert fingerprints() == before
    source.write_text("x = 2")
    assert all_differ(before, fingerprints())


def test_the_source_of_a_networks_own_layers_has_a_say(fingerprints, monkeypatch, tmp_path):
    source = tmp_path / "invented.py"
    source.write_text("x = 1")
    monkeypatch.setattr(pipeline.layers, "__path__", [*pipeline.layers.__path__, str(tmp_path)])
    architecture = NETWORK.replace("layers.shortcut", "layers.invented")
    before, without = fingerprints(architecture), fingerprints()
    source.write_text("x = 2")
    assert all_differ(before, fingerprints(architecture))
    assert fingerprints() == without


def test_the_source_of_what_a_layer_imports_has_a_say(fingerprints, monkeypatch, tmp_path):
    (tmp_path / "invented.py").write_text("from pipeline.layers.below import x")
    source = tmp_path / "below.py"
    source.write_text("from pipeline.layers.invented import y\nx = 1")
    monkeypatch.setattr(pipeline.layers, "__path__", [*pipeline.layers.__path__, str(tmp_path)])
    architecture = NETWORK.replace("layers.shortcut", "layers.invented")
    before = fingerprints(architecture)
    source.write_text("from pipeline.layers.invented import y\nx = 2")
    assert all_differ(before, fingerprints(architecture))


def test_the_weights_to_start_from_have_a_say_and_their_place_has_none(fingerprints, tmp_path):
    drawn = fingerprints()
    found = []
    for name, content in (("a", b"one"), ("b", b"one"), ("c", b"other")):
        (tmp_path / name).write_bytes(content)
        found.append(fingerprints(initial_weights=tmp_path / name))
    assert found[0] == found[1]
    assert all_differ(drawn, found[0]) and all_differ(found[0], found[2])


def test_names_places_and_notes_have_no_say(fingerprints, folders, tmp_path):
    def change(manifest):
        manifest["settings"]["data"] = {"name": "other"}
        for key in ("name", "source", "licence", "attribution", "notes"):
            manifest[key] = "other"

    assert fingerprints() == fingerprints(prepared=changed_manifest(folders[2], tmp_path / "copy", change))


def test_how_many_replicates_there_are_has_no_say(made):
    assert made(replicates=1) == made(replicates=2)[:1]


def test_more_replicates_than_were_prepared_are_told_with_the_command_that_makes_them(made):
    with pytest.raises(UserError, match=r"at most .* 2; `convtrack prepare replicates=3` makes more\. Received 3"):
        made(replicates=3)


def test_a_task_says_where_its_result_is(made):
    first, second = made()
    assert [first.replicate, second.replicate] == [0, 1]
    assert first.result.folder == Path(".convtrack/results") / first.fingerprint


def test_our_own_layers_are_found_wherever_they_stand():
    text = json.dumps(
        {
            "config": {
                "layers": [
                    {"module": "pipeline.layers.b"},
                    {"config": {"layer": {"module": "pipeline.layers.a"}, "module": None}},
                    {"module": "pipelines.other"},
                    {"module": "pipeline.layers.b"},
                ]
            }
        }
    )
    assert layer_modules(text) == ["pipeline.layers.a", "pipeline.layers.b"]


NO_SAY = {
    "pipeline.config": "checks values that are in the fingerprint themselves",
    "pipeline.data.images": "what it makes is in the data's digest",
    "pipeline.data.prepared": "what it writes is in the digests of data and split, and in the scaling",
    "pipeline.data.splits": "what it draws is in the split's digest",
    "pipeline.data.test_sets": "what it chooses is in the split's digest",
    "pipeline.errors": "only ends a training",
    "pipeline.interpretation.grid": "draws",
    "pipeline.interpretation.kernels": "reads weights for a drawing",
    "pipeline.config.options": "words of messages",
    "pipeline.storage.provenance": "says where a result comes from",
    "pipeline.runs": "names files",
    "pipeline.training.devices": "what it finds is in the fingerprint",
    "pipeline.training.replicate": "writes down what the others made",
    "pipeline.training.task": "makes the fingerprint",
}


def test_every_module_that_a_training_imports_is_in_the_fingerprint_or_has_no_say():
    waiting, seen = ["pipeline.training.replicate"], set()
    while waiting:
        module = waiting.pop()
        spec = find_spec(module)
        if module in seen or spec is None:
            continue
        seen.add(module)
        for node in ast.walk(ast.parse(Path(spec.origin).read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "pipeline":
                waiting.append(node.module)
    # Layers are in the fingerprints of the networks that have them.
    assert {name for name in seen - {*COMPUTING} if not name.startswith("pipeline.layers.")} == set(NO_SAY)
