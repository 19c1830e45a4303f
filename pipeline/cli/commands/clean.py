"""Say what unfinished trainings, results and prepared data outside the pipeline take up, and free it with --yes."""

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock, Timeout

from pipeline.reporting.text.quantities import magnitude
from pipeline.storage.folders import CACHE, CheckpointFolder

WHAT = {
    "checkpoints": "unfinished trainings; without them an interrupted training starts anew",
    "results": "finished trainings; without them the same configuration trains anew",
    "prepared": "prepared data of experiments; made again when needed",
}


def main(arguments: Sequence[str]) -> None:
    """List what can be freed, or free it; the comparison's own results lie in runs/ and stay."""
    parser = argparse.ArgumentParser("convtrack clean", description=__doc__)
    parser.add_argument("what", nargs="*", help=f"any of {', '.join(WHAT)}; all of them if none is named")
    parser.add_argument("--yes", action="store_true", help="free it; without this nothing is deleted")
    given = parser.parse_args(arguments)
    unknown = [name for name in given.what if name not in WHAT]
    if unknown:
        parser.error(f"unknown: {unknown[0]}. Available: {', '.join(WHAT)}")
    for name in given.what or WHAT:
        folder = CACHE / name
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        print(f"{folder}: {magnitude(size)}B ({WHAT[name]})")
        if given.yes:
            _free(folder)
    if not given.yes:
        print("Nothing was deleted; `--yes` frees it.")


def _free(folder: Path) -> None:
    for entry in sorted(folder.glob("*")):
        if entry.is_dir():
            # Who trains holds the lock of its checkpoints, who prepares that of all prepared data.
            lock = folder / "lock" if folder.name == "prepared" else CheckpointFolder.of(entry.name).lock
            lock.parent.mkdir(parents=True, exist_ok=True)
            try:
                with FileLock(lock, blocking=False):
                    shutil.rmtree(entry)
            except Timeout:
                print(f"{entry} is in use and stays.")
