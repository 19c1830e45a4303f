"""Fixtures of the structure tests: the imports of every module, read from the source, and the stages of dvc.yaml."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.storage.imports import PACKAGES, ROOT, imported_modules, imported_names, module_file

MODULES = sorted(
    ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for package in PACKAGES
    for file in (ROOT / package).rglob("*.py")
)


@pytest.fixture(scope="session")
def imports() -> dict[str, set[str]]:
    """For each module of this project, the modules of this project that it imports, at its start or in a function."""
    return {module: imported_modules(module) for module in MODULES if module not in PACKAGES}


@pytest.fixture(scope="session")
def importers() -> Callable[..., set[str]]:
    """Return the modules of this project that import a library, anywhere or at their start."""

    def find(library: str, *, at_start: bool = False) -> set[str]:
        return {
            module
            for module in MODULES
            if any(
                name.partition(".")[0] == library
                for name in imported_names(module_file(module).read_text(), at_start=at_start)
            )
        }

    return find


@dataclass(frozen=True)
class Stage:
    """A stage of the project's dvc.yaml as DVC resolves it, for the first item of its matrix, a model or a baseline."""

    item: str
    params: dict[str, list[str]]
    deps: set[Path]


@pytest.fixture(scope="session")
def stages() -> dict[str, Stage]:
    from dvc.dependency.param import ParamsDependency
    from dvc.repo import Repo

    found: dict[str, Stage] = {}
    with Repo(str(ROOT)) as repo:
        for stage in repo.index.stages:
            # Each study under reports/ has its own dvc.yaml.
            if stage.path_in_repo != "dvc.yaml":
                continue
            name, _, item = stage.addressing.partition("@")
            params = {
                str(Path(dep.fs_path).relative_to(ROOT)): list(dep.params)
                for dep in stage.deps
                if isinstance(dep, ParamsDependency)
            }
            deps = {Path(dep.fs_path).relative_to(ROOT) for dep in stage.deps if not isinstance(dep, ParamsDependency)}
            found.setdefault(name, Stage(item, params, deps))
    return found
