"""Serve the MLflow UI for the project's store, and print links to the compared models."""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib.metadata import entry_points

from pipeline.cli.ports import check_free, port
from pipeline.cli.usage import parsed
from pipeline.comparison.choice_file import read_choice
from pipeline.config.reading import read_comparison
from pipeline.console import say
from pipeline.errors import UserError
from pipeline.storage.folders import CARD, CHAMPION, CHOICE, REPORT
from pipeline.tracking import views
from pipeline.tracking.address import shown_address, store_address
from pipeline.tracking.names import CHARTS_VIEW, SIDE_BY_SIDE_VIEW, TABLE_VIEW
from pipeline.tracking.published import Published, recall, remember

APP = "convtrack"
"""The entry point of `pipeline.tracking.ui_server` in pyproject.toml."""


def parser() -> argparse.ArgumentParser:
    """The arguments of the command."""
    command = argparse.ArgumentParser("convtrack ui", description=__doc__)
    command.add_argument("--port", type=port, default=5000, help="port on 127.0.0.1 (default: 5000)")
    command.add_argument("--link", action="store_true", help="print the links to report and runs, and serve nothing")
    return command


def main(arguments: Sequence[str]) -> None:
    """Print the links, then replace this process by MLflow's server on 127.0.0.1, unless `--link` is given."""
    options = parsed(parser().parse_args, arguments, help_command="convtrack ui --help")
    comparison = read_comparison()
    address = shown_address()
    remote = address.startswith("http")
    if remote and not options.link:
        raise UserError(f"MLFLOW_TRACKING_URI is a server: open {address} in a browser.")
    if not options.link:
        _check_installed()
        check_free(options.port, "convtrack ui")
    models = (*comparison.models, *comparison.baselines)
    published = recall(comparison.data, models) or _find_published(comparison.data, models)
    server = address.rstrip("/") if remote else f"http://127.0.0.1:{options.port}"
    if options.link:
        say(f"Report: {REPORT}")
        say(_champion())
        say("Runs:" if remote else "Runs (start the server with `make ui`):")
    for line in _links(published, models, server):
        say(line)
    if not options.link:
        _serve(options.port)


def _champion() -> str:
    """Where the packaged network is."""
    file = CHAMPION / CHOICE.name
    if not file.is_file():
        return "Champion: none yet (`dvc repro package`)"
    choice = read_choice(file)
    if choice["model"] is None:
        return f"Champion: none (`convtrack champion`); model card: {CARD}"
    return f"Champion: {choice['model']} in {CHAMPION}/ (`convtrack champion`); model card: {CARD}"


def _check_installed() -> None:
    """Raise `UserError` if the environment was made before MLflow could find this project's application in it."""
    if not entry_points(group="mlflow.app", name=APP):
        raise UserError(
            "The installed package is older than this code: MLflow does not find its application `convtrack`. "
            "Start the server with `make ui`, which installs the package again; without make, run "
            "`pip install --no-deps -e .` in the environment, or with uv `uv pip install --no-deps -e .`."
        )


def _find_published(data: str, models: Sequence[str]) -> Published:
    """Find the models in the store with MLflow, and remember them if all are there."""
    from pipeline.tracking.publish.comparison import published_runs  # slow: imports MLflow
    from pipeline.tracking.tracker import Tracker

    tracker = Tracker.open(data)
    published = Published(tracker.experiment, published_runs(tracker, models))
    if len(published.runs) == len(models):
        remember(data, published)
    return published


def _links(published: Published, models: Sequence[str], server: str) -> list[str]:
    """A line for each page of the MLflow UI that shows the models."""
    experiment = published.experiment
    lines = [
        f"  models as a table      {views.view_page(experiment, TABLE_VIEW, server)}",
        f"  models as charts       {views.view_page(experiment, CHARTS_VIEW, server, charts=True)}",
        f"  models side by side    {views.view_page(experiment, SIDE_BY_SIDE_VIEW, server, charts=True)}",
    ]
    missing = len(models) - len(published.runs)
    if missing:
        lines.append(f"  {missing} of {len(models)} models are not in this store; `convtrack publish` adds them")
    return lines


def _serve(port: int) -> None:
    # The workers that run jobs for language models would take a gigabyte.
    os.environ.setdefault("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
    # MLflow also allows names such as 10.example.org, which their owner can lead to 127.0.0.1.
    os.environ.setdefault("MLFLOW_SERVER_ALLOWED_HOSTS", "localhost,localhost:*,127.0.0.1,127.0.0.1:*")
    # Not as an argument: an address may hold a password, and all users of a machine can read arguments of processes.
    os.environ["MLFLOW_BACKEND_STORE_URI"] = store_address()
    # A worker takes 245 MB; one is enough for one user.
    command = ["-m", "mlflow", "server", "--app-name", APP, "--workers", "1"]
    os.execv(sys.executable, [sys.executable, *command, "--host", "127.0.0.1", "--port", str(port)])
