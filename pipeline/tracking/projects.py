"""Which experiment and which registered model of a store belong to this project.

Several projects may use one server with the same data name, and their pictures, models and settings differ. An
experiment or a registered model belongs to the project that created it. If its name is taken by another project, this
project uses the same name with its own name appended, such as `photos-3f2a90c1`. The default store belongs to one
project.

This module does not import MLflow, which takes a second.
"""

import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.config.tracking_file import PROJECT_NAME, read_tracking
from pipeline.errors import UserError
from pipeline.storage.files import replacing
from pipeline.storage.folders import cache_folder
from pipeline.tracking.address import is_default_store
from pipeline.tracking.names import PROJECT


def name_file() -> Path:
    """The random name of a project without a name in conf/tracking.yaml. It moves with the folder of the project."""
    return cache_folder() / "project"


def project_name() -> str:
    """The name that identifies this project.

    Raises:
        UserError: conf/tracking.yaml is invalid, or the file with the name is damaged.
    """
    chosen = read_tracking().project
    if chosen is not None:
        return chosen
    file = name_file()
    try:
        name = file.read_bytes().decode("ascii", "replace").strip()
    except FileNotFoundError:
        return _new_name()
    except IsADirectoryError:
        name = ""
    if not re.fullmatch(PROJECT_NAME, name):
        # A new name would silently part the project from its experiments.
        raise UserError(
            f"{file} is damaged: it must hold the name of this project, 1 to 60 letters, digits, `_` or `-`. Restore "
            "it, set `project` in conf/tracking.yaml to the name that the experiment has in the tag "
            f"`{PROJECT}`, or delete it to begin new experiments."
        )
    return name


def _new_name() -> str:
    name = secrets.token_hex(4)
    name_file().parent.mkdir(exist_ok=True)
    with replacing(name_file()) as unfinished:
        unfinished.write_text(f"{name}\n", encoding="ascii")
    return name


def experiment_name(data: str) -> str:
    """The name of the experiment of a data set, unless another project has taken it."""
    return os.environ.get("MLFLOW_EXPERIMENT_NAME") or read_tracking().experiment or data


def own_name(name: str, tags: Mapping[str, str]) -> str:
    """The name for this project, if what has this name in the store has these tags; no tags if nothing has it.

    Without an owner it belongs to this project: it is new, or an earlier version created it.
    """
    if is_default_store():
        return name
    owner = tags.get(PROJECT)
    return name if owner is None or owner == project_name() else f"{name}-{project_name()}"


def find_experiment(client: Any, data: str) -> tuple[str, Any]:
    """The name of this project's experiment of a data set, and the experiment, None if it is missing.

    `client` is a client of MLflow.
    """
    name = experiment_name(data)
    found = client.get_experiment_by_name(name)
    own = own_name(name, found.tags if found is not None else {})
    return own, (found if own == name else client.get_experiment_by_name(own))
