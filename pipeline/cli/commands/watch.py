"""Show trainings in the browser: while they run, and finished ones as a replay."""

import argparse
import webbrowser
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from pipeline.cli.ports import check_free, port
from pipeline.cli.usage import parsed
from pipeline.config.reading import CONF, choices_of
from pipeline.console import say
from pipeline.counts import number_of
from pipeline.errors import UserError, unknown
from pipeline.watch.watch_server import Find, WatchServer
from pipeline.watch.watched_trainings import WatchedModel, watched_models


def parser() -> argparse.ArgumentParser:
    """The arguments of the command."""
    command = argparse.ArgumentParser("convtrack watch", description=__doc__)
    command.add_argument(
        "which",
        nargs="?",
        metavar="MODEL or FOLDER",
        help="a model, or a run folder such as runs/MODEL (default: all trainings)",
    )
    command.add_argument("--port", type=port, default=5002, help="port on 127.0.0.1 (default: 5002)")
    command.add_argument("--no-open", action="store_true", help="do not open the page in a browser")
    return command


def main(arguments: Sequence[str]) -> None:
    """Serve the page until Ctrl-C."""
    options = parsed(parser().parse_args, arguments, help_command="convtrack watch --help")
    find = _found(options.which)
    check_free(options.port, "convtrack watch")
    server = WatchServer(options.port, find)
    say(f"Page: {server.address} (Ctrl-C ends the server)")
    say(_summary(find()))
    if not options.no_open:
        webbrowser.open(server.address)
    with server, suppress(KeyboardInterrupt):
        server.serve_forever()


def _summary(models: Sequence[WatchedModel]) -> str:
    if not models:
        return "Nothing has been trained yet: run `dvc repro` or `convtrack experiment` in another terminal."
    running = sum(model.state == "running" for model in models)
    return f"{number_of(len(models), 'model')} with trainings, {running or 'none'} running"


def _found(which: str | None) -> Find:
    """What finds the trainings that the argument names.

    Raises:
        UserError: it is neither a model nor a folder with trainings, or the working directory is not a project.
    """
    # A name that is also a folder, such as that of a model in another project, is a folder only with a separator.
    if which is not None and Path(which).is_dir() and which not in choices_of("model"):
        folder = Path(which)
        if not watched_models(folder=folder):
            raise UserError(f"Folder '{which}' contains no training: name a run folder, such as runs/MODEL.")
        return partial(watched_models, folder=folder)
    if not CONF.is_dir():
        raise UserError(f"{CONF}/ does not exist here: run this command in the folder of the project.")
    if which is None:
        return watched_models
    if which not in choices_of("model") and not watched_models(model=which):
        raise unknown("model", which, choices_of("model"))
    return partial(watched_models, model=which)
