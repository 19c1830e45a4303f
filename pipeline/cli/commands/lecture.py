"""Build the lecture as a static site in `docs/lecture/`, one page per idea.

The numbers and figures of the pages are computed when the site is built; answers of studies come from their reports in
`reports/`. --train first trains the network whose kernels, maps and predictions the pages show.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from pipeline.cli.usage import parsed
from pipeline.config.reading import read_comparison
from pipeline.console import say
from pipeline.storage.folders import REPORTS
from pipeline.training.runtime import start_tensorflow

SITE = Path("docs/lecture")


def parser() -> argparse.ArgumentParser:
    """The arguments of the command."""
    command = argparse.ArgumentParser(
        "convtrack lecture", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    command.add_argument("--train", action="store_true", help="train the network of the pages again (10 seconds)")
    return command


def main(arguments: Sequence[str]) -> None:
    """Train the network if asked, and write the site."""
    given = parsed(parser().parse_args, arguments, help_command="convtrack lecture --help")
    read_comparison()  # Raises outside a project folder.
    start_tensorflow()
    from pipeline.lecture.lecture_site import NETWORK, write_site
    from pipeline.lecture.trained_network import train

    SITE.mkdir(parents=True, exist_ok=True)
    if given.train:
        train(SITE / NETWORK)
    files = write_site(SITE, REPORTS)
    say(f"Wrote {SITE / 'index.html'} and {len(files) - 1} more files.")
