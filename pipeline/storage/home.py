"""The home of a project: the folder with what all its experiments share, which is not under version control.

These are the cache, the MLflow store and untracked images. The home is the current folder, except in an experiment that
DVC runs in a temporary folder (`dvc exp run --temp`, `dvc exp run --queue`). This folder has the files under version
control only, and DVC deletes it at the end. There the home is the project that started the experiment.
"""

import os
from pathlib import Path

EXPERIMENTS = Path(".dvc/tmp/exps")
"""The temporary folders of DVC's experiments are below this folder of a project."""


def home() -> Path:
    """Return the project's home: `.`, or an absolute path in an experiment in a temporary folder."""
    root = os.environ.get("DVC_ROOT")  # DVC sets it for its stages: the project that started the experiment.
    if root is None or not Path.cwd().is_relative_to((Path(root) / EXPERIMENTS).resolve()):
        return Path()
    return Path(root).resolve()


def temporary_experiment() -> str | None:
    """Return the name of the experiment that DVC runs in a temporary folder, None in any other process."""
    return None if home() == Path() else dvc_experiment() or "experiment"


def dvc_experiment() -> str | None:
    """Return the name of the experiment of `dvc exp run` that this process is a stage of, if any."""
    return os.environ.get("DVC_EXP_NAME") or None


def shared_path(path: Path) -> Path:
    """Return a resolved path; one in an experiment's temporary folder becomes the same path in the home."""
    full = path.resolve()
    return home() / full.relative_to(Path.cwd()) if home() != Path() and full.is_relative_to(Path.cwd()) else full
