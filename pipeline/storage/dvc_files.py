"""Repair what makes DVC fail: files that a killed DVC has left cut off, and a folder without git.

DVC 3 truncates a file and then writes it anew. A kill in between leaves it empty or cut off, and the same command then
fails for ever:

- `dvc.lock`, its record of what each stage has read and written, for about a second after each stage
  (`dvc/dvcfile.py`, `Lockfile.dump_stages`);
- `.dvc/tmp/rwlock`, the paths that running commands use and their PIDs (`dvc/rwlock.py`). Complete, it names a killed
  command by its PID, which in a new container belongs to another process.

Each stage keeps a copy of the lock that it starts from. DVC stores a finished stage in its cache of runs before it
writes `dvc.lock`, so the stage whose record is lost seldom runs again.
"""

import fcntl
import json
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil

from pipeline.errors import UserError
from pipeline.storage.files import replacing
from pipeline.storage.folders import REPORTS, cache_folder
from pipeline.storage.home import home
from pipeline.storage.provenance import committed

LOCK = "dvc.lock"
TEMPORARY = Path(".dvc/tmp")
STAGE_NAME = re.compile(rb"^  (\S.*):$", re.MULTILINE)
"""The first line of each record of a stage, as DVC writes it."""
COMMANDS = ("dvc", "convtrack", "pipeline")
"""A process that runs DVC has one of these words in its command line."""


def keep_locks() -> None:
    """Copy the lock files of DVC. Stages call this when they start: DVC has just read the files without an error.

    Those of an experiment in a temporary folder are not copied: the cache belongs to the project.
    """
    if home() != Path():
        return
    with _held(TEMPORARY / "lock") as free, suppress(OSError):
        for lock in _locks() if free else ():
            content = lock.read_bytes()
            if not _kept(lock).startswith(content):
                _keep(lock, content)


def repair(*, thorough: bool = False) -> list[str]:
    """Repair the files of DVC, and return a sentence for each change. Call this before DVC starts.

    In a folder without git, such as an unpacked archive, DVC is set to work without it. `thorough`: also read lock
    files that are the same as their copies, which takes DVC's parser seconds.

    Raises:
        UserError: a lock file has the marks of a conflict, or is a folder, which only the user can resolve.
    """
    done = _without_git()
    with _held(TEMPORARY / "lock") as free:
        for lock in _locks() if free else ():
            done += _repair_lock(lock, thorough=thorough)
    with _held(TEMPORARY / "rwlock.lock") as free:
        if free:
            done += _repair_users(TEMPORARY / "rwlock")
    return done


def _without_git() -> list[str]:
    here = Path.cwd()
    if any((folder / ".git").exists() for folder in (here, *here.parents)) or not Path(".dvc").is_dir():
        return []
    from dvc.config import Config  # type: ignore[import-untyped]

    config = Config(str(here / ".dvc"))
    if config["core"].get("no_scm"):
        return []
    with config.edit("local") as settings:
        settings.setdefault("core", {})["no_scm"] = True
    return [
        "This folder is not a repository of git, so DVC was set to work without it (`core.no_scm` in "
        ".dvc/config.local). After `git init`, run `dvc config --local --unset core.no_scm`."
    ]


def _locks() -> list[Path]:
    return [lock for lock in (Path(LOCK), *sorted(REPORTS.glob(f"*/{LOCK}"))) if _is_file(lock)]


def _is_file(file: Path) -> bool:
    """Whether a file exists.

    Raises:
        UserError: a folder is in its place.
    """
    if file.is_dir():
        raise UserError(f"{file} is a folder, but DVC keeps a file there. Move the folder away and run `dvc repro`.")
    return file.is_file()


@contextmanager
def _held(lock: Path) -> Iterator[bool]:
    """Hold a lock of DVC, as zc.lockfile does. Yields False if DVC holds it, or nothing can be written here."""
    with ExitStack() as stack:
        free = False
        with suppress(OSError):
            lock.parent.mkdir(exist_ok=True)
            file = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
            stack.callback(os.close, file)
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            free = True
        yield free


def _copy(lock: Path) -> Path:
    """The file with the last complete version of a lock file."""
    return cache_folder() / "dvc" / lock


def _kept(lock: Path) -> bytes:
    copy = _copy(lock)
    return copy.read_bytes() if copy.is_file() else b""


def _keep(lock: Path, content: bytes) -> None:
    if _kept(lock) != content:
        with replacing(_copy(lock)) as unfinished:
            unfinished.write_bytes(content)


def _repair_lock(lock: Path, *, thorough: bool) -> list[str]:
    content, kept = lock.read_bytes(), _kept(lock)
    if content and content == kept and not thorough:
        return []
    if _is_complete(content) and not (_is_cut(lock, content, kept) and _is_complete(kept)):
        _keep(lock, content)
        return []
    if b"<<<<<<< " in content:
        raise UserError(
            f"{lock} has the marks of a conflict of git, but DVC needs one version. Choose one with "
            f"`git checkout --ours {lock}` or `--theirs`; `dvc repro` then runs the stages that it does not describe."
        )
    for source, version in (("the copy of the last complete one", kept), ("the committed one", committed(lock) or b"")):
        if _is_complete(version):
            with replacing(lock) as unfinished:
                unfinished.write_bytes(version)
            return [f"{lock} was cut off when DVC was killed. It was replaced by {source}."]
    lock.unlink()
    return [
        f"{lock} was cut off when DVC was killed, and there is no copy. It was deleted; DVC checks all stages again."
    ]


def _is_cut(lock: Path, content: bytes, kept: bytes) -> bool:
    """Whether a lock that DVC can read has lost its end: the last stages of the copy, which a commit has, too."""
    names, before = STAGE_NAME.findall(content), STAGE_NAME.findall(kept)
    shorter = len(content) < len(kept) and (kept.startswith(content) or names == before[: len(names)] != before)
    return shorter and content != committed(lock)


def _is_complete(lock: bytes) -> bool:
    """Whether DVC can read a lock file, and no line is cut off."""
    if not lock.endswith(b"\n"):
        return False
    # PyYAML's parser in C takes a third of a second for our own lock, that of DVC three seconds. It reads YAML 1.1,
    # in which `on` is no text, so DVC's own parser decides about a lock that looks damaged.
    import yaml
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA  # type: ignore[import-untyped]
    from dvc.utils.serialize import YAMLFileCorruptedError, parse_yaml  # type: ignore[import-untyped]
    from voluptuous import Invalid

    try:
        text = lock.decode()
        with suppress(yaml.YAMLError, ValueError, Invalid):
            COMPILED_LOCKFILE_SCHEMA(yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
            return True
        COMPILED_LOCKFILE_SCHEMA(parse_yaml(text, LOCK))
    except (YAMLFileCorruptedError, ValueError, Invalid):
        return False
    return True


def _repair_users(file: Path) -> list[str]:
    """Remove the PIDs of processes that do not run DVC; DVC itself removes those of which there is no process."""
    if not _is_file(file):
        return []
    try:
        used = json.loads(file.read_bytes())
        by_path = {mode: dict(used.get(mode, {})) for mode in ("read", "write")}
        kept = {
            "read": {path: [one for one in users if _runs_dvc(one["pid"])] for path, users in by_path["read"].items()},
            "write": {path: one for path, one in by_path["write"].items() if _runs_dvc(one["pid"])},
        }
    except (ValueError, TypeError, KeyError, AttributeError):
        file.unlink()
        return [f"{file} was cut off when DVC was killed. It was deleted; DVC writes it anew."]
    kept["read"] = {path: users for path, users in kept["read"].items() if users}
    if kept == by_path:
        return []
    with replacing(file) as unfinished:
        unfinished.write_text(json.dumps(kept), encoding="utf-8")
    return [f"{file} named processes that do not run DVC, left when DVC was killed. They were removed."]


def _runs_dvc(pid: int) -> bool:
    own = psutil.Process()
    # This process has not started DVC yet, and neither have those that started it.
    if pid in {own.pid, *(parent.pid for parent in own.parents())}:
        return False
    with suppress(psutil.AccessDenied):
        try:
            command = " ".join(psutil.Process(pid).cmdline())
        except psutil.NoSuchProcess:
            return False
        return any(word in command for word in COMMANDS)
    return True
