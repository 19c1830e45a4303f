"""Provenance of a result: the commit, local changes and package versions."""

import subprocess
from importlib.metadata import version

CODE = ("pipeline", "hydra_plugins", "conf", "dvc.yaml", "requirements.lock")
PACKAGES = ("tensorflow", "keras", "numpy", "scikit-learn", "mlflow", "dvc", "hydra-core")

READ_ANY_OWNER = ("-c", "safe.directory=*", "-c", "core.fsmonitor=false")
"""Accept a repository of another user, as in a container, which git calls "dubious": reading it runs no program."""


def commit() -> str:
    """Return the checked-out commit, or `none` outside a repository."""
    return _git("rev-parse", "HEAD") or "none"


def dirty() -> bool:
    """Return whether code or configuration differ from the checked-out commit; files that runs write do not count."""
    return bool(_git("status", "--porcelain", "--", *CODE))


def versions() -> dict[str, str]:
    """Return the installed versions of the packages that influence a result."""
    return {name: version(name) for name in PACKAGES}


def _git(*arguments: str) -> str:
    try:
        process = subprocess.run(["git", *READ_ANY_OWNER, *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return process.stdout.strip() if process.returncode == 0 else ""
