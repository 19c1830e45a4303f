"""Write one HTML page of an MLflow experiment: table, filters, learning curves and parallel coordinates.

The page opens in a browser without a server and without a network, so that it can be sent or archived. The experiment
may come from any program; its store is only read.

  convtrack freeze mnist_sample
  convtrack freeze cifar --store sqlite:///their.db --output cifar.html
"""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

from pipeline.cli.usage import parsed
from pipeline.console import say
from pipeline.errors import UserError
from pipeline.reporting.text.quantities import storage
from pipeline.storage.files import replacing


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
    if options.output and (options.output.is_dir() or not options.output.parent.is_dir()):
        raise UserError(f"`--output` must name a file in an existing folder. Received '{options.output}'.")
    # Importing MLflow takes a second.
    from pipeline.reporting.frozen_page import frozen_page
    from pipeline.tracking.frozen_runs import frozen_runs
    from pipeline.tracking.store import Store

    store = Store.open(options.store)
    name, runs, remarks = frozen_runs(store, options.experiment)
    file = options.output or Path(f"{_file_name(name)}.html")
    # The page may be sent to others, whom the folders of this machine do not concern.
    place = Path(store.address).name if store.address.startswith("sqlite:") else store.address
    with replacing(file) as unfinished:
        unfinished.write_text(frozen_page(name, place, runs, remarks=remarks), encoding="utf-8")
    for remark in remarks:
        say(remark)
    runs_text = "1 run" if len(runs) == 1 else f"{len(runs):,} runs"
    say(f"{file}: {runs_text}, {storage(file.stat().st_size)}. Open it in a browser.")


def _file_name(experiment: str) -> str:
    """The name of an experiment without characters that have a meaning in paths.

    >>> _file_name("../a b/Yann's"), _file_name("…")
    ('_a_b_Yann_s', '_')
    """
    return re.sub(r"[^\w.-]+", "_", experiment).lstrip(".") or "experiment"
