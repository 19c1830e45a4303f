"""Data sources: each module in this folder is a source, and its function `load` returns the images.

The keyword-only parameters of `load` are the options of the source. `REQUIREMENT` names the package to install, if the
source needs one. A source that reads files of the user also has a function `watched` with the same options, which
returns these files.
"""

from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from pipeline.config.options import checked_options
from pipeline.data.images import LabelledImages
from pipeline.data.user_paths import user_path
from pipeline.errors import UserError, unknown


def source_names() -> list[str]:
    """The names of all sources, sorted.

    >>> "folder" in source_names()
    True
    """
    folder = Path(__file__).parent
    return sorted(file.stem for file in folder.glob("*.py") if file.stem != "__init__")


def load_images(source: str, options: Mapping[str, Any]) -> LabelledImages:
    """Load the images of a source.

    Raises:
        UserError: the source is unknown, an option is invalid, or a package is missing.
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
    except OSError as problem:
        if not isinstance(problem.filename, str) or not _is_among(problem.filename, options):
            raise
        raise UserError(
            f"'{problem.filename}' cannot be read ({problem.strerror}). If the images were changed meanwhile, run the "
            "same command again."
        ) from None
    return images


def _is_among(file: str, options: Mapping[str, Any]) -> bool:
    """Whether a file belongs to the user's images, and not to the cache."""
    folders = [user_path(options[name]).absolute() for name in ("path", "root") if options.get(name)]
    return any(Path(file).absolute().is_relative_to(folder) for folder in folders)


def watched_files(source: str, options: Mapping[str, Any]) -> list[tuple[str, int, int]]:
    """Name, size in bytes and modification time in nanoseconds of the user's files that a source reads, if any."""
    if source not in source_names():
        return []
    watched = getattr(import_module(f"pipeline.data.sources.{source}"), "watched", None)
    if watched is None:
        return []
    states = []
    for file in watched(**options):
        with suppress(FileNotFoundError):  # deleted since it was listed
            state = file.stat()
            states.append((str(file), state.st_size, state.st_mtime_ns))
    return states
