"""The packaged network that a command uses, as an option of the command."""

import argparse

from pipeline.tracking.names import CHAMPION_ALIAS


def add_model_option(command: argparse.ArgumentParser) -> None:
    """Add `--model`, the address that `registered_folder` takes."""
    command.add_argument(
        "--model",
        metavar="ADDRESS",
        default=CHAMPION_ALIAS,
        help="alias, version, id of a run, models:/NAME@ALIAS, models:/NAME/VERSION or folder of a packaged network "
        "(default: %(default)s)",
    )
