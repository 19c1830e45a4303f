"""Invalid arguments end in one sentence instead of the usage message of argparse."""

import re
from importlib import import_module

import pytest

from pipeline.cli import composing
from pipeline.cli.messages import sentence
from pipeline.cli.registry import PLAIN_COMMANDS
from pipeline.errors import UserError


@pytest.mark.parametrize("name", PLAIN_COMMANDS)
def test_an_unknown_option_of_a_command_is_one_sentence(name, capsys):
    with pytest.raises(
        UserError, match=rf"^Invalid arguments: .*Use arguments that `convtrack {name} --help` describes"
    ):
        import_module(PLAIN_COMMANDS[name].module).main(["--foo"])
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", PLAIN_COMMANDS)
def test_help_ends_without_an_error(name, capsys):
    with pytest.raises(SystemExit) as end:
        import_module(PLAIN_COMMANDS[name].module).main(["--help"])
    assert not end.value.code and f"convtrack {name}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--foo"], "unrecognized arguments: --foo"),
        (["model=lenet5", "--cfg"], "argument --cfg/-c: expected one argument"),
        (["--cfg", "jobs"], "argument --cfg/-c: invalid choice: 'jobs'"),
        (["--config-dir"], "argument --config-dir/-cd: expected one argument"),
    ],
)
def test_an_invalid_option_of_a_hydra_command_is_one_sentence(arguments, reason, capsys):
    with pytest.raises(UserError, match=re.escape(f"Invalid arguments: {reason}")) as error:
        composing.run("experiment", arguments)
    assert str(error.value).endswith("Use arguments that `convtrack experiment --hydra-help` describes.")
    assert capsys.readouterr().err == ""


def test_a_missing_folder_of_configuration_files_is_named(tmp_path):
    with pytest.raises(Exception) as error:
        composing.run("experiment", ["model=lenet5", "--config-dir", str(tmp_path / "missing")])
    assert sentence(error.value) == (
        f"`--config-dir` must name an existing folder. Received '{tmp_path}/missing': create it or correct the path."
    )
