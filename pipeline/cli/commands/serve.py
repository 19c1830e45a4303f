"""Serve the champion over HTTP: MLflow's scoring server, with a page that classifies a picture."""

import argparse
import os
import sys
from collections.abc import Sequence

from pipeline.cli.model_option import add_model_option
from pipeline.cli.ports import check_free, port
from pipeline.cli.usage import parsed
from pipeline.console import say
from pipeline.deployment.picture_model import read_settings
from pipeline.tracking.model_registry import registered_folder, version_in
from pipeline.tracking.served_model import SERVED_FOLDER, SERVED_VERSION


def parser() -> argparse.ArgumentParser:
    """The arguments of the command."""
    command = argparse.ArgumentParser("convtrack serve", description=__doc__)
    command.add_argument("--port", type=port, default=5001, help="port on 127.0.0.1 (default: 5001)")
    add_model_option(command)
    return command


def main(arguments: Sequence[str]) -> None:
    """Find the model, then replace this process by the server on 127.0.0.1."""
    options = parsed(parser().parse_args, arguments, help_command="convtrack serve --help")
    folder = registered_folder(options.model)
    settings = read_settings(folder)
    check_free(options.port, "convtrack serve")
    version = version_in(folder)
    which = f"version {version} ({options.model})" if version else options.model
    server = f"http://127.0.0.1:{options.port}"
    say(f"Model: {settings['model']} of {settings['data']}, {which}")
    say(f"Page: {server}, in a few seconds")
    say(f"Programs: POST pictures to {server}/invocations (docs/serve.md)")
    os.environ |= {SERVED_FOLDER: str(folder), SERVED_VERSION: which}
    command = ["-m", "uvicorn", "--factory", "pipeline.tracking.model_server:application", "--no-access-log"]
    os.execv(sys.executable, [sys.executable, *command, "--host", "127.0.0.1", "--port", str(options.port)])
