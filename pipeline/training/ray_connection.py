"""The connection to a Ray cluster, for replicates and for the trials of a sweep."""

import os
import signal
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pipeline.errors import UserError

PATIENCE = 5.0
"""Seconds in which the head node must accept a connection."""


def connect_to_ray(settings: Mapping[str, Any]) -> Any:
    """Connect to a Ray cluster, or start one on this machine if `settings` have no address; return the module `ray`.

    `settings` are arguments of `ray.init`.

    Raises:
        UserError: Ray is not installed, or the cluster does not accept the connection.
    """
    address = settings.get("address") or "this machine"
    _check_reachable(address)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if _token_file().is_file():
        # A cluster started with a token requires it, but Ray sends it only in this mode.
        os.environ.setdefault("RAY_AUTH_MODE", "token")
    try:
        import ray
    except ModuleNotFoundError:
        raise UserError(
            "A Ray cluster needs the package 'ray', which is not installed: pip install -e '.[ray]'."
        ) from None
    handler = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(**{"log_to_driver": False, "logging_level": "warning", **settings})
    except (ConnectionError, RuntimeError, ValueError) as problem:
        raise _not_connected(address, " ".join(str(problem).split())[:200]) from None
    signal.signal(signal.SIGTERM, handler)  # Ray installs its own handler.
    return ray


def _token_file() -> Path:
    with suppress(RuntimeError):  # A user without a home folder.
        return Path.home() / ".ray" / "auth_token"
    return Path(os.devnull)


def _check_reachable(address: str) -> None:
    """Raise a UserError if nothing listens at HOST:PORT: Ray would end the whole process after a minute."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        return
    try:
        # An address of IPv6 has brackets only before a port.
        socket.create_connection((host.removeprefix("[").removesuffix("]"), int(port)), timeout=PATIENCE).close()
    except UnicodeError:
        raise _not_connected(address, f"'{host}' cannot be the name of a machine") from None
    except (OSError, OverflowError, ValueError) as problem:
        raise _not_connected(address, str(problem)) from None


def _not_connected(address: str, reason: str) -> UserError:
    return UserError(
        f"Cannot connect to Ray at {address} ({reason}). Start the cluster with `ray start`, on this machine, too. If "
        "the cluster requires a token, set RAY_AUTH_MODE=token."
    )
