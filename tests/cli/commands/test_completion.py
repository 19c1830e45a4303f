"""`convtrack completion`: the script that it prints completes words in the shell."""

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from pipeline.cli.commands import completion
from pipeline.cli.registry import COMMANDS

ROOT = Path(__file__).parents[3]


@pytest.fixture
def completed(capsys, monkeypatch):
    """Complete the last word of a command line in Bash."""
    monkeypatch.chdir(ROOT)
    completion.main(["bash"])
    script = capsys.readouterr().out

    def complete(*words):
        line = f"COMP_WORDS=({shlex.join(words)}); COMP_CWORD={len(words) - 1}"
        program = f"{script}\n{line}\n_shtab_convtrack\nprintf '%s\\n' \"${{COMPREPLY[@]}}\""
        done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=True)
        return done.stdout.split()

    return complete


def test_every_command_is_completed(completed):
    assert set(completed("convtrack", "")) >= set(COMMANDS)


def test_the_choices_of_a_group_are_completed(completed):
    assert completed("convtrack", "experiment", "model=lenet5_") == ["model=lenet5_sparse"]
    assert completed("convtrack", "prepare", "model=lenet5_") == []


def test_options_of_a_command_are_completed(completed):
    assert completed("convtrack", "compare", "--ma") == ["--margin"]


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_zsh_accepts_its_script(capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    completion.main(["zsh"])
    subprocess.run(["zsh", "-n", "-c", capsys.readouterr().out], check=True)
