"""Let DVC watch the user's images: data/watched.yaml gives `dvc.yaml` the paths that the stage `prepare` depends on.

DVC cannot read these paths from the configuration of the data, because its `vars` are files with fixed names.
`make repro` starts with `convtrack repair`, which updates the file; with `dvc repro` alone, the stage `prepare` updates
it for the next time.
"""

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml
from ruamel.yaml.error import YAMLError

from pipeline.config.reading import CONF, parse_yaml, read_comparison
from pipeline.data.sources import source_names
from pipeline.data.user_paths import user_path
from pipeline.errors import UserError
from pipeline.storage.files import replacing
from pipeline.storage.folders import NETWORKS, PREPARED, REPORTS, RUNS, WATCHED, cache_folder
from pipeline.storage.home import home

NOTHING = "data/README.md"
"""DVC needs a path even if the images come from a package. This file does not change."""


def watch(source: str, options: Mapping[str, Any]) -> bool:
    """Write the paths of a source for DVC. Returns whether the file named other paths before."""
    paths = watched_paths(source, options)
    if _names(paths):
        return False
    with replacing(WATCHED) as unfinished:
        unfinished.write_text(
            "# The paths of the configured images, which dvc.yaml reads. Do not edit: `make repro` and the stage\n"
            "# `prepare` update this file.\n" + yaml.safe_dump({"watched": paths}, sort_keys=False, allow_unicode=True),
            encoding="utf-8",
        )
    return True


def _names(paths: Mapping[str, str]) -> bool:
    """Whether the file for DVC names these paths; a damaged one does not."""
    try:
        return bool(parse_yaml(WATCHED.read_text(encoding="utf-8")) == {"watched": paths})
    except (OSError, ValueError, YAMLError):
        return False


def watched_paths(source: str, options: Mapping[str, Any]) -> dict[str, str]:
    """The file or folder at `path`, and the folder at `root` if the source has that option.

    A path inside the project is relative, so that a clone in another folder watches its own files.
    """
    if source not in source_names() or not hasattr(import_module(f"pipeline.data.sources.{source}"), "watched"):
        return {"path": NOTHING, "root": NOTHING}
    path = user_path(options["path"])
    pictures = user_path(options["root"]) if options.get("root") else path
    if source == "table" and not options.get("root"):
        pictures = path.parent
    return {"path": project_path(path), "root": project_path(pictures)}


def check_apart(paths: Iterable[str | Path]) -> None:
    """Check that no results of the project are below these paths: DVC would find changes after each run.

    Raises:
        UserError: a path contains the project or results, or is among them.
    """
    project = Path.cwd().resolve()
    results = [project / folder for folder in (PREPARED, NETWORKS, RUNS, REPORTS, cache_folder())]
    for path in paths:
        full = Path(path).resolve()
        if any(full.is_relative_to(folder) or folder.is_relative_to(full) for folder in results):
            raise UserError(
                f"'{path}' contains files that this project writes, or is one of them: move the images, and a table "
                "that lists them, to a folder of their own, such as data/images."
            )


def linked_folders(source: str, options: Mapping[str, Any]) -> list[str]:
    """Links to folders below the watched folders, sorted. DVC does not look into them."""
    roots = {*watched_paths(source, options).values()} - {NOTHING}
    found = {
        Path(folder, name).as_posix()
        for root in roots
        for folder, names, _ in os.walk(user_path(root))
        for name in names
        if Path(folder, name).is_symlink()
    }
    return sorted(found)


def project_path(path: Path) -> str:
    """A path relative to the project if it is inside, else absolute."""
    full = Path(os.path.normpath(path.absolute()))
    inside = (folder for folder in (Path.cwd(), home().absolute()) if full.is_relative_to(folder))
    folder = next(inside, None)
    return (full if folder is None else full.relative_to(folder)).as_posix()


def watch_comparison() -> None:
    """Watch the images of the comparison. The stage `prepare` reports mistakes in the configuration."""
    with suppress(UserError, YAMLError, OSError, LookupError, TypeError):
        content = parse_yaml((CONF / "data" / f"{read_comparison().data}.yaml").read_text(encoding="utf-8"))
        paths = watched_paths(content["source"], content["options"])
        check_apart(paths.values())
        if all(Path(path).exists() for path in paths.values()):
            watch(content["source"], content["options"])
