"""A trial's settings as a model file: composed by the stages, the file gives the settings of the trial."""

import shutil
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml

from pipeline.cli.composing import composed
from pipeline.config.file_names import is_name
from pipeline.config.schema import AuditConfig
from pipeline.data.prepare import prepare
from pipeline.storage.fingerprints import fingerprint
from pipeline.sweeping import adopting, model_file

CONF = Path(__file__).parents[2] / "conf"
COMPARISON = Path(__file__).parents[1] / "comparison.yaml"
SECTIONS = ("data", "split", "optimizer", "training", "augmentation", "model")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The folder of a project, as working directory."""
    shutil.copytree(CONF, tmp_path / "conf")
    shutil.copy(COMPARISON, tmp_path / "conf")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def settings(*overrides, model="lecture_cnn", replicates=1):
    taken = composed("experiment", [f"model={model}", *overrides])
    return adopting.TrialSettings(**{section: taken[section] for section in SECTIONS}, replicates=replicates)


def digests(taken):
    """The digest of each section in a fingerprint, which ignores the name of the model."""
    without_name = {**asdict(taken["model"]), "name": None}
    rest = {section: fingerprint(asdict(taken[section])) for section in ("optimizer", "training", "augmentation")}
    return {"model": fingerprint(without_name), **rest}


def change_comparison(**changes):
    """Change values of the comparison."""
    file = Path("conf/comparison.yaml")
    file.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text()), **changes}))


OPTIMIZERS = {
    "nothing changed": [],
    "another learning rate": ["optimizer.learning_rate=0.0001"],
    "a learning rate like 1e-5": ["optimizer.learning_rate=1e-5"],
    "another optimizer": ["optimizer=adam"],
    "an option less": ["~optimizer.options.momentum"],
    "an option that is null": ["optimizer.options.momentum=null"],
    "an option more": ["+optimizer.options.nesterov=true"],
    "a whole number where a file has another": ["optimizer.options.momentum=0"],
    "a schedule": ["optimizer=sgd_cosine", "+optimizer.schedule.options.alpha=0.1"],
    "another schedule": [
        "optimizer.schedule={name: ExponentialDecay, options: {decay_steps: 50, decay_rate: 0.5, staircase: true}}"
    ],
}

OTHERS = {
    "training": ["training=patient", "training.batch_size=64", "training.threads=2"],
    "no patience": ["training.patience=null"],
    "augmentation": ["augmentation=strong", "augmentation.shift=2"],
    "options of the model": ["model.options.filters=[8,8,8]", "model.options.padding='1'", "model.options.units=7"],
    "text that reads as a number": ["model.options.activation='1e3'", "model.options.pooling='null'"],
    "text that needs quotes": ["model.options.activation='a: b # c'", "model.options.pooling='yes'"],
    "an option without value": ["model.options.units=null"],
}


@pytest.mark.parametrize("compared", ["sgd", "steep"])
@pytest.mark.parametrize("choice", OPTIMIZERS)
def test_the_file_gives_the_optimizer_of_the_trial(choice, compared):
    trial = settings(*OPTIMIZERS[choice])
    # A model file can remove these options only by setting them to null.
    Path("conf/optimizer/steep.yaml").write_text(
        "name: SGD\nlearning_rate: 0.1\noptions: {momentum: 0.5, nesterov: true}\n"
        "schedule: {name: CosineDecay, options: {alpha: 0.2, warmup_target: 0.3, warmup_steps: 5}}\n"
    )
    change_comparison(optimizer=compared)
    model_file.write_model(model_file.file_of("best"), trial, ["# found"], composed)
    assert digests(composed("train", ["model=best"])) == digests(vars(trial))


@pytest.mark.parametrize("choice", OTHERS)
def test_the_file_gives_the_settings_of_the_trial(choice):
    trial = settings(*OTHERS[choice])
    change_comparison(training="balanced", augmentation="flips")
    model_file.write_model(model_file.file_of("best"), trial, ["# found"], composed)
    assert digests(composed("train", ["model=best"])) == digests(vars(trial))
    assert composed("build", ["model=best"])["model"].options == trial.model.options
    assert digests(composed("experiment", ["model=best"])) == digests(vars(trial))


def test_the_file_has_only_the_training_values_that_differ_from_the_comparison():
    file = model_file.file_of("best")
    model_file.write_model(file, settings("training.batch_size=16"), ["# found"], composed)
    assert yaml.safe_load(file.read_text()).keys() == {"model", "training"}
    assert yaml.safe_load(file.read_text())["training"] == {"batch_size": 16}


def test_a_file_that_sets_only_the_model_is_a_plain_group_file():
    file = model_file.file_of("best")
    model_file.write_model(file, settings("model.options.units=7"), ["# found"], composed)
    assert file.read_text().startswith("# found\narchitecture: lecture_cnn\noptions:\n")
    assert yaml.safe_load(file.read_text())["options"]["units"] == 7


def test_a_model_without_options_has_no_options_in_its_file():
    Path("conf/model/bare.yaml").write_text("architecture: lenet5\n")
    file = model_file.file_of("best")
    model_file.write_model(file, settings(model="bare"), [], composed)
    assert file.read_text() == "architecture: lenet5\n"


def test_a_file_that_sets_other_sections_has_the_global_package():
    Path("conf/model/small.yaml").write_text("architecture: lecture_cnn\noptions: {filters: [16, 32], units: 100}\n")
    file = model_file.file_of("best")
    model_file.write_model(file, settings("optimizer=adam", "augmentation=flips", model="small"), ["# found"], composed)
    assert file.read_text() == (
        "# @package _global_\n"
        "# found\n"
        "model:\n"
        "  architecture: lecture_cnn\n"
        "  options:\n"
        "    filters: [16, 32]\n"
        "    units: 100\n"
        "optimizer:\n"
        "  name: Adam\n"
        "  learning_rate: 0.001\n"
        "  options:\n"
        "    momentum: null\n"
        "  schedule: null\n"
        "augmentation:\n"
        "  horizontal_flip: true\n"
        "  vertical_flip: true\n"
    )


def test_the_adopted_model_file_has_the_seed_of_the_comparison():
    model_file.write_model(model_file.file_of("best"), settings("training.seed=5"), [], composed)
    assert "seed" not in model_file.file_of("best").read_text()
    assert composed("train", ["model=best"])["training"].seed == 0


def test_a_file_that_would_give_other_settings_is_not_written(monkeypatch):
    monkeypatch.setattr(model_file, "merge_patch", lambda wanted, shared: {"learning_rate": 0.5})
    with pytest.raises(RuntimeError, match=r"best.yaml would give `optimizer` as .* in train, but the trial had"):
        model_file.write_model(model_file.file_of("best"), settings("optimizer=adam"), [], composed)
    assert not [file for file in Path("conf/model").iterdir() if "best" in file.name]


def test_an_option_that_is_null_has_the_fingerprint_of_a_missing_one():
    absent, null = settings("~optimizer.options.momentum"), settings("optimizer.options.momentum=null")
    assert absent.optimizer == null.optimizer
    assert asdict(null.optimizer)["options"] == {}
    cosine = settings("optimizer=sgd_cosine", "+optimizer.schedule.options.alpha=null").optimizer
    assert cosine == settings("optimizer=sgd_cosine").optimizer


@pytest.mark.parametrize(("optimizer", "momentum"), [("sgd", 0.9), ("adam", None)])
def test_the_comparison_reuses_the_trainings_of_the_sweep(optimizer, momentum):
    """The fingerprints of all replicates that both have are equal."""
    from pipeline.networks.describe import make_network
    from pipeline.training.task import make_tasks

    trial = settings(
        "data=digits", "split=random", f"optimizer={optimizer}", "training.batch_size=16", "model.options.units=9"
    )
    assert trial.optimizer.options.get("momentum") == momentum

    def tasks(taken, replicates, prepared):
        prepare(
            prepared,
            trial.data,
            trial.split,
            replicates=replicates,
            test_set=Path("test_set.json"),
            settings=AuditConfig(margin=0.1, checks={}),
            report=lambda line: None,
        )
        network = make_network(taken["model"], yaml.safe_load((prepared / "manifest.json").read_text()))
        sections = {section: taken[section] for section in ("optimizer", "training", "augmentation")}
        return make_tasks(network.architecture, prepared, replicates, **sections)

    swept = tasks(vars(trial), 2, Path("of_the_sweep"))
    change_comparison(data="digits", split="random")
    model_file.write_model(model_file.file_of("best"), trial, [], composed)
    assert list(adopting.differences(trial, composed)) == []
    compared = tasks(composed("train", ["model=best"]), 4, Path("of_the_comparison"))
    assert compared[0].model_fingerprint == swept[0].model_fingerprint
    assert [task.fingerprint for task in compared[:2]] == [task.fingerprint for task in swept]


def test_differences_of_data_and_split_are_listed():
    assert list(adopting.differences(settings(), composed)) == []
    assert list(adopting.differences(settings("data=digits", "split=random"), composed)) == [
        "data digits instead of elpv",
        "split random instead of group",
    ]
    assert list(adopting.differences(settings("data.options.size=32", "split.seed=3"), composed)) == [
        "data.options.size 32 instead of 64",
        "split.seed 3 instead of 0",
    ]


@pytest.mark.parametrize(
    ("sweep", "model", "name"),
    [
        ("small-lecture_cnn-digits", "lecture_cnn", "small_lecture_cnn_digits"),
        ("small-digits", "resnet8", "small_digits_resnet8"),
        ("tpe-1a2b3c4d", "lenet5", "tpe_1a2b3c4d_lenet5"),
        ("grid, a=1.5 @night", "lenet5", "grid_a_1_5_night_lenet5"),
        ("2024", "2024", "sweep_2024"),
        ("no", "no", "sweep_no"),
        ("ü", "ü", "sweep_"),
    ],
)
def test_the_default_name_consists_of_sweep_and_model(sweep, model, name):
    assert model_file.default_name(sweep, model) == name
    assert is_name(name)


@pytest.mark.parametrize("name", ["a", "A-b_9", "e1", "x" * 120, "on_off"])
def test_hydra_and_yaml_read_a_valid_name_unchanged(name):
    assert is_name(name)
    shutil.copy("conf/model/lenet5.yaml", model_file.file_of(name))
    assert composed("train", [f"model={name}"])["model"].name == name
    assert yaml.safe_load(f"- {name}") == [name]


@pytest.mark.parametrize(
    "name", ["", "1e5", "-a", "a b", "a/b", "../a", "a.b", "NULL", "nan", "inf", "Yes", "é", "x\n"]
)
def test_other_names_are_rejected(name):
    assert not is_name(name)
