"""The experiments that README proposes: every one of them is composed, with every value that it lists."""

import fnmatch
import re
import shlex
from itertools import product
from pathlib import Path

import pytest

from pipeline.cli.composing import composed
from pipeline.config.reading import choices_of

README = Path(__file__).parents[2] / "README.md"
# Up to the end of a line or of a span of code, without a comment; overrides that begin with `…` go on from another.
FOUND = re.findall(
    r"^convtrack experiment ([^`#\n]+)|`convtrack experiment ([^`\n]+)`", README.read_text(), re.MULTILINE
)
COMMANDS = [(line or span).strip() for line, span in FOUND]


def values(override):
    """Each single override of one that may list several."""
    name, value = override.split("=", 1)
    if value.startswith("glob("):
        return [f"{name}={choice}" for choice in fnmatch.filter(choices_of(name), value[5:-1])]
    if value.startswith("range("):
        return [f"{name}={value[6:-1].split(',')[0]}"]
    return [f"{name}={one}" for one in value.split(",")]


def test_readme_proposes_experiments():
    assert len(COMMANDS) > 15


@pytest.mark.parametrize("command", COMMANDS)
def test_an_experiment_of_the_readme_can_be_composed(command):
    words = [word for word in shlex.split(command) if "=" in word and not word.startswith("hydra/")]
    listed = [values(word) for word in words]
    assert all(listed), "a pattern that no file fits"
    options = [word for word in shlex.split(command) if word.startswith("-")]
    assert "-m" in options or all(len(one) == 1 for one in listed)
    # Hydra takes no overrides on both sides of an option.
    assert all(shlex.split(command)[place] == option for place, option in enumerate(options)) or "--cfg" in options
    for overrides in product(*listed):
        assert composed("experiment", overrides)["model"].architecture
