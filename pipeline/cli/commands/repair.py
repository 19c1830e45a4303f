"""Repair the files of DVC: those that a killed `dvc repro` has left cut off, after which DVC would fail for ever.

Also update data/watched.yaml, which lists the images that DVC watches. `make repro` and `convtrack decide` do both
before they start DVC. Results are kept.
"""

import argparse
from collections.abc import Sequence

from pipeline.cli.usage import parsed
from pipeline.console import say
from pipeline.data.watching import watch_comparison
from pipeline.storage.dvc_files import repair


def parser() -> argparse.ArgumentParser:
    """The arguments of the command."""
    command = argparse.ArgumentParser(
        "convtrack repair", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    command.add_argument("--quiet", action="store_true", help="print nothing if there is nothing to repair")
    return command


def main(arguments: Sequence[str]) -> None:
    """Repair the files of DVC in this project."""
    given = parsed(parser().parse_args, arguments, help_command="convtrack repair --help")
    done = repair()
    watch_comparison()
    for line in done:
        say(line)
    if not (done or given.quiet):
        say("No file of DVC is damaged.")
