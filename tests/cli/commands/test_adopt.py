"""`convtrack adopt`: the trial that it adopts, its output, and its errors. The studies are created by Optuna."""

import json
import re
import shutil
import subprocess
from dataclasses import asdict
from functools import cache

import optuna
import pytest
import yaml
from optuna.trial import TrialState

from pipeline.cli.commands import adopt
from pipeline.cli.composing import composed
from pipeline.cli.registry import PLAIN_COMMANDS
from pipeline.config.reading import read_comparison
from pipeline.errors import UserError
from pipeline.sweeping.database import create_database, full_address
from pipeline.sweeping.study import create_study

SWEEP = "small-lecture_cnn-digits"
NAME = "small_lecture_cnn_digits"
STORAGE = "sqlite:///sweeps.db"
SECTIONS = ("data", "split", "optimizer", "training", "augmentation", "model")
LOSS = ("validation_loss",)
RANGES = {
    int: optuna.distributions.IntDistribution(0, 1000),
    float: optuna.distributions.FloatDistribution(0.0, 10.0),
}
TWO = ("validation_accuracy", "parameters")


@pytest.fixture
def folder(project, monkeypatch):
    """The project's folder, as working directory."""
    monkeypatch.chdir(project.folder)
    return project.folder


@cache
def sections(*overrides):
    taken = composed("experiment", ["model=lecture_cnn", "data=digits", "split=random", *overrides])
    return {section: asdict(taken[section]) for section in SECTIONS}


def configuration(*overrides, replicates=1):
    return {**sections(*overrides), "replicates": replicates}


@pytest.fixture(scope="module")
def empty_storage(new_project):
    """A database without sweeps."""
    file = new_project().folder / "empty.db"
    create_database(full_address(f"sqlite:///{file}"))
    return file


@pytest.fixture
def sweep(folder, empty_storage):
    """Create a sweep from trials, each given as state, values and overrides."""

    def create(*trials, name=SWEEP, objectives=LOSS, storage=STORAGE, total=20, replicates=1):
        file = folder / storage.removeprefix("sqlite:///")
        if not file.exists():
            shutil.copy(empty_storage, file)
        directions = [
            optuna.study.StudyDirection.MAXIMIZE if "accuracy" in one else optuna.study.StudyDirection.MINIMIZE
            for one in objectives
        ]
        study = create_study(name, full_address(storage), directions)
        study.set_user_attr("definition", {"objectives": list(objectives)})
        study.set_user_attr("settings", {"trials": total, "sampler": {"name": "tpe", "options": {}}})
        for state, values, *overrides in trials:
            chosen = {key: yaml.safe_load(value) for key, value in (one.split("=", 1) for one in overrides)}
            attributes = {"configuration": configuration(*overrides, replicates=replicates)}
            if state is TrialState.FAIL:
                attributes["reason"] = "Training diverged."
            study.add_trial(
                optuna.create_trial(
                    state=state,
                    values=values,
                    params=chosen,
                    distributions={key: RANGES[type(value)] for key, value in chosen.items()},
                    user_attrs=attributes,
                )
            )
        return study

    return create


@pytest.fixture
def usual(sweep):
    """A sweep with six of twenty trials; trial 3 is the best, and trial 4 has the same value."""

    def create(**further):
        return sweep(
            (TrialState.COMPLETE, [0.4], "optimizer.learning_rate=0.1"),
            (TrialState.PRUNED, None, "optimizer.learning_rate=0.2"),
            (TrialState.FAIL, None, "optimizer.learning_rate=9.0"),
            (TrialState.COMPLETE, [0.25], "optimizer.learning_rate=0.05", "training.batch_size=16"),
            (TrialState.COMPLETE, [0.25], "optimizer.learning_rate=0.06"),
            (TrialState.WAITING, None),
            **further,
        )

    return create


def output_of(capsys, *arguments):
    adopt.main(arguments)
    return capsys.readouterr().out


def error_message(*arguments):
    with pytest.raises(UserError) as error:
        adopt.main(arguments)
    sentence = str(error.value)
    assert sentence.endswith(".") and "\n" not in sentence
    return sentence


def written(folder, name=NAME):
    return (folder / "conf" / "model" / f"{name}.yaml").read_text(encoding="utf-8")


def test_the_first_of_the_best_trials_is_taken(capsys, folder, usual):
    usual()
    output = output_of(capsys, SWEEP)
    assert yaml.safe_load(written(folder))["optimizer"]["learning_rate"] == 0.05
    assert output.startswith(
        f"conf/model/{NAME}.yaml: trial 3 of the sweep {SWEEP}, the best of 5 trials: validation loss 0.25 "
    )
    assert "Parameters: optimizer.learning_rate=0.05, training.batch_size=16.\n" in output
    taken = composed("train", [f"model={NAME}"])
    assert (taken["optimizer"].learning_rate, taken["training"].batch_size) == (0.05, 16)


def test_the_best_trial_of_a_maximised_objective_has_the_largest_value(capsys, folder, sweep):
    accuracies = (0.8, 0.9, 0.85)
    sweep(
        *((TrialState.COMPLETE, [value], f"training.epochs={place + 1}") for place, value in enumerate(accuracies)),
        objectives=("validation_accuracy",),
    )
    assert "trial 1 of the sweep" in output_of(capsys, SWEEP)


def test_the_header_states_the_origin_of_the_file_and_its_command(capsys, folder, usual):
    usual(replicates=2)
    output_of(capsys, SWEEP)
    head = [line for line in written(folder).splitlines() if line.startswith("#")]
    assert head[0] == "# @package _global_"
    assert all(len(line) <= 120 for line in head)
    assert f"#   convtrack experiment model={NAME} data=digits split=random" in head
    text = " ".join(line.removeprefix("# ") for line in head)
    assert (
        f"settings of trial 3 of the sweep {SWEEP}, the best of 5 trials: validation loss 0.25 (mean of 2 replicates)"
        in text
    )
    assert "on the validation images of digits." in text
    assert "after 5 of 20 trials (3 complete, 1 pruned, 1 failed; sampler tpe), at commit none." in text
    assert re.search(r"Adopted on \d{4}-\d\d-\d\d,", text)


def test_the_command_in_the_header_gives_the_settings_of_the_trial(capsys, folder, usual):
    usual()
    output_of(capsys, SWEEP)
    command = re.search(r"convtrack experiment (.+)", written(folder))[1]
    again, trial = (
        composed("experiment", command.split()),
        configuration("optimizer.learning_rate=0.05", "training.batch_size=16"),
    )
    for section in SECTIONS:
        assert {**asdict(again[section]), "name": trial[section].get("name")} == {"name": None, **trial[section]}


def test_searched_settings_come_from_the_trial_and_all_others_from_the_comparison(capsys, folder, sweep):
    study = sweep()
    chosen = {"optimizer.learning_rate": 0.05, "training.batch_size": 16}
    study.add_trial(
        optuna.create_trial(
            values=[0.25],
            params=chosen,
            distributions={key: RANGES[type(value)] for key, value in chosen.items()},
            user_attrs={
                "configuration": configuration(
                    *(f"{key}={value}" for key, value in chosen.items()), "training.epochs=77", "augmentation=flips"
                )
            },
        )
    )
    output_of(capsys, SWEEP, "--searched")
    before, taken = (composed("train", [f"model={name}"]) for name in ("lecture_cnn", NAME))
    assert (taken["optimizer"].learning_rate, taken["training"].batch_size) == (0.05, 16)
    assert taken["training"].epochs == before["training"].epochs
    assert taken["augmentation"] == before["augmentation"]
    text = " ".join(line.removeprefix("# ") for line in written(folder).splitlines())
    assert "Only the searched settings are the trial's: optimizer.learning_rate, training.batch_size." in text
    output_of(capsys, SWEEP)
    assert composed("train", [f"model={NAME}"])["training"].epochs == 77


def test_a_searched_step_is_written_as_it_was_trained(capsys, folder, sweep):
    """Optuna computes the third step of 0.1 as 0.30000000000000004."""
    sweep().add_trial(
        optuna.create_trial(
            values=[0.25],
            params={"optimizer.learning_rate": 3 * 0.1},
            distributions={"optimizer.learning_rate": RANGES[float]},
            user_attrs={"configuration": configuration("optimizer.learning_rate=0.3")},
        )
    )
    assert "Parameters: optimizer.learning_rate=0.3.\n" in output_of(capsys, SWEEP, "--searched")
    assert yaml.safe_load(written(folder))["optimizer"]["learning_rate"] == 0.3


def test_searched_settings_of_another_optimizer_are_rejected(folder, sweep):
    sweep().add_trial(
        optuna.create_trial(
            values=[0.25],
            params={"optimizer.learning_rate": 0.05},
            distributions={"optimizer.learning_rate": RANGES[float]},
            user_attrs={"configuration": configuration("optimizer=adam", "optimizer.learning_rate=0.05")},
        )
    )
    assert error_message(SWEEP, "--searched").startswith(
        "The sweep searched settings of the optimizer Adam, but the comparison uses SGD: change `optimizer` in "
    )


def test_another_trial_and_another_name_may_be_chosen(capsys, folder, usual):
    usual()
    output = output_of(capsys, SWEEP, "--trial", "0", "--name", "steady")
    assert "trial 0 of the sweep" in output
    assert "chosen by hand from 5 trials (the best is trial 3)" in output
    assert yaml.safe_load(written(folder, "steady"))["optimizer"]["learning_rate"] == 0.1


def test_the_score_of_the_best_trial_is_called_optimistic(capsys, usual):
    usual()
    assert "selected from 5 trials by its validation score, so this score is optimistic" in output_of(capsys, SWEEP)


def test_with_several_objectives_the_front_is_shown_and_no_file_written(capsys, folder, sweep):
    before = set((folder / "conf").rglob("*"))
    sweep(
        (TrialState.COMPLETE, [0.90, 50_000.0], "model.options.units=100"),
        (TrialState.COMPLETE, [0.80, 70_000.0], "model.options.units=200"),
        (TrialState.COMPLETE, [0.85, 900.0], "model.options.units=2"),
        objectives=TWO,
    )
    sentence = error_message(SWEEP)
    assert "2 Pareto-optimal trials" in sentence and "--trial NUMBER" in sentence
    table = [re.split(r"  +", line) for line in capsys.readouterr().out.strip().splitlines()]
    assert table == [
        ["trial", "validation accuracy", "parameters", "model.options.units"],
        ["2", "0.85", "900", "2"],
        ["0", "0.9", "50,000", "100"],
    ]
    assert set((folder / "conf").rglob("*")) == before
    assert "on their Pareto front: validation accuracy 0.9 and parameters 50,000" in output_of(
        capsys, SWEEP, "--trial", "0"
    )
    assert "off their Pareto front" in output_of(capsys, SWEEP, "--trial", "1")


def test_a_trial_that_is_best_in_all_objectives_is_adopted_without_a_choice(capsys, folder, sweep):
    sweep(
        (TrialState.COMPLETE, [0.90, 50.0], "model.options.units=100"),
        (TrialState.COMPLETE, [0.95, 40.0], "model.options.units=90"),
        objectives=TWO,
    )
    assert "trial 1 of the sweep small-lecture_cnn-digits, the best of 2 trials" in output_of(capsys, SWEEP)


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("1", "is pruned"),
        ("2", "is failed (Training diverged)"),
        ("5", "is waiting"),
        ("6", "has no trial 6: it has trials 0 to 5"),
        ("-1", "an integer of at least 0"),
        ("best", "an integer of at least 0"),
    ],
)
def test_only_a_complete_trial_can_be_adopted(folder, usual, number, reason):
    usual()
    assert reason in error_message(SWEEP, f"--trial={number}")
    assert not (folder / "conf" / "model" / f"{NAME}.yaml").exists()


def test_a_sweep_without_a_complete_trial_is_rejected(sweep):
    sweep((TrialState.PRUNED, None), (TrialState.FAIL, None), (TrialState.FAIL, None))
    assert "no complete trial to adopt (0 complete, 1 pruned, 2 failed)" in error_message(SWEEP)


def test_an_unknown_sweep_gets_a_suggestion(usual):
    usual()
    assert f"Did you mean '{SWEEP}'?" in error_message("small-lecture_cnn")


def test_adopting_without_sweeps_is_rejected(folder, empty_storage):
    assert "sweeps.db does not exist" in error_message()
    assert "sweeps.db does not exist" in error_message(SWEEP)
    shutil.copy(empty_storage, folder / "sweeps.db")
    assert "contains no sweep" in error_message()


def test_sweeps_are_listed_with_their_best_trial(capsys, sweep, usual):
    usual()
    sweep((TrialState.COMPLETE, [0.9, 50.0]), (TrialState.COMPLETE, [0.8, 40.0]), name="b", objectives=TWO, total=2)
    sweep((TrialState.FAIL, None), name="c")
    optuna.create_study(study_name="another's", storage=full_address(STORAGE))
    assert [re.split(r"  +", line) for line in output_of(capsys).splitlines()] == [
        ["sweep", "trials", "complete", "best"],
        ["b", "2 of 2", "2", "2 Pareto-optimal trials (validation accuracy and parameters)"],
        ["c", "1 of 20", "0", "–"],
        [SWEEP, "5 of 20", "3", "trial 3: validation loss 0.25"],
    ]
    assert "is not a sweep of `convtrack experiment -m`" in error_message("another's")
    for option in (["--trial", "1"], ["--name", "x"], ["--compare"]):
        assert "SWEEP is missing" in error_message(*option)


def test_the_option_storage_selects_a_storage(capsys, folder, usual):
    usual(storage="sqlite:///elsewhere.db")
    assert "sweeps.db does not exist" in error_message(SWEEP)
    assert "trial 3" in output_of(capsys, SWEEP, "--storage", "sqlite:///elsewhere.db")


def test_the_storage_is_that_of_the_sweepers_file(capsys, project, folder, usual):
    usual(storage="sqlite:///elsewhere.db")
    project.edit(str(adopt.SWEEPER), "sqlite:///sweeps.db", "sqlite:///elsewhere.db")
    assert "trial 3" in output_of(capsys, SWEEP)
    project.edit(str(adopt.SWEEPER), "storage:", "stored:")
    assert "--storage ADDRESS" in error_message(SWEEP)


def test_another_model_file_is_not_overwritten(capsys, folder, usual):
    usual()
    before = written(folder, "lenet5")
    assert "is not from the sweep 'small-lecture_cnn-digits'" in error_message(SWEEP, "--name", "lenet5")
    assert written(folder, "lenet5") == before


def test_a_sweep_replaces_only_its_own_file(capsys, folder, sweep, usual):
    study = usual()
    output_of(capsys, SWEEP)
    study.add_trial(
        optuna.create_trial(value=0.1, user_attrs={"configuration": configuration("optimizer.learning_rate=0.3")})
    )
    assert "trial 6 of the sweep" in output_of(capsys, SWEEP)
    assert yaml.safe_load(written(folder))["optimizer"]["learning_rate"] == 0.3
    sweep((TrialState.COMPLETE, [0.01]), name="small")
    assert "choose another name with --name" in error_message("small", "--name", NAME)


@pytest.mark.parametrize("name", ["a/b", "../../x", "1", "null", ""])
def test_an_invalid_name_is_rejected(folder, usual, name):
    usual()
    assert "Start it with a letter" in error_message(SWEEP, "--name", name)


def test_a_trial_of_an_earlier_version_is_rejected(sweep):
    study = sweep((TrialState.COMPLETE, [0.1]))
    for broken in ({}, {"replicates": 1}, {**configuration(), "training": {"epochs": 3}}):
        study.add_trial(optuna.create_trial(value=0.01, user_attrs={"configuration": broken}))
        number = len(study.get_trials()) - 1
        sentence = error_message(SWEEP, "--trial", str(number))
        assert f"settings of trial {number} of the sweep" in sentence and "needs a new sweep" in sentence


def test_the_output_states_the_next_command(capsys, folder, usual):
    usual()
    before = (folder / "conf" / "comparison.yaml").read_bytes()
    assert f"add `  - {NAME}` to the models in conf/comparison.yaml" in output_of(capsys, SWEEP)
    assert (folder / "conf" / "comparison.yaml").read_bytes() == before


def test_a_model_enters_the_comparison_once(capsys, folder, usual):
    usual()
    before = (folder / "conf" / "comparison.yaml").read_text()
    assert "lists it now: `dvc repro` compares it" in output_of(capsys, SWEEP, "--compare")
    once = (folder / "conf" / "comparison.yaml").read_text()
    assert once == before.replace("  - resnet8\n", f"  - resnet8\n  - {NAME}\n")
    assert read_comparison().models[-1] == NAME
    for arguments in ([], ["--compare"]):
        assert "lists it already" in output_of(capsys, SWEEP, *arguments)
        assert (folder / "conf" / "comparison.yaml").read_text() == once


def test_a_sweep_on_other_images_is_allowed_and_reported(capsys, usual):
    usual()
    assert (
        "used other images than the comparison (data digits instead of elpv, split random instead of group)"
    ) in output_of(capsys, SWEEP)


@pytest.mark.parametrize(("replicates", "trained"), [(1, 1), (2, 2), (9, 4)])
def test_the_number_of_reused_trainings_is_reported(capsys, project, usual, replicates, trained):
    project.edit("conf/comparison.yaml", "data: elpv", "data: digits")
    project.edit("conf/comparison.yaml", "split: group", "split: random")
    usual(replicates=replicates)
    assert f"reuses {trained} of its 4 replicates from the sweep" in output_of(capsys, SWEEP)


def test_no_reuse_is_promised_if_searched_replaces_settings_of_the_trial(capsys, project, sweep):
    project.edit("conf/comparison.yaml", "data: elpv", "data: digits")
    project.edit("conf/comparison.yaml", "split: group", "split: random")
    study = sweep(name="short")
    study.add_trial(
        optuna.create_trial(
            value=0.1,
            params={"optimizer.learning_rate": 0.05},
            distributions={"optimizer.learning_rate": RANGES[float]},
            user_attrs={"configuration": configuration("training.epochs=77", "optimizer.learning_rate=0.05")},
        )
    )
    output = output_of(capsys, "short", "--searched")
    assert "trains it again, because --searched replaced settings of the trial: training.epochs." in output
    assert "reuses 1 of its 4 replicates" in output_of(capsys, "short")


def test_with_auto_the_reuse_states_both_numbers_of_replicates(capsys, project, usual):
    project.edit("conf/comparison.yaml", "data: elpv", "data: digits")
    project.edit("conf/comparison.yaml", "split: group", "split: random")
    project.edit("conf/comparison.yaml", "replicates: 4", "replicates: auto")
    usual()
    auto = read_comparison().auto
    assert f"reuses 1 of its {auto.least} to {auto.greatest} replicates from the sweep" in output_of(capsys, SWEEP)


def test_another_seed_than_that_of_the_comparison_is_reported(capsys, project, sweep):
    project.edit("conf/comparison.yaml", "data: elpv", "data: digits")
    project.edit("conf/comparison.yaml", "split: group", "split: random")
    sweep((TrialState.COMPLETE, [0.1], "training.seed=7"))
    assert "it uses seed 0 for all models and the trial used 7" in output_of(capsys, SWEEP)


def test_dvc_reads_an_adopted_model_as_any_other(capsys, project, folder, usual):
    from dvc.repo import Repo

    usual()
    output_of(capsys, SWEEP, "--compare")
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    (folder / ".dvc").mkdir()
    (folder / "dvc.yaml").write_text(
        "vars: [conf/comparison.yaml]\n"
        "stages:\n  train:\n    matrix:\n      model: ${models}\n    cmd: train ${item.model}\n"
        "    params:\n      - conf/model/${item.model}.yaml:\n"
    )
    with Repo(str(folder)) as repo:
        stages = {stage.addressing: stage for stage in repo.index.stages}
        values = stages[f"train@{NAME}"].deps[0].read_params()
    assert values["optimizer"]["learning_rate"] == 0.05
    assert json.loads(json.dumps(values)) == yaml.safe_load(written(folder))


def test_a_mistake_on_the_command_line_is_one_sentence(project):
    assert "adopt" in PLAIN_COMMANDS
    assert "sweeps.db does not exist" in project.run("adopt").error_message()
