"""`--help` describes commands without importing large packages."""

import os
import re
import subprocess
import sys

import pytest
import yaml

from pipeline.cli.registry import HYDRA_COMMANDS, PLAIN_COMMANDS

HEAVY = {"tensorflow", "keras", "sklearn", "matplotlib"}


@pytest.fixture(scope="module")
def project(new_project):
    """One project for all tests, because `--help` changes no file."""
    return new_project()


def imported(result):
    """The packages that a Python started with `-X importtime` imported."""
    return {name.split(".")[0] for name in re.findall(r"^import time:.*\| +(\S+)$", result.stderr, re.MULTILINE)}


@pytest.fixture(scope="module")
def summaries(project):
    """The description of each command in the overview."""
    return dict(re.findall(r"^  ([\w-]+) +(.+)$", project.run().output(), re.MULTILINE))


def test_the_overview_lists_every_command_with_its_summary(project, summaries):
    assert set(summaries) == {*HYDRA_COMMANDS, *PLAIN_COMMANDS}
    assert summaries["train"] == "Train every replicate of a model in parallel, and log the progress to MLflow."
    assert project.run("--help") == project.run()


@pytest.mark.parametrize("command", [*HYDRA_COMMANDS, *PLAIN_COMMANDS])
def test_help_states_what_the_command_does_and_imports_nothing_heavy(project, summaries, command):
    before = project.files()
    result = project.run(command, "--help", python=("-X", "importtime"))
    assert result.code == 0
    # Compare without whitespace, because argparse wraps lines.
    assert "".join(summaries[command].split()) in "".join(result.stdout.split())
    assert "pipeline" in imported(result)
    assert not imported(result) & HEAVY
    assert project.files() == before


def test_help_shows_the_choices_that_the_command_takes_and_the_settings(project):
    output = project.run("train", "--help").output()
    choices = dict(re.findall(r"^  (\w+) +(.+)$", output.partition("Settings")[0], re.MULTILINE))
    assert set(choices) == set(HYDRA_COMMANDS["train"].groups)
    assert choices["training"] == "balanced, lecture, patient, short"
    assert "evaluation_batch_size: 128" in output


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_closed_pipe_is_not_an_error(project, unbuffered):
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "pipeline", "prepare", "--help"]
    variables = project.variables | {"PYTHONUNBUFFERED": unbuffered}
    done = subprocess.run(
        command, cwd=project.folder, env=variables, stdout=writer, stderr=subprocess.PIPE, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")


def test_the_resolved_configuration_is_printed_and_nothing_is_run(project):
    before = project.files()
    output = project.run("experiment", "model=lenet5", "data=digits", "training.epochs=3", "--cfg", "job").output()
    shown = yaml.safe_load(output)
    for section in ("data/digits", "model/lenet5"):
        written = yaml.safe_load((project.folder / "conf" / f"{section}.yaml").read_text(encoding="utf-8"))
        group = section.split("/")[0]
        assert shown[group] == written.get(group, written)
    assert shown["training"]["epochs"] == 3
    assert shown["replicates"] == 1
    assert project.files() == before


def test_commands_that_compute_no_tensor_run_without_tensorflow(project):
    for arguments in (("prepare", "data=digits"), ("clean",)):
        result = project.run(*arguments, python=("-X", "importtime"))
        assert result.code == 0
        assert not imported(result) & {"tensorflow", "keras"}
    assert (project.folder / "data" / "prepared" / "manifest.json").is_file()
