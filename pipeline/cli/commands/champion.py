"""Show the champion, the network that is put to use, or choose another one.

Without arguments: the registered network, why it was chosen, its score, and the earlier versions.
With NAME: a person chooses the network. The choice is written into conf/champion.yaml, packaged and registered.

  convtrack champion
  convtrack champion lecture_cnn --why "Its kernels can be explained"
  convtrack champion --auto
  convtrack champion --ensemble
  convtrack champion --median
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace

from pipeline.cli.champion_text import champion_lines
from pipeline.cli.dvc_command import run_dvc
from pipeline.cli.usage import parsed
from pipeline.comparison.choice_file import read_choice, usable_networks
from pipeline.config.champion_file import read_champion, write_champion
from pipeline.config.reading import read_comparison
from pipeline.config.schema import ChampionConfig, ComparisonConfig
from pipeline.console import say
from pipeline.errors import UserError, unknown
from pipeline.storage.folders import CHOICE, RunFolder
from pipeline.tracking.model_registry import own_registered_name
from pipeline.tracking.registered_versions import registered_versions

PACKAGE = "dvc repro package"


def parser() -> argparse.ArgumentParser:
    """The arguments of the command."""
    command = argparse.ArgumentParser(
        "convtrack champion", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    command.add_argument("name", nargs="?", metavar="NAME", help="a network of the comparison")
    command.add_argument("--why", metavar="TEXT", help="the reason, which is recorded with the version")
    command.add_argument("--auto", action="store_true", help="let the report choose the network again")
    replicates = command.add_mutually_exclusive_group()
    replicates.add_argument("--ensemble", action="store_true", help="all replicates predict together")
    replicates.add_argument(
        "--median", action="store_true", help="the replicate with the median validation score predicts"
    )
    return command


def main(arguments: Sequence[str]) -> None:
    """Show the champion, or record a choice and run the stages that it changes."""
    given = parsed(parser().parse_args, arguments, help_command="convtrack champion --help")
    comparison = read_comparison()
    if given.name or given.why is not None or given.auto or given.ensemble or given.median:
        if write_champion(_wanted(given, comparison)):
            say(f"conf/champion.yaml is changed. Running `{PACKAGE}`.")
        run_dvc("repro", "package", again=PACKAGE)
    choice = read_choice(CHOICE) if CHOICE.is_file() else None
    name = own_registered_name(comparison.data)
    for line in champion_lines(comparison.data, name, choice, registered_versions(name)):
        say(line)


def _wanted(given: argparse.Namespace, comparison: ComparisonConfig) -> ChampionConfig:
    """The configuration that the arguments describe."""
    config = read_champion()
    if given.ensemble or given.median:
        config = replace(config, replicate="ensemble" if given.ensemble else "median")
    if given.auto:
        if given.name or given.why is not None:
            raise UserError("`--auto` lets the report choose: leave out NAME and --why, or leave out --auto.")
        return replace(config, model=None, why=None)
    if not given.name:
        if given.why is not None:
            raise UserError('`--why` needs the name of a network: `convtrack champion NAME --why "…"`.')
        return config
    _check(given.name, comparison)
    why = " ".join((given.why or "").split())
    if not why:
        raise UserError(
            f'The reason for {given.name} is missing: add `--why "…"`. It is recorded with the version of the '
            "registered model."
        )
    return replace(config, model=given.name, why=why)


def _check(name: str, comparison: ComparisonConfig) -> None:
    """Raise a UserError for a model that cannot be the champion."""
    if name in comparison.baselines:
        raise UserError(
            f"'{name}' is a baseline, and only a network can be the champion. Name one of "
            f"{', '.join(comparison.models)}."
        )
    if name not in comparison.models:
        raise unknown("network of the comparison", name, comparison.models)
    if RunFolder.of(name).architecture.is_file() and not usable_networks([name]):
        raise UserError(
            f"'{name}' cannot be the champion, because it needs other inputs than an image, or predicts something else "
            "than the class of an image. Name another network of the comparison."
        )
