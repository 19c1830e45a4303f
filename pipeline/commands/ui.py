"""Serve MLflow's pages over the project's store, and print the link that shows the models side by side."""

import argparse
import os
import sys
from collections.abc import Sequence

from pipeline.config import read_comparison
from pipeline.console import say
from pipeline.errors import UserError
from pipeline.publishing.comparison import compared_runs
from pipeline.tracking import Tracker, store_address


def main(arguments: Sequence[str]) -> None:
    """Run MLflow's server on 127.0.0.1 in place of this process until it is interrupted."""
    parser = argparse.ArgumentParser("convtrack ui", description=__doc__)
    parser.add_argument("--port", type=int, default=5000)
    port = parser.parse_args(arguments).port
    comparison = read_comparison()
    address = store_address()
    if address.startswith("http"):
        raise UserError(f"MLFLOW_TRACKING_URI is a server already; open {address} in a browser.")
    tracker = Tracker.open(comparison.data)
    runs = compared_runs(tracker, comparison.models)
    server = f"http://127.0.0.1:{port}"
    say(f"All models side by side: {tracker.address_of_comparison(runs, server)}" if runs else f"Serving {server}")
    # One worker: each takes 245 MB, and one person is served well by one.
    command = ["-m", "mlflow", "server", "--backend-store-uri", address, "--host", "127.0.0.1", "--workers", "1"]
    os.execv(sys.executable, [sys.executable, *command, "--port", str(port)])
