"""Write the source files that each DVC stage depends on into `dvc.yaml`: `make deps`.

A stage depends on every module that it imports, directly or through others, and on those that compose its
configuration. Dependencies that are not source code are left as they are. A folder stands for all of its modules
where the stage imports each of them, and brings its templates along.
"""

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from pipeline.storage.imports import ROOT, import_closure, module_file

FOUND_BY_NAME = {
    "prepare": [Path("pipeline/data/sources")],
    "source": [Path("pipeline/architectures"), Path("pipeline/layers")],
    "train": [Path("pipeline/layers")],
    "evaluate": [Path("pipeline/layers")],
}
"""Folders whose modules a stage imports by a name that stands in the configuration or in a network's JSON."""


def source_dependencies(stage: str) -> list[str]:
    """The source files and folders that a stage depends on, sorted."""
    composing = import_closure(["pipeline.cli.composing"], at_start=True)
    modules = import_closure([f"pipeline.stages.{stage}"]) | composing
    files = {file.relative_to(ROOT) for module in modules if (file := module_file(module)) is not None}
    for folder in FOUND_BY_NAME.get(stage, []):
        files |= _modules(folder)
    # A package's docstring computes nothing: `__init__.py` counts only where it holds code.
    files = {file for file in files if file.name != "__init__.py" or _has_code(file)}
    return sorted(str(path) for path in _collapsed(files))


def _modules(folder: Path) -> set[Path]:
    return {file.relative_to(ROOT) for file in (ROOT / folder).rglob("*.py")}


def _has_code(file: Path) -> bool:
    return "import" in (ROOT / file).read_text(encoding="utf-8")


def _collapsed(files: set[Path]) -> set[Path]:
    """Replace the files of a folder by the folder wherever all of its modules are among them."""
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
    """The content of `dvc.yaml` with the source dependencies of every stage as the code has them."""
    for stage, definition in pipeline["stages"].items():
        others = [dep for dep in definition["deps"] if not dep.startswith("pipeline/")]
        before, after = (
            [dep for dep in others if dep.startswith("data/")],
            [dep for dep in others if not dep.startswith("data/")],
        )
        definition["deps"][:] = [*before, *source_dependencies(stage), *after]
    return pipeline


def main() -> None:
    """Rewrite `dvc.yaml` in place; comments stay."""
    yaml = YAML()
    yaml.width = 120
    yaml.indent(mapping=2, sequence=4, offset=2)
    file = ROOT / "dvc.yaml"
    pipeline = with_source_dependencies(yaml.load(file))
    with file.open("w", encoding="utf-8") as stream:
        yaml.dump(pipeline, stream)


if __name__ == "__main__":
    main()
