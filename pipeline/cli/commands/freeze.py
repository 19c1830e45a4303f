"""Write one HTML page of an MLflow experiment: table, filters, learning curves and parallel coordinates.

The page opens in a browser without a server and without a network, so that it can be sent or archived. The experiment
may come from any program; its store is only read.

  convtrack freeze mnist_sample
  convtrack freeze cifar --store sqlite:///their.db --output cifar.html
"""

import argparse
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pipeline.cli.usage import parsed
from pipeline.console import say
from pipeline.counts import number_of
from pipeline.errors import DISK_FULL, UserError
from pipeline.reporting.text.quantities import storage
from pipeline.storage.files import replacing

DOCTYPE = b"<!doctype html"
"""The first bytes of an HTML page, in lower case."""


def parser() -> argparse.ArgumentParser:
    """The arguments of the command."""
    command = argparse.ArgumentParser(
        "convtrack freeze", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    command.add_argument("experiment", metavar="EXPERIMENT", help="name or id of the experiment")
    command.add_argument(
        "--store", metavar="URI", help="URI of an MLflow store, or an SQLite file (default: the project's store)"
    )
    command.add_argument("--output", metavar="FILE", type=Path, help="HTML file (default: EXPERIMENT.html)")
    return command


def main(arguments: Sequence[str]) -> None:
    """Write the page, and print its path and size."""
    options = parsed(parser().parse_args, arguments, help_command="convtrack freeze --help")
    if options.output:
        # Reading the runs may take minutes.
        with _writing(options.output):
            _check(options.output)
    # Importing MLflow takes a second.
    from pipeline.reporting.frozen_page import frozen_page
    from pipeline.tracking.frozen_runs import frozen_runs
    from pipeline.tracking.store import Store

    store = Store.open(options.store)
    name, runs, remarks = frozen_runs(store, options.experiment)
    file = options.output or Path(f"{_file_name(name)}.html")
    # The page may be sent to others, whom the folders of this machine do not concern.
    place = Path(store.address).name if store.address.startswith("sqlite:") else store.address
    _write(file, frozen_page(name, place, runs, remarks=remarks))
    for remark in remarks:
        say(remark)
    say(f"{file}: {number_of(len(runs), 'run')}, {storage(file.stat().st_size)}. Open it in a browser.")


def _check(file: Path) -> None:
    """Check that the page may be written to a file.

    Raises:
        UserError: its folder is missing, or it exists and is not an HTML page: a store, a device or a named pipe must
            not be replaced.
    """
    target = Path(os.path.realpath(file))
    if target.is_dir() or not target.parent.is_dir():
        raise UserError(f"`--output` must name a file in an existing folder. Received '{file}'.")
    # The target of /dev/stdout may have a name that is no path, and a circle of links leads to no file.
    if not (file.exists() or target.is_symlink()):
        return
    if file.is_file():
        with file.open("rb") as stream:
            if stream.read(len(DOCTYPE)).lower() == DOCTYPE:
                return
    raise UserError(
        f"'{file}' exists and is not an HTML page. `convtrack freeze` replaces HTML pages only. Choose another "
        "`--output`."
    )


def _write(file: Path, page: str) -> None:
    """Write the page. If the file is a symbolic link, its target is written."""
    with _writing(file):
        _check(file)
        with replacing(Path(os.path.realpath(file))) as unfinished:
            unfinished.write_text(page, encoding="utf-8")


@contextmanager
def _writing(file: Path) -> Iterator[None]:
    """Raise a UserError for a file that the system refuses, unless the disk is full."""
    try:
        yield
    except OSError as problem:
        if problem.errno in DISK_FULL:
            raise
        raise UserError(
            f"Cannot write '{file}' ({problem.strerror}). The folder must accept new files, and the name must not be "
            "too long. Choose another `--output`."
        ) from None


def _file_name(experiment: str) -> str:
    """The name of an experiment without characters that have a meaning in paths.

    >>> _file_name("../a b/Yann's"), _file_name("…")
    ('_a_b_Yann_s', '_')
    """
    return re.sub(r"[^\w.-]+", "_", experiment).lstrip(".") or "experiment"
