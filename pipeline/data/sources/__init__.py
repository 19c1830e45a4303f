"""Images by the name of their source: a file in `pipeline/data/sources/` whose `load` takes the options.

A source that reads files of the user's tells them by a function `watched` with the same options.
"""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from pipeline.config.options import checked_options
from pipeline.data.images import LabelledImages
from pipeline.errors import UserError, unknown


def source_names() -> list[str]:
    """The sources there are, in alphabetical order.

    >>> "folder" in source_names()
    True
    """
    folder = Path(__file__).parent
    return sorted(file.stem for file in folder.glob("*.py") if file.stem != "__init__")


def load_images(source: str, options: Mapping[str, Any]) -> LabelledImages:
    """The images of a source.

    Raises `UserError` for an unknown source, options that its `load` does not take, or a package that is missing.
    """
    if source not in source_names():
        raise unknown("data source", source, source_names())
    module = import_module(f"pipeline.data.sources.{source}")
    arguments = checked_options(f"data source {source}", module.load, options)
    try:
        images: LabelledImages = module.load(**arguments)
    except ModuleNotFoundError as error:
        requirement = getattr(module, "REQUIREMENT", None)
        if requirement is None:
            raise
        raise UserError(
            f"Data source '{source}' needs the package '{error.name}', which is not installed: "
            f"run `pip install {requirement}`."
        ) from error
    return images


def watched_files(source: str, options: Mapping[str, Any]) -> list[tuple[str, int, int]]:
    """Name, size and time of change of the files that a source reads, if it reads files of the user's."""
    if source not in source_names():
        return []
    watched = getattr(import_module(f"pipeline.data.sources.{source}"), "watched", None)
    if watched is None:
        return []
    return [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in watched(**options)]
