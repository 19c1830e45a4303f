"""Commands in a PID namespace of their own, as in a container."""

import subprocess
from pathlib import Path

import pytest

UNSHARE = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc")


def in_container(*command: str, cwd: Path | None = None, code: int = 0) -> str:
    """Return what a command prints as process 1 of a new PID namespace; it must end with this exit code."""
    try:
        allowed = subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        allowed = False
    if not allowed:
        pytest.skip("this system does not allow PID namespaces")
    ended = subprocess.run([*UNSHARE, *command], cwd=cwd, capture_output=True, text=True, check=False)
    assert ended.returncode == code, ended.stderr
    return ended.stdout
