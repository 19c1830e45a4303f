"""Fingerprints: SHA-256 digests that identify a result by everything that determines it."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from pipeline.storage.imports import module_file
from pipeline.storage.meaning import statements


def fingerprint(parts: Mapping[str, Any]) -> str:
    """SHA-256 over the canonical JSON of everything that determines a result, as 64 hexadecimal digits.

    >>> fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    True
    """
    return hashlib.sha256(json.dumps(parts, sort_keys=True, allow_nan=False).encode()).hexdigest()


def code_digest(modules: Iterable[str]) -> str:
    """SHA-256 over what the named modules compute, as 64 hexadecimal digits.

    The digest depends on the meaning of the code, not on its text (`pipeline.storage.meaning`): rewording a docstring,
    reformatting, or moving a function from one of the modules to another does not change it.

    Raises:
        ModuleNotFoundError: there is no such module in this project.
    """
    texts: list[str] = []
    for module in modules:
        file = module_file(module)
        if file is None:
            raise ModuleNotFoundError(f"No module {module} in this project.")
        texts += _statements_once(file.read_text(encoding="utf-8"))
    return hashlib.sha256("\n".join(sorted(texts)).encode()).hexdigest()


@cache
def _statements_once(source: str) -> tuple[str, ...]:
    """The statements of a source text; every trial of a sweep needs those of the same files."""
    return tuple(statements(source))
