"""The texts that `--help` prints. They are composed without importing what the commands import."""

from collections.abc import Sequence
from pathlib import Path

from pipeline.cli.registry import COMMANDS
from pipeline.config.reading import choices_of


def overview() -> str:
    """The help of `convtrack`: one line per command."""
    lines = [f"  {name:<11} {command.summary}" for name, command in COMMANDS.items()]
    return "\n".join(
        [
            "convtrack COMMAND [overrides]: which network should I use on these images, and how sure can I be?",
            "",
            *lines,
            "",
            "`convtrack COMMAND --help` explains a command. `dvc repro` or `make repro` runs the whole comparison.",
        ]
    )


def help_template(command: str, folders: Sequence[Path]) -> str:
    """The help of a command that composes a configuration; Hydra replaces $CONFIG by that configuration.

    `folders` are those that hold configuration files.
    """
    groups = [f"  {group:<13} {', '.join(choices_of(group, folders))}" for group in COMMANDS[command].groups]
    return "\n".join(
        [
            f"convtrack {command} [overrides]",
            "",
            COMMANDS[command].description,
            "",
            *(["Groups, set by GROUP=NAME:", "", *groups, ""] if groups else []),
            "Settings, set by SETTING=VALUE:",
            "",
            "$CONFIG",
            "`--cfg job` prints the configuration with your overrides, without running anything. `-m` runs one job per",
            "value of a list (a,b). `--hydra-help` lists the options of Hydra.",
        ]
    )
