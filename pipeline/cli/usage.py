"""Turn the errors of argparse into a `UserError`."""

import argparse
import io
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr

from pipeline.errors import UserError


def parsed(
    parse: Callable[[Sequence[str]], argparse.Namespace], arguments: Sequence[str], *, help_command: str
) -> argparse.Namespace:
    """The result of a method of a parser, such as `parse_args`.

    `help_command` is the command that describes the arguments.

    Raises:
        UserError: the arguments are invalid.
    """
    output = io.StringIO()
    try:
        with redirect_stderr(output):
            return parse(arguments)
    except SystemExit as end:
        if not end.code:  # after `--help`
            raise
    reason = output.getvalue().rpartition(": error: ")[2].strip()
    raise UserError(f"Invalid arguments: {reason}. Use arguments that `{help_command}` describes.")
