"""Prepared data for experiments: one folder per combination of images, split and code, shared by all trials."""

import shutil
from collections.abc import Callable
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

from filelock import FileLock

from pipeline.config.schema import AuditConfig, DataConfig, SplitConfig
from pipeline.data.audit import stop_on
from pipeline.data.pictures.opening import reads_heif
from pipeline.data.prepare import prepare
from pipeline.data.prepared import read_prepared
from pipeline.data.sources import source_names, watched_files
from pipeline.errors import UserError
from pipeline.storage.digests import intact
from pipeline.storage.fingerprints import code_digest, fingerprint
from pipeline.storage.folders import TEST_SETS, cache_folder
from pipeline.storage.imports import import_closure


def prepared_folder(
    data: DataConfig,
    split: SplitConfig,
    audit: AuditConfig,
    replicates: int,
    *,
    report: Callable[[str], None] = lambda line: None,
) -> Path:
    """Return the folder of these images, split for this number of replicates; prepare it if it does not exist.

    `report` receives lines that describe what was prepared. Processes that need the same folder wait for the first one.

    Raises:
        UserError: a setting or an image is invalid, or the audit stops.
    """
    test_set = TEST_SETS / f"{data.name}-{split.name}.json"
    parent = cache_folder() / "prepared"
    parent.mkdir(parents=True, exist_ok=True)
    with FileLock(parent / "lock"):
        folder = parent / _key(data, split, audit, replicates, test_set)
        if _usable(folder):
            return folder
        unfinished = parent / "unfinished"
        findings = prepare(
            unfinished, data, split, replicates=replicates, test_set=test_set, settings=audit, report=report
        )
        stop_on(findings, read_prepared(unfinished).names)
        # Preparing may have drawn the test set, which is part of the key.
        folder = parent / _key(data, split, audit, replicates, test_set)
        if _usable(folder):
            shutil.rmtree(unfinished)
        else:
            shutil.rmtree(folder, ignore_errors=True)  # It is damaged, or does not exist.
            unfinished.replace(folder)
        return folder


def _usable(folder: Path) -> bool:
    """Whether a folder has all its files, and none has changed; single images are compared when they are read."""
    try:
        read_prepared(folder)
        return intact(folder)
    except UserError:
        return False


def _key(data: DataConfig, split: SplitConfig, audit: AuditConfig, replicates: int, test_set: Path) -> str:
    """The name of the folder: a digest of everything that determines its content, and the number of replicates."""
    parts = {
        "data": asdict(data),
        "split": asdict(split),
        "audit": asdict(audit),
        "files": watched_files(data.source, data.options),
        "reads_heif": reads_heif(),
        "test_set": sha256(test_set.read_bytes()).hexdigest() if test_set.is_file() else None,
        "code": _code_digest(data.source),
    }
    return f"{fingerprint(parts)[:16]}-{replicates}"


def _code_digest(source: str) -> str:
    """The digest of the code that determines prepared data of a source."""
    own = [f"pipeline.data.sources.{source}"] if source in source_names() else []
    modules = import_closure(["pipeline.data.prepare", *own])
    return code_digest(sorted(module for module in modules if module.startswith("pipeline.data")))
