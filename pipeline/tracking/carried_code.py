"""The part of this project's code that a logged model carries, so that it can be loaded without the project."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.storage.imports import import_closure, module_file

EXTENSIBLE = '__path__ = __import__("pkgutil").extend_path(__path__, __name__)\n'
"""Source of a package whose modules may be in several folders."""


@contextmanager
def carried_code(modules: Sequence[str]) -> Iterator[list[Path]]:
    """Yield a package with these modules and all that they import; none if there are no modules.

    Where the project is installed, its other modules can still be imported.
    """
    if not modules:
        yield []
        return
    with TemporaryDirectory() as folder:
        package = Path(folder) / "pipeline"
        for module in import_closure(modules):
            source, target = module_file(module), Path(folder, *module.split(".")).with_suffix(".py")
            if source is not None and source.name != "__init__.py":
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)
        for subpackage in [package, *(path for path in package.rglob("*") if path.is_dir())]:
            (subpackage / "__init__.py").write_text(EXTENSIBLE, encoding="utf-8")
        yield [package]
