"""Fingerprints: what tells two results apart."""

import hashlib
import importlib.util
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


def fingerprint(parts: Mapping[str, Any]) -> str:
    """SHA-256 over the canonical JSON of everything that determines a result, as 64 hexadecimal digits.

    >>> fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    True
    """
    return hashlib.sha256(json.dumps(parts, sort_keys=True, allow_nan=False).encode()).hexdigest()


def source_digest(modules: Iterable[str]) -> str:
    """SHA-256 over the source files of the named modules, found without importing them."""
    digest = hashlib.sha256()
    for module in sorted(modules):
        spec = importlib.util.find_spec(module)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(f"No source of module {module}.")
        digest.update(f"{module}\n".encode() + Path(spec.origin).read_bytes())
    return digest.hexdigest()
