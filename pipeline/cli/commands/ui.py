"""Serve MLflow's pages over the project's store, and print the link that shows the models side by side."""

import argparse
import os
import sys
from collections.abc import Sequence

from pipeline.config.reading import read_comparison
from pipeline.console import say
from pipeline.errors import UserError
from pipeline.storage.folders import REPORTS
from pipeline.tracking.publish.comparison import CHARTS, VIEW, compared_runs
from pipeline.tracking.tracker import Tracker, shown_address, store_address


def main(arguments: Sequence[str]) -> None:
    """Run MLflow's server on 127.0.0.1 in place of this process until it is interrupted."""
    parser = argparse.ArgumentParser("convtrack ui", description=__doc__)
    parser.add_argument("--port", type=int, default=5000, help="where to listen on 127.0.0.1 (default: 5000)")
    parser.add_argument("--link", action="store_true", help="say where report and runs are, and serve nothing")
    given = parser.parse_args(arguments)
    comparison = read_comparison()
    address = shown_address()
    remote = address.startswith("http")
    if remote and not given.link:
        raise UserError(f"MLFLOW_TRACKING_URI is a server already; open {address} in a browser.")
    tracker = Tracker.open(comparison.data)
    runs = compared_runs(tracker, comparison.models)
    server = address if remote else f"http://127.0.0.1:{given.port}"
    if given.link:
        say(f"The report: {REPORTS / 'comparison.html'}")
        say("The runs:" if remote else "The runs, once `make ui` serves them:")
    say(f"  the models as a table  {tracker.address_of_view(VIEW, server)}")
    say(f"  the models as charts   {tracker.address_of_view(CHARTS, server, charts=True)}")
    if len(runs) < len(comparison.models):
        missing = len(comparison.models) - len(runs)
        say(
            f"  {missing} of {len(comparison.models)} models are not in this store; `convtrack publish` logs them there"
        )
    if runs:
        say(f"  the models compared    {tracker.address_of_comparison(runs, server)}")
    if given.link:
        return
    # Its workers for language models' jobs would take a gigabyte for nothing.
    os.environ.setdefault("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
    # One worker: each takes 245 MB, and one person is served well by one.
    command = [
        "-m",
        "mlflow",
        "server",
        "--backend-store-uri",
        store_address(),
        "--host",
        "127.0.0.1",
        "--workers",
        "1",
    ]
    os.execv(sys.executable, [sys.executable, *command, "--port", str(given.port)])
