"""How long the commands of stages took last time, by their arguments. DVC does not record it."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress

from pipeline.storage.files import write_json
from pipeline.storage.folders import cache_folder

FILE = "durations.json"
"""The name of the file in the cache."""


def record_duration(arguments: Sequence[str], seconds: float) -> None:
    """Record the seconds of a finished command. A file that cannot be written is no reason to fail."""
    with suppress(OSError):
        write_json(cache_folder() / FILE, {**read_durations(), " ".join(arguments): round(seconds, 1)})


def read_durations() -> Mapping[str, float]:
    """The seconds of the last run of each command, by its arguments joined by blanks."""
    try:
        held = json.loads((cache_folder() / FILE).read_text(encoding="utf-8"))
        return {str(command): float(seconds) for command, seconds in held.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
