"""Show the disk space of the cache (checkpoints, results, pictures, prepared data, models); delete it with --yes."""

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock, Timeout

from pipeline.cli.usage import parsed
from pipeline.errors import unknown
from pipeline.reporting.text.quantities import magnitude
from pipeline.storage.folders import CheckpointFolder, cache_folder

WHAT = {
    "checkpoints": "unfinished trainings; without them, an interrupted training starts from the beginning",
    "results": "finished trainings; without them, the same configuration is trained again",
    "pictures": "decoded pictures; without them, every picture is decoded again",
    "prepared": "prepared data of experiments; prepared again when needed",
    "models": "packaged networks from an MLflow server; downloaded again when needed",
}


def parser() -> argparse.ArgumentParser:
    """The arguments of the command."""
    command = argparse.ArgumentParser("convtrack clean", description=__doc__)
    command.add_argument("what", nargs="*", help=f"any of {', '.join(WHAT)} (default: all)")
    command.add_argument("--yes", action="store_true", help="delete the folders (default: only list them)")
    return command


def main(arguments: Sequence[str]) -> None:
    """List or delete the folders of the cache. The comparison, in networks/ and runs/, is kept."""
    given = parsed(parser().parse_args, arguments, help_command="convtrack clean --help")
    for name in given.what:
        if name not in WHAT:
            raise unknown("folder of the cache", name, WHAT)
    for name in given.what or WHAT:
        folder = cache_folder() / name
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        print(f"{folder}: {magnitude(size)}B ({WHAT[name]})")
        if given.yes:
            _free(folder)
    if not given.yes:
        print("Nothing was deleted. Add `--yes` to delete.")


def _free(folder: Path) -> None:
    for entry in sorted(folder.glob("*")):
        if entry.is_dir():
            # A training holds the lock of its checkpoints; preparing holds the lock of the whole folder.
            lock = (
                folder / "lock"
                if folder.name in ("pictures", "prepared", "models")
                else CheckpointFolder.of(entry.name).lock
            )
            lock.parent.mkdir(parents=True, exist_ok=True)
            try:
                with FileLock(lock, blocking=False):
                    shutil.rmtree(entry)
            except Timeout:
                print(f"{entry} is in use and is kept.")
