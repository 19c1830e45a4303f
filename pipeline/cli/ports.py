"""The port of a server on 127.0.0.1, as an option of a command."""

import socket

from pipeline.errors import UserError


def port(text: str) -> int:
    """Read the value of `--port`.

    Raises:
        UserError: it is not a port number.
    """
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535):
        raise UserError(f"`--port` must be an integer from 1 to 65535. Received {text!r}.")
    return int(text)


def check_free(number: int, command: str) -> None:
    """Check that a server can use a port. Servers would report that below other messages.

    Raises:
        UserError: another program uses the port, or it needs other rights.
    """
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", number))
        except OSError as problem:
            raise UserError(
                f"Port {number} of 127.0.0.1 cannot be used ({problem.strerror}): end the other server, or choose "
                f"another port with `{command} --port NUMBER`."
            ) from None
