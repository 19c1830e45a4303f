"""What the tests of the project's structure share: which module imports which, read from the source."""

import ast
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def module_name(file: Path) -> str:
    name = ".".join(file.relative_to(ROOT).with_suffix("").parts)
    return name.removesuffix(".__init__")


FILES = {module_name(file): file for file in sorted((ROOT / "pipeline").rglob("*.py"))}


def imported_names(file: Path, *, at_start: bool = False) -> set[str]:
    """Every module name that a file imports, anywhere in it, or only when it is imported itself."""
    tree = ast.parse(file.read_text())
    nodes = _run_at_import(tree) if at_start else ast.walk(tree)
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{name.name}" for name in node.names}
        elif isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
    return found


def _run_at_import(tree: ast.Module):
    for node in tree.body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node


@pytest.fixture(scope="session")
def ours() -> dict[str, set[str]]:
    """For each module of the pipeline, the modules of the pipeline that it imports."""
    return {name: (imported_names(file) & set(FILES)) - {"pipeline"} for name, file in FILES.items()}


@pytest.fixture(scope="session")
def importers() -> Callable[..., set[str]]:
    """The modules of the pipeline that import a package, anywhere or at their start."""

    def find(package: str, *, at_start: bool = False) -> set[str]:
        return {
            name
            for name, file in FILES.items()
            if any(one.split(".")[0] == package for one in imported_names(file, at_start=at_start))
        }

    return find


@pytest.fixture(scope="session")
def closure(ours) -> Callable[[str], set[Path]]:
    """The files of all modules that a module needs, itself included, directly or through others."""

    def files(module: str) -> set[Path]:
        seen: set[str] = set()
        waiting = [module]
        while waiting:
            name = waiting.pop()
            if name not in seen:
                seen.add(name)
                waiting += ours[name]
        return {FILES[name].relative_to(ROOT) for name in seen}

    return files


@dataclass(frozen=True)
class Stage:
    """A stage of the project's dvc.yaml as DVC resolves it, for the model that comes first."""

    model: str
    params: dict[str, list[str]]
    deps: set[Path]


@pytest.fixture(scope="session")
def stages() -> dict[str, Stage]:
    from dvc.dependency.param import ParamsDependency
    from dvc.repo import Repo

    found: dict[str, Stage] = {}
    with Repo(str(ROOT)) as repo:
        for stage in repo.index.stages:
            # A study under reports/ has a dvc.yaml of its own.
            if stage.path_in_repo != "dvc.yaml":
                continue
            name, _, model = stage.addressing.partition("@")
            params = {
                str(Path(dep.fs_path).relative_to(ROOT)): list(dep.params)
                for dep in stage.deps
                if isinstance(dep, ParamsDependency)
            }
            deps = {Path(dep.fs_path).relative_to(ROOT) for dep in stage.deps if not isinstance(dep, ParamsDependency)}
            found.setdefault(name, Stage(model, params, deps))
    return found
