"""What a command says of itself, before anything heavy is imported."""

import re

import pytest
import yaml

from pipeline.__main__ import HYDRA_COMMANDS, PLAIN_COMMANDS

HEAVY = {"tensorflow", "keras", "sklearn", "matplotlib"}


@pytest.fixture(scope="module")
def project(new_project):
    """One project for all, because help changes nothing."""
    return new_project()


def imported(answer):
    """The packages that a Python started with `-X importtime` imported."""
    return {name.split(".")[0] for name in re.findall(r"^import time:.*\| +(\S+)$", answer.complaint, re.MULTILINE)}


@pytest.fixture(scope="module")
def summaries(project):
    """What the overview says of each command."""
    return dict(re.findall(r"^  (\w+) +(.+)$", project.run().success(), re.MULTILINE))


def test_the_overview_names_every_command_and_what_it_does(project, summaries):
    assert set(summaries) == {*HYDRA_COMMANDS, *PLAIN_COMMANDS}
    assert summaries["train"] == "Train every replicate of a model, side by side, and log it live."
    assert project.run("--help") == project.run()


@pytest.mark.parametrize("command", [*HYDRA_COMMANDS, *PLAIN_COMMANDS])
def test_help_says_what_the_command_does_and_imports_nothing_heavy(project, summaries, command):
    before = project.files()
    answer = project.run(command, "--help", python=("-X", "importtime"))
    assert answer.code == 0
    # Whitespace aside, because argparse wraps its lines.
    assert "".join(summaries[command].split()) in "".join(answer.said.split())
    assert "pipeline" in imported(answer)
    assert not imported(answer) & HEAVY
    assert project.files() == before


def test_help_shows_the_choices_and_the_settings(project):
    said = project.run("train", "--help").success()
    assert "training: balanced, lecture, patient" in said
    assert "evaluation_batch_size: 128" in said


def test_the_resolved_configuration_is_printed_and_nothing_is_run(project):
    before = project.files()
    said = project.run("experiment", "model=lenet5", "data=digits", "training.epochs=3", "--cfg", "job").success()
    shown = yaml.safe_load(said)
    assert shown["data"] == {"source": "digits", "options": {}}
    assert shown["model"] == {"architecture": "lenet5", "options": {"activation": "tanh"}}
    assert shown["training"]["epochs"] == 3
    assert shown["replicates"] == 1
    assert project.files() == before


def test_what_computes_no_tensor_runs_without_tensorflow(project):
    for arguments in (("prepare", "data=digits"), ("source", "model=lenet5"), ("clean",)):
        answer = project.run(*arguments, python=("-X", "importtime"))
        assert answer.code == 0
        assert not imported(answer) & {"tensorflow", "keras"}
    assert (project.folder / "data" / "prepared" / "manifest.json").is_file()
    assert "# pipeline.architectures.lenet5\n" in (project.folder / "runs" / "lenet5" / "source.py").read_text()
