"""dvc.lock against the files here: the digests of outputs and dependencies, and the values of settings."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from pathspec import GitIgnoreSpec
from ruamel.yaml.error import YAMLError

from pipeline.config.reading import broken_yaml, flattened, parse_yaml
from pipeline.counts import number_of
from pipeline.errors import UserError
from pipeline.verification.checked_link import Check, names

LOCK = Path("dvc.lock")
CACHED_FILES = Path(".dvc/cache/files/md5")


class Locked(NamedTuple):
    """A file or folder that a stage read or wrote, with the digest that DVC recorded."""

    path: str
    digest: str


class LockedStage(NamedTuple):
    """What DVC recorded when a stage ended. `settings` are its values by dotted name, by file."""

    name: str
    deps: tuple[Locked, ...]
    outs: tuple[Locked, ...]
    settings: Mapping[str, Mapping[str, Any]]


def read_lock(file: Path = LOCK) -> dict[str, LockedStage]:
    """The stages that a dvc.lock records, by name.

    Raises:
        UserError: the file is missing or damaged.
    """
    if not file.is_file():
        raise UserError(f"{file} is missing: nothing has been recorded here. Run `dvc repro`, or restore it with Git")
    # The pure Python loader takes ten times as long.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        stages = yaml.load(file.read_text(encoding="utf-8"), loader)["stages"]
        return {name: _stage(name, entry) for name, entry in stages.items()}
    except (yaml.YAMLError, UnicodeDecodeError, TypeError, KeyError, AttributeError):
        raise UserError(f"{file} is damaged. Restore it with Git, or delete it and run `dvc repro`.") from None


def _stage(name: str, entry: Mapping[str, Any]) -> LockedStage:
    locked = {
        part: tuple(dict.fromkeys(Locked(one["path"], str(one["md5"])) for one in entry.get(part, ())))
        for part in ("deps", "outs")
    }
    settings = {file: dict(flattened(values)) for file, values in entry.get("params", {}).items()}
    return LockedStage(name, locked["deps"], locked["outs"], settings)


def content_digest(path: Path) -> str | None:
    """The digest of a file or folder as DVC computes it, None if it is missing.

    That of a folder is the MD5 of a list of its files with their digests, followed by `.dir`.
    """
    if path.is_dir():
        listed = [{"md5": digest, "relpath": name} for name, digest in sorted(folder_files(path).items())]
        return hashlib.md5(json.dumps(listed, sort_keys=True).encode(), usedforsecurity=False).hexdigest() + ".dir"
    return _file_digest(path) if path.is_file() else None


def folder_files(folder: Path) -> dict[str, str]:
    """The MD5 of each file in a folder by its path in it, without those that `.dvcignore` names."""
    ignored = _ignored()
    return {
        file.relative_to(folder).as_posix(): _file_digest(file)
        for file in folder.rglob("*")
        if file.is_file() and not ignored.match_file(file.as_posix())
    }


def _file_digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _ignored() -> GitIgnoreSpec:
    file = Path(".dvcignore")
    return GitIgnoreSpec.from_lines(file.read_text(encoding="utf-8").splitlines() if file.is_file() else ())


def changed_files(locked: Locked) -> list[str]:
    """The files that are not those of the record; the folder itself if DVC's cache does not hold its list of files."""
    path = Path(locked.path)
    record = CACHED_FILES / locked.digest[:2] / locked.digest[2:]
    try:
        then = {one["relpath"]: one["md5"] for one in json.loads(record.read_text(encoding="utf-8"))}
    except (OSError, ValueError, TypeError, KeyError):
        return [locked.path]
    now = folder_files(path) if path.is_dir() else {}
    return [f"{locked.path}/{name}" for name in sorted(then.keys() | now.keys()) if then.get(name) != now.get(name)]


Digest = Callable[[str], str | None]


def remembered_digests() -> Digest:
    """`content_digest` by the name of a file, each computed once: most stages read the same files."""
    return cache(lambda path: content_digest(Path(path)))


def locked_outputs(stages: Sequence[LockedStage], digest: Digest, *, lock: Path = LOCK) -> Iterator[Check]:
    """Check what the stages wrote: a line per stage whose outputs differ, and one for all others."""
    same = 0
    for stage in stages:
        if changed := _changed(stage.outs, digest):
            verb = "is" if len(changed) == 1 else "are"
            target = stage.name if lock == LOCK else str(lock.with_name("dvc.yaml"))
            found = f"{names(changed)} {verb} not what the stage wrote"
            yield Check(f"{lock}, {stage.name}", "differs", found, f"Run `dvc repro {target}`.")
        same += sum(digest(one.path) == one.digest for one in stage.outs)
    if same:
        yield Check(str(lock), "ok", f"{number_of(same, 'output')} with the recorded digest")


AGAIN = "`convtrack why` says what that means; `dvc repro` runs them again."


def locked_dependencies(
    stages: Mapping[str, LockedStage], digest: Digest, subject: str, *, remedy: str = AGAIN
) -> Check:
    """Check the files that the stages, by the names to print, have read and that no stage has written."""
    outputs = {one.path for stage in stages.values() for one in stage.outs}
    changed: dict[str, list[str]] = {}
    for name, stage in stages.items():
        # A changed output is reported by the stage that wrote it.
        sources = [one for one in stage.deps if not any(_overlap(one.path, output) for output in outputs)]
        for file in _changed(sources, digest):
            changed.setdefault(file, []).append(name)
    if not changed:
        read = {one.path for stage in stages.values() for one in stage.deps}
        return Check(subject, "ok", f"{number_of(len(read), 'file or folder', 'files and folders')} read, unchanged")
    concerned = list(dict.fromkeys(name for own in changed.values() for name in own))
    found = f"{names(sorted(changed))} changed after {names(concerned)} ran"
    return Check(subject, "differs", found, remedy)


def _overlap(one: str, other: str) -> bool:
    """Whether two paths are the same, or one is a folder that contains the other."""
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")


def locked_settings(stages: Sequence[LockedStage], *, lock: Path = LOCK) -> Check:
    """Check that the values in `conf/` are those that the stages ran with."""
    changed = dict.fromkeys(
        f"{file}: {change}" for stage in stages for file, change in changed_settings(stage.settings, whole=False)
    )
    if not changed:
        return Check(str(lock), "ok", "the settings of the stages are those in conf/")
    found = f"settings are not those in conf/ ({names(list(changed))})"
    return Check(str(lock), "differs", found, "Restore the values, or run `dvc repro`.")


def changed_settings(settings: Mapping[str, Mapping[str, Any]], *, whole: bool = True) -> Iterator[tuple[str, str]]:
    """The files and settings whose values are not the recorded ones, as `name old → new`.

    With `whole`, values that the record lacks count, too.
    """
    for file, then in settings.items():
        now = _values(file)
        for name in sorted(then.keys() | now.keys() if whole else then):
            if name not in now and any(other.startswith(f"{name}.") for other in now):
                continue  # It was empty or null, and now has settings of its own, which follow.
            if then.get(name, MISSING) != now.get(name, MISSING):
                yield file, f"{name} {shown_value(then.get(name, MISSING))} → {shown_value(now.get(name, MISSING))}"


MISSING = object()


def shown_value(value: object) -> str:
    """A setting as a line shows it; MISSING is `not set`."""
    return "not set" if value is MISSING else json.dumps(value, ensure_ascii=False, default=str)


def _values(file: str) -> dict[str, Any]:
    """The settings in a file by dotted name; none if it is missing.

    Raises:
        UserError: the file is not YAML or not UTF-8 text.
    """
    return _parsed(file, Path(file).read_bytes()) if Path(file).is_file() else {}


@cache
def _parsed(file: str, content: bytes) -> dict[str, Any]:
    stream = BytesIO(content)
    stream.name = file  # It is in the messages of the parser.
    try:
        values = parse_yaml(stream)
    except YAMLError as problem:
        raise UserError(f"{broken_yaml(problem)} Correct it, or restore it with Git.") from None
    return dict(flattened(values)) if isinstance(values, Mapping) else {}


def _changed(entries: Iterable[Locked], digest: Any) -> list[str]:
    return [
        file
        for one in entries
        if digest(one.path) != one.digest
        for file in (changed_files(one) if one.digest.endswith(".dir") else [one.path])
    ]
