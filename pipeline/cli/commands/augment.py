"""Draw examples of an augmentation: training images unchanged, and with each kind of random change.

SETTINGs choose the augmentation and the images as in `convtrack experiment`:
  convtrack augment augmentation=strong             the prepared images of the comparison
  convtrack augment augmentation=light data=digits  other images, which are prepared if necessary
  convtrack augment model=NAME augmentation.rotate=30
Without a setting, the sheet shows the augmentation of the comparison.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from pipeline.cli.composing import composed
from pipeline.cli.usage import parsed
from pipeline.config.reading import read_comparison
from pipeline.console import say
from pipeline.data.prepared_cache import prepared_folder
from pipeline.errors import UserError
from pipeline.reporting.augmentation_sheet import augmentation_sheet
from pipeline.storage.files import replacing
from pipeline.storage.folders import PREPARED

CHOOSING_IMAGES = ("data", "split", "audit")


def parser() -> argparse.ArgumentParser:
    """The arguments of the command."""
    command = argparse.ArgumentParser(
        "convtrack augment", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    command.add_argument("settings", nargs="*", metavar="SETTING", help="such as augmentation=strong or data=digits")
    command.add_argument(
        "--output",
        type=Path,
        default=Path("outputs", "augmentation.png"),
        metavar="FILE",
        help="the picture to write, PNG (default: %(default)s)",
    )
    return command


def main(arguments: Sequence[str]) -> None:
    """Write the sheet of the chosen augmentation."""
    given = parsed(parser().parse_intermixed_args, arguments, help_command="convtrack augment --help")
    for setting in given.settings:
        if "=" not in setting:
            raise UserError(f"A setting must be NAME=VALUE, such as augmentation=strong. Received '{setting}'.")
    # The model is composed because it may set the augmentation.
    chooses_model = any(setting.startswith("model=") for setting in given.settings)
    settings = [*([] if chooses_model else [f"model={read_comparison().models[0]}"]), *given.settings]
    sections = composed("experiment", settings)
    others = any(setting.partition("=")[0].partition(".")[0] in CHOOSING_IMAGES for setting in given.settings)
    folder = PREPARED
    if others or not PREPARED.is_dir():
        folder = prepared_folder(sections["data"], sections["split"], sections["audit"], 1, report=say)
    sheet = augmentation_sheet(folder, sections["augmentation"])
    if sheet is None:
        raise UserError(
            "The augmentation changes nothing: choose one, such as `convtrack augment augmentation=light`. "
            "conf/augmentation/ lists all."
        )
    given.output.parent.mkdir(parents=True, exist_ok=True)
    with replacing(given.output) as unfinished:
        unfinished.write_bytes(sheet)
    say(f"Written: {given.output}")
