"""Which modules of this project import which, read from their source without importing them."""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("pipeline", "hydra_plugins")


def module_file(module: str) -> Path | None:
    """The source file of a module of this project, or None for any other name.

    >>> module_file("pipeline.errors").name, module_file("json")
    ('errors.py', None)
    """
    if module.partition(".")[0] not in PACKAGES:
        return None
    path = ROOT.joinpath(*module.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


@cache
def imported_names(source: str, *, at_start: bool = False) -> frozenset[str]:
    """Every dotted name that a module imports; with `at_start`, only the imports that run when it is imported itself.

    >>> sorted(imported_names("from pipeline.layers import geometry"))
    ['pipeline.layers', 'pipeline.layers.geometry']
    """
    tree = ast.parse(source)
    names: set[str] = set()
    for node in _run_at_import(tree) if at_start else ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return frozenset(names)


def imported_modules(module: str, *, at_start: bool = False) -> set[str]:
    """The modules of this project that a module imports; with `at_start`, only when it is imported itself.

    Raises:
        ModuleNotFoundError: there is no such module in this project.
    """
    file = module_file(module)
    if file is None:
        raise ModuleNotFoundError(f"No module {module} in this project.")
    names = imported_names(file.read_text(encoding="utf-8"), at_start=at_start)
    return {name for name in names if module_file(name) is not None} - {module, *PACKAGES}


def import_closure(modules: Iterable[str], *, at_start: bool = False) -> set[str]:
    """These modules and all modules of this project that they import, directly or through others."""
    closure: set[str] = set()
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module not in closure:
            closure.add(module)
            waiting += imported_modules(module, at_start=at_start)
    return closure


def _run_at_import(tree: ast.Module) -> Iterator[ast.stmt]:
    for node in tree.body:
        if not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)):
            yield node
