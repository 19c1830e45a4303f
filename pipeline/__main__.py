"""The commands: `convtrack COMMAND [overrides]`, or `python -m pipeline COMMAND …`."""

import io
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module

from pipeline.cli import composing, messages
from pipeline.cli.composing import HYDRA_COMMANDS
from pipeline.errors import unknown

PLAIN_COMMANDS: Mapping[str, str] = {
    "describe": "pipeline.cli.commands.describe",
    "compare": "pipeline.cli.commands.compare",
    "adopt": "pipeline.cli.commands.adopt",
    "study": "pipeline.cli.commands.study",
    "publish": "pipeline.cli.commands.publish",
    "clean": "pipeline.cli.commands.clean",
    "ui": "pipeline.cli.commands.ui",
}


def main() -> None:
    """Run the command that the command line names; a mistake of the user's ends in one sentence and exit code 1."""
    signal.signal(signal.SIGTERM, _terminated)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # A terminal without × is no reason to stop.
    try:
        try:
            _run(sys.argv[1:])
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        _fail("Interrupted. The same command goes on from the last finished epoch.", 130)
    except BrokenPipeError:
        # Whoever read what is printed here, such as `head`, has seen enough; Python would complain of it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as problem:
        message = messages.sentence(problem)
        if message is None:
            raise
        _fail(message, 1)


def _run(arguments: Sequence[str]) -> None:
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_overview())
        return
    command, *rest = arguments
    if command in PLAIN_COMMANDS:
        import_module(PLAIN_COMMANDS[command]).main(rest)
    elif command in HYDRA_COMMANDS:
        composing.run(command, rest)
    else:
        raise unknown("command", command, [*HYDRA_COMMANDS, *PLAIN_COMMANDS])


def _overview() -> str:
    modules = {name: command.module for name, command in HYDRA_COMMANDS.items()} | dict(PLAIN_COMMANDS)
    lines = [f"  {name:<11} {_summary(module)}" for name, module in modules.items()]
    return "\n".join(
        [
            "convtrack COMMAND [overrides]: which network should I use on these images, and how sure can I be?",
            "",
            *lines,
            "",
            "`convtrack COMMAND --help` says more. The whole comparison: `dvc repro`, or `make repro`.",
        ]
    )


def _summary(module: str) -> str:
    """The first line of what a command says of itself."""
    return composing.description(module).splitlines()[0]


def _terminated(*_: object) -> None:
    raise KeyboardInterrupt


def _fail(message: str, code: int) -> None:
    print(f"convtrack: {message}", file=sys.stderr, flush=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
