"""The environment of a training in a form that people can read: versions, the kind of processor, and threads.

The fingerprint of a result covers it, but does not show it.
"""

import platform
from importlib.metadata import version
from typing import Any

from pipeline.training.devices import gpus, processor
from pipeline.training.task import FRAMEWORKS


def training_environment(threads: int) -> dict[str, Any]:
    """The environment of this process; results have the same bits only in the same one.

    `device` is `gpu` or the kind of processor, `versions` are those of the frameworks by name.
    """
    return {
        "versions": {name: version(name) for name in FRAMEWORKS},
        "device": "gpu" if gpus() else processor(),
        "threads": threads,
        "python": platform.python_version(),
    }
