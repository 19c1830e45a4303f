"""Inspect a folder or file with your images, and write a data configuration for it.

PATH is a folder with one folder per class, also inside the folders train, val and test; a table (CSV or Parquet) that
lists pictures and their classes; an .npz file; or a folder with HDF5 or IDX files. Nothing is copied or changed there.
The result is conf/data/NAME.yaml, whose comments explain each option.

  convtrack new-data ~/photos
  convtrack new-data ~/cells/labels.csv cells --compare
"""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from shlex import quote

from pipeline.cli.usage import parsed
from pipeline.config.comparison_file import compare_data
from pipeline.config.file_names import is_name
from pipeline.config.reading import read_comparison
from pipeline.console import say
from pipeline.data.survey.data_file import data_file, write_data_file
from pipeline.data.survey.layout import survey
from pipeline.data.survey.survey_text import proposed_split, survey_lines
from pipeline.data.user_paths import user_path
from pipeline.data.watching import check_apart, watch, watched_paths
from pipeline.errors import UserError

MODELS = ("fully_connected", "lecture_cnn", "vgg_bn", "resnet10")
"""Models whose settings were not tuned on other images."""


def parser() -> argparse.ArgumentParser:
    """The arguments of the command."""
    command = argparse.ArgumentParser(
        "convtrack new-data", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    command.add_argument("path", metavar="PATH", type=Path, help="the folder or file with the images")
    command.add_argument("name", metavar="NAME", nargs="?", help="the name of the data (default: from PATH)")
    command.add_argument(
        "--compare", action="store_true", help="use the data in conf/comparison.yaml, with a split and models that fit"
    )
    return command


def main(arguments: Sequence[str]) -> None:
    """Survey the images, print what was found, and write the configuration."""
    given = parsed(parser().parse_args, arguments, help_command="convtrack new-data --help")
    read_comparison()  # Fails outside of a project.
    path = user_path(given.path)
    name = _name(path) if given.name is None else _checked_name(given.name)
    if data_file(name).exists():
        raise UserError(
            f"{data_file(name)} exists: delete it, or choose another name, "
            f"`convtrack new-data {quote(str(given.path))} NAME`."
        )
    check_apart([path])
    found = survey(path, report=say)
    options = {"path": str(found.path), **{option.name: option.value for option in found.options}}
    check_apart(watched_paths(found.source, options).values())
    for line in survey_lines(found):
        say(line)
    file = write_data_file(name, found)
    split = proposed_split(found)
    say("")
    say(f"Written: {file}. Check its options; comments in the file explain them.")
    if given.compare:
        compare_data(name, split, MODELS)
        watch(found.source, options)
        say(f"conf/comparison.yaml now compares {', '.join(MODELS)} on `data: {name}` with `split: {split}`.")
        say("Next: `make repro`.")
    else:
        say("Next: set these values in conf/comparison.yaml, as `--compare` does, and run `make repro`:")
        say(f"  data: {name}\n  split: {split}\n  models: [{', '.join(MODELS)}]")


def _name(path: Path) -> str:
    """A name from the last part of the path, such as `solar_cells` from `Solar cells (2024).csv`."""
    stem = path.absolute().stem if path.is_file() else path.absolute().name
    words = re.sub(r"\W+", "_", stem, flags=re.ASCII).strip("_").lower()[:100]
    for name in (words, f"images_{words}".strip("_"), "images"):
        if is_name(name):
            return name
    raise AssertionError("`images` is a name")


def _checked_name(name: str) -> str:
    if not is_name(name):
        raise UserError(
            f"Invalid NAME {name!r}. Start it with a letter, use only letters, digits, _ and -, and avoid words that "
            "YAML reads as another type, such as null or yes."
        )
    return name
