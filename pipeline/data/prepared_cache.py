"""Prepared data for experiments: one folder per combination of images, split and code, shared by all trials."""

import shutil
from collections.abc import Callable
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

from filelock import FileLock

from pipeline.config.schema import DataConfig, SplitConfig
from pipeline.data.prepare import prepare
from pipeline.data.sources import source_names, watched_files
from pipeline.storage.fingerprints import code_digest, fingerprint
from pipeline.storage.folders import CACHE, TEST_SETS

PREPARING = tuple(
    f"pipeline.data.{name}"
    for name in ("images", "sources", "prepared", "prepare", "splits", "balanced_draws", "test_sets")
)
"""The modules whose code determines prepared data, in addition to the modules of the sources."""


def prepared_folder(
    data: DataConfig, split: SplitConfig, replicates: int, *, report: Callable[[str], None] = lambda line: None
) -> Path:
    """Return the folder of these images, split for this number of replicates; prepare it if it does not exist.

    `report` receives lines that describe what was prepared. Processes that need the same folder wait for the first one.

    Raises:
        UserError: a setting or an image is invalid.
    """
    test_set = TEST_SETS / f"{data.name}-{split.name}.json"
    parent = CACHE / "prepared"
    parent.mkdir(parents=True, exist_ok=True)
    with FileLock(parent / "lock"):
        folder = parent / _key(data, split, replicates, test_set)
        if folder.is_dir():
            return folder
        unfinished = parent / "unfinished"
        for line in prepare(unfinished, asdict(data), asdict(split), replicates=replicates, test_set=test_set):
            report(line)
        # Preparing may have drawn the test set, which is part of the key.
        folder = parent / _key(data, split, replicates, test_set)
        if folder.is_dir():
            shutil.rmtree(unfinished)
        else:
            unfinished.replace(folder)
        return folder


def _key(data: DataConfig, split: SplitConfig, replicates: int, test_set: Path) -> str:
    """The name of the folder: a digest of everything that determines its content, and the number of replicates."""
    parts = {
        "data": asdict(data),
        "split": asdict(split),
        "files": watched_files(data.source, data.options),
        "test_set": sha256(test_set.read_bytes()).hexdigest() if test_set.is_file() else None,
        "code": code_digest([*PREPARING, *(f"pipeline.data.sources.{name}" for name in source_names())]),
    }
    return f"{fingerprint(parts)[:16]}-{replicates}"
