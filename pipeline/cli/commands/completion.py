"""Print a script for the shell that completes commands, options and choices with Tab.

Run in the project's folder, once per shell:

  eval "$(convtrack completion bash)"

The choices are those of conf/ at that moment.
"""

import argparse
from collections.abc import Sequence
from importlib import import_module

import shtab

from pipeline.cli.registry import HYDRA_COMMANDS, PLAIN_COMMANDS
from pipeline.cli.usage import parsed
from pipeline.config.reading import choices_of

# Bash splits words at "=", so that it would compare only the part behind it with the choices, such as model=lenet5.
KEEP_EQUALS_SIGNS = "COMP_WORDBREAKS=${COMP_WORDBREAKS//=}"


def parser() -> argparse.ArgumentParser:
    """The arguments of the command."""
    command = argparse.ArgumentParser(
        "convtrack completion", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    command.add_argument("shell", choices=["bash", "zsh"], help="the shell that reads the script")
    return command


def main(arguments: Sequence[str]) -> None:
    """Print the script."""
    shell = parsed(parser().parse_args, arguments, help_command="convtrack completion --help").shell
    print(shtab.complete(_all_commands(), shell, preamble=KEEP_EQUALS_SIGNS if shell == "bash" else ""))


def _all_commands() -> argparse.ArgumentParser:
    """One parser with a subparser for each command, for completion only."""
    convtrack = argparse.ArgumentParser("convtrack")
    commands = convtrack.add_subparsers()
    for name, hydra in HYDRA_COMMANDS.items():
        subparser = commands.add_parser(name, help=hydra.summary)
        subparser.add_argument("-m", "--multirun", action="store_true")
        subparser.add_argument("--cfg", choices=["job", "hydra", "all"])
        choices = [f"{group}={choice}" for group in hydra.groups for choice in choices_of(group)]
        subparser.add_argument("overrides", nargs="*", choices=choices or None)
    for name, plain in PLAIN_COMMANDS.items():
        arguments = import_module(plain.module).parser()
        commands.add_parser(name, help=plain.summary, parents=[arguments], add_help=False)
    return convtrack
