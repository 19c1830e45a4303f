"""The records of a comparison in an archive, from which its pages can be made again without its weights and images."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import numpy as np

from pipeline.config.reading import CONF
from pipeline.data.prepared import PIXELS, read_manifest
from pipeline.errors import DISK_FULL, UserError
from pipeline.storage.folders import AUDIT, CHOICE, INTERPRETATION, NETWORKS, PLAN, PREPARED, REPORTS, RUNS, TEST_SETS

ARCHIVE = "records.zip"
"""The name of the archive, next to the pages."""
ARCHIVED = (CONF, PREPARED, PLAN, NETWORKS, RUNS, INTERPRETATION, TEST_SETS, AUDIT, CHOICE)
LEFT_OUT = ("*.h5", "*.keras", "initial_weights.npz", f"{PREPARED}/{PIXELS}", "replicate-*/*.png", "snapshots/*")
"""Weights, pixels, and pictures of the training: of them, the pages need at most the sizes."""
SIZES = "sizes.json"
"""The sizes in bytes of the files that were left out, by path."""
DATE = (1980, 1, 1, 0, 0, 0)
"""The date of all files in the archive, so that the same records give the same archive."""


def archive_records(project: Path, archive: Path) -> None:
    """Archive the records of the comparison in a project."""
    every = chain.from_iterable([one, *one.rglob("*")] for one in (project / name for name in ARCHIVED))
    files = sorted(file for file in every if file.is_file())
    with ZipFile(archive, "w", ZIP_DEFLATED) as opened:
        sizes = {}
        for file in files:
            name = file.relative_to(project)
            if any(name.match(pattern) for pattern in LEFT_OUT):
                sizes[name.as_posix()] = file.stat().st_size
            else:
                opened.writestr(_entry(name.as_posix()), file.read_bytes())
        opened.writestr(_entry(SIZES), json.dumps(sizes))


def _entry(name: str) -> ZipInfo:
    entry = ZipInfo(name, DATE)
    entry.compress_type = ZIP_DEFLATED
    return entry


@contextmanager
def unpacked_records(archive: Path) -> Iterator[Path]:
    """Yield a temporary project with the archived records. Files that were left out have their size, but no content.

    Raises:
        UserError: the archive is damaged.
    """
    with TemporaryDirectory() as scratch:
        project = Path(scratch)
        try:
            with ZipFile(archive) as opened:
                opened.extractall(project)
            (project / REPORTS).mkdir(exist_ok=True)
            for name, size in json.loads((project / SIZES).read_bytes()).items():
                _restore_size(project, name, size)
            manifest = read_manifest(project / PREPARED)
            shape = (manifest["images"], *manifest["image_shape"])
            np.lib.format.open_memmap(project / PREPARED / PIXELS, "w+", np.uint8, shape)
        except Exception as problem:  # Damaged archives raise nearly any, from NotImplementedError to zlib.error.
            if isinstance(problem, OSError) and problem.errno in DISK_FULL:
                raise
            raise UserError(f"{archive} is damaged. Restore it with Git.") from None
        yield project


def _restore_size(project: Path, name: str, size: int) -> None:
    file = project / name
    if not file.resolve().is_relative_to(project.resolve()) or file.exists():
        raise ValueError(f"{name} must be a new file in the project.")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    os.truncate(file, size)
