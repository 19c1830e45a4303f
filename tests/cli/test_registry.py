"""The registry lists every command with its summary, without importing the command."""

import sys
from pathlib import Path

import pytest

import pipeline.cli.commands
from pipeline.cli.registry import COMMANDS, HYDRA_COMMANDS, PLAIN_COMMANDS
from pipeline.config.reading import CONF


def test_every_module_in_the_folder_is_a_command():
    folder = Path(pipeline.cli.commands.__file__).parent
    assert set(PLAIN_COMMANDS) == {file.stem.replace("_", "-") for file in folder.glob("*.py")} - {"--init--"}
    assert set(COMMANDS) == {*HYDRA_COMMANDS, *PLAIN_COMMANDS}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_a_summary_of_one_line(name):
    summary = COMMANDS[name].summary
    assert summary.endswith((".", ":", "?")) or summary in COMMANDS[name].description
    assert 20 < len(summary) <= 120


@pytest.mark.parametrize("name", HYDRA_COMMANDS)
def test_groups_and_files_of_a_command_exist(name):
    root = Path(__file__).parents[2] / CONF
    assert all((root / group).is_dir() for group in HYDRA_COMMANDS[name].groups)
    assert all((root / f"{file}.yaml").is_file() for file in HYDRA_COMMANDS[name].files)


def test_the_summary_of_a_command_is_read_without_importing_it():
    sys.modules.pop("pipeline.cli.commands.clean", None)
    assert COMMANDS["clean"].description
    assert "pipeline.cli.commands.clean" not in sys.modules
