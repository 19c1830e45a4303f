"""Write the source files that each DVC stage depends on into `dvc.yaml` and `reports/*/dvc.yaml`: `make deps`.

A stage depends on every module that it imports, directly or through other modules. A stage of the comparison also
depends on the modules that compose its configuration. If a stage imports all modules of a folder, the folder is listed
instead, with its templates. Other dependencies and comments are kept.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from pipeline.cli.commands.study import study_module
from pipeline.storage.imports import ROOT, import_closure, module_file

FOUND_BY_NAME = {
    "prepare": [Path("pipeline/data/sources")],
    "build": [Path("pipeline/architectures"), Path("pipeline/layers")],
    "train": [Path("pipeline/layers"), Path("pipeline/training")],
    "evaluate": [Path("pipeline/layers")],
    "interpret": [Path("pipeline/layers")],
    "package": [Path("pipeline/layers")],
    "baseline": [Path("pipeline/baselines")],
}
"""Folders whose modules a stage imports by a name: in its configuration, in a network's JSON or for its workers."""

TRAININGS = "pipeline.studies.trainings"
FOUND_BY_TRAININGS = [folder for stage in ("prepare", "build", "train") for folder in FOUND_BY_NAME[stage]]
"""The same for a study that trains networks, which imports `TRAININGS`."""


def source_dependencies(stage: str) -> list[str]:
    """Return the source files and folders that a stage of the comparison depends on, sorted."""
    composing = import_closure(["pipeline.cli.composing"], at_start=True)
    folders = FOUND_BY_NAME.get(stage, [])
    return _paths(import_closure([f"pipeline.stages.{stage}", *_names(folders)]) | composing, folders)


def study_dependencies(name: str) -> list[str]:
    """Return the source files and folders that a study depends on, sorted."""
    own = ["pipeline.cli.commands.study", study_module(name)]
    folders = FOUND_BY_TRAININGS if TRAININGS in import_closure(own) else []
    return _paths(import_closure([*own, *_names(folders)]), folders)


def _names(folders: Iterable[Path]) -> list[str]:
    """The names of all modules of these folders."""
    by_name = [".".join(file.with_suffix("").parts) for folder in folders for file in sorted(_modules(folder))]
    return [name.removesuffix(".__init__") for name in by_name]


def _paths(modules: Iterable[str], folders: Iterable[Path] = ()) -> list[str]:
    files = {file.relative_to(ROOT) for module in modules if (file := module_file(module)) is not None}
    for folder in folders:
        files |= _modules(folder)
    # An `__init__.py` with only a docstring does not affect results.
    files = {file for file in files if file.name != "__init__.py" or _has_code(file)}
    return sorted(str(path) for path in _collapsed(files))


def _modules(folder: Path) -> set[Path]:
    return {file.relative_to(ROOT) for file in (ROOT / folder).rglob("*.py")}


def _has_code(file: Path) -> bool:
    return "import" in (ROOT / file).read_text(encoding="utf-8")


def _collapsed(files: set[Path]) -> set[Path]:
    """Replace the files of a folder by the folder if all of its modules are among them."""
    folders = {parent for file in files for parent in file.parents if parent.parts[:1] == ("pipeline",)}
    whole = {
        folder
        for folder in folders
        if len(folder.parts) > 1
        and {file for file in _modules(folder) if file.name != "__init__.py" or _has_code(file)} <= files
    }
    outermost = {folder for folder in whole if not whole & set(folder.parents)}
    return outermost | {file for file in files if not outermost & set(file.parents)}


def with_source_dependencies(pipeline: dict[str, Any]) -> dict[str, Any]:
    """Return the content of `dvc.yaml` with the current source dependencies of every stage."""
    for stage, definition in pipeline["stages"].items():
        _replace_sources(definition["deps"], source_dependencies(stage))
    return pipeline


def with_study_dependencies(study: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the content of `reports/NAME/dvc.yaml` with the current source dependencies of the study."""
    # Paths are relative to the project folder, which is the working directory (`wdir`) of the stage.
    _replace_sources(study["stages"]["study"]["deps"], study_dependencies(name))
    return study


def _replace_sources(deps: list[str], sources: list[str]) -> None:
    others = [dep for dep in deps if not dep.startswith(("pipeline/", "hydra_plugins/"))]
    before = [dep for dep in others if dep.startswith(("data/", "${watched."))]
    deps[:] = [*before, *sources, *(dep for dep in others if dep not in before)]


def main() -> None:
    """Rewrite `dvc.yaml` and `reports/*/dvc.yaml` in place."""
    yaml = YAML()
    yaml.width = 120
    yaml.indent(mapping=2, sequence=4, offset=2)
    file = ROOT / "dvc.yaml"
    contents = {file: with_source_dependencies(yaml.load(file))}
    for file in sorted((ROOT / "reports").glob("*/dvc.yaml")):
        contents[file] = with_study_dependencies(yaml.load(file), file.parent.name)
    for file, content in contents.items():
        with file.open("w", encoding="utf-8") as stream:
            yaml.dump(content, stream)


if __name__ == "__main__":
    main()
