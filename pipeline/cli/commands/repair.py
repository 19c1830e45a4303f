"""Restore the files of DVC after a kill: dvc.lock and temporary files that `dvc repro` has left truncated.

Run it if `dvc repro` reports that dvc.lock or rwlock is invalid, corrupted or busy. Finished results are kept. In a
folder without git, it also sets DVC to work without git. It updates data/watched.yaml, the list of the images that DVC
watches. `make repro` and `convtrack decide` run all this before they start DVC.
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
    done = repair(thorough=not given.quiet)
    watch_comparison()
    for line in done:
        say(line)
    if not (done or given.quiet):
        say("No interrupted write of DVC was found.")
