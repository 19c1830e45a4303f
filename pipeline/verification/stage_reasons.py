"""Why DVC would run a stage: the values, files, packages and outputs that are not those of its last run."""

import hashlib
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from pipeline.config.reading import flattened
from pipeline.errors import UserError, unknown
from pipeline.storage.provenance import READ_ANY_OWNER
from pipeline.verification.checked_link import names
from pipeline.verification.locked_files import MISSING, Locked, changed_files, shown_value

COMMAND = "python -m pipeline "
REQUIREMENTS = "requirements.lock"
PINNED = re.compile(r"^[\w.-]+==[^#\\\n]+", re.MULTILINE)
EARLIER_VERSIONS = 50
"""Commits that are searched for an earlier version of a file."""


@dataclass(frozen=True)
class StageReasons:
    """A stage, why it would run, and the stages whose outputs it reads.

    `code` tells whether a source file has changed, so that what it computes may still be the same.
    """

    name: str
    command: str
    reasons: tuple[str, ...]
    code: bool
    reads: tuple[str, ...]


def stage_reasons(wanted: Sequence[str]) -> list[StageReasons]:
    """The stages of the comparison in the order in which DVC runs them, or those that are named.

    A name is that of a stage, `train` for all stages `train@MODEL`, or that of a study.

    Raises:
        UserError: there is no such stage, or DVC cannot read dvc.yaml.
    """
    import networkx
    from dvc.exceptions import DvcException, NotDvcRepoError  # type: ignore[import-untyped]
    from dvc.repo import Repo  # type: ignore[import-untyped]

    try:
        with Repo(".") as repo:
            graph = repo.index.graph
            ordered = [stage for stage in networkx.dfs_postorder_nodes(graph) if hasattr(stage, "cmd") and stage.cmd]
            chosen = [stage for stage in ordered if _is_wanted(stage, wanted)]
            if not wanted and not chosen:
                raise UserError("dvc.yaml has no stages here. Restore it with Git.")
            for name in wanted:
                if not any(_is_wanted(stage, [name]) for stage in ordered):
                    raise unknown("stage", name, [_name(stage) for stage in ordered])
            return [_reasons(stage, [_name(one) for one in graph.successors(stage)]) for stage in chosen]
    except NotDvcRepoError:
        raise UserError("There are no stages of DVC here: run this command in the folder of the project.") from None
    except DvcException as problem:
        raise UserError(
            f"DVC cannot read the stages here ({_reason(problem)}). Run `convtrack repair`, or correct the named file, "
            "or restore it with Git."
        ) from None
    except UnicodeDecodeError:  # DVC names every other file that it cannot decode.
        raise UserError("The file .dvcignore is not UTF-8 text. Restore it with Git.") from None


def _reason(problem: BaseException) -> str:
    """The messages of an exception and of its causes, in one line; DVC names a file in one and the place in another."""
    found: list[str] = []
    cause: BaseException | None = problem
    while cause is not None:
        text = " ".join(str(cause).split()).partition(' in "<unicode string>"')[0].rstrip(".:")
        if text and not any(text in one for one in found):
            found.append(text)
        cause = cause.__cause__
    return ": ".join(found)


def _name(stage: Any) -> str:
    """The name of a stage; that of a study is its folder."""
    return str(stage.addressing) if stage.path_in_repo == "dvc.yaml" else Path(stage.path_in_repo).parent.name


def _is_wanted(stage: Any, wanted: Sequence[str]) -> bool:
    if not wanted:
        return bool(stage.path_in_repo == "dvc.yaml")
    name = _name(stage)
    return name in wanted or name.partition("@")[0] in wanted or stage.addressing in wanted


def _reasons(stage: Any, reads: Sequence[str]) -> StageReasons:
    from dvc.dependency.param import ParamsDependency  # type: ignore[import-untyped]

    found: list[str] = []
    parameters = [one for one in stage.deps if isinstance(one, ParamsDependency)]
    files = [one for one in stage.deps if not isinstance(one, ParamsDependency)]
    if not any(one.hash_info for one in stage.deps):
        found.append("it has not run in this project yet")
        files, parameters = [one for one in files if not one.exists], []
    for one in parameters:
        found += _changed_values(one)
    changed = [(one, status) for one in files if (status := _status(one))]
    source = [str(one) for one, _ in changed if str(one).startswith(("pipeline", "hydra_plugins"))]
    found += [line for one, status in changed if str(one) not in source for line in _changed_file(one, status)]
    if source:
        found.append(f"changed code: {names(source)}")
    found += [f"{one} {_lost(status)}" for one in stage.outs if (status := _status(one))]
    if stage.changed_stage():
        found.append("its command in dvc.yaml has changed")
    command = str(stage.cmd).removeprefix(COMMAND)
    return StageReasons(_name(stage), command, tuple(dict.fromkeys(found)), bool(source), tuple(reads))


def _status(entry: Any) -> str:
    """`modified`, `deleted`, `new` or `not in cache`; empty without a change."""
    found = entry.status()
    return str(next(iter(found.values()))) if found else ""


def _changed_values(dependency: Any) -> Iterator[str]:
    """The settings that differ, as `conf/training/short.yaml: epochs 3 → 5`."""
    then = dict(flattened(dependency.hash_info.value or {}))
    now = dict(flattened(dependency.read_params(flatten=False))) if dependency.exists else {}
    if not dependency.exists:
        yield f"{dependency} is missing"
        return
    for name in sorted(then.keys() | now.keys()):
        before, after = then.get(name, MISSING), now.get(name, MISSING)
        if name not in now and any(other.startswith(f"{name}.") for other in now):
            continue  # It was null, and has settings now, which follow.
        if before != after:
            yield f"{dependency}: {name} {shown_value(before)} → {shown_value(after)}"


def _changed_file(dependency: Any, status: str) -> Iterator[str]:
    path, digest = str(dependency), getattr(dependency.hash_info, "value", None)
    if status == "deleted":
        yield f"{path} is missing"
    elif status == "new":
        yield f"{path} is a new dependency"
    elif path == REQUIREMENTS and digest and (packages := changed_packages(Path(path), digest)):
        yield from packages
    else:
        files = changed_files(Locked(path, digest)) if digest and digest.endswith(".dir") else [path]
        yield f"changed: {names(files)}"


def changed_packages(file: Path, digest: str) -> list[str]:
    """The packages whose pinned version differs from the version of the file with this MD5, if Git has that one.

    As in `package numpy 2.4.5 → 2.4.6`.
    """
    for commit in _git("log", f"-{EARLIER_VERSIONS}", "--format=%H", "--", str(file)).decode().split():
        held = _git("show", f"{commit}:./{file}")
        if hashlib.md5(held, usedforsecurity=False).hexdigest() == digest:
            then, now = (
                pinned_versions(held.decode()),
                pinned_versions(file.read_text(encoding="utf-8", errors="replace")),
            )
            return [
                f"package {name} {then.get(name, 'not required')} → {now.get(name, 'not required')}"
                for name in sorted(then.keys() | now.keys())
                if then.get(name) != now.get(name)
            ]
    return []


def pinned_versions(text: str) -> dict[str, str]:
    """The versions that a file of requirements pins for this Python and system, by package.

    >>> pinned_versions("a==1 ; python_version < '3'\\na==2 ; python_version >= '3'\\n    # via b\\nb==3 \\\\\\n")
    {'a': '2', 'b': '3'}
    """
    lines = [Requirement(line) for line in PINNED.findall(text)]
    return {one.name: str(one.specifier)[2:] for one in lines if one.marker is None or one.marker.evaluate()}


def _git(*arguments: str) -> bytes:
    try:
        return subprocess.run(["git", *READ_ANY_OWNER, *arguments], capture_output=True, check=False).stdout
    except FileNotFoundError:
        return b""


def _lost(status: str) -> str:
    return {
        "deleted": "is missing",
        "modified": "is not what the stage wrote",
        "not in cache": "is not in DVC's cache",
        "new": "is a new output",
    }.get(status, status)


def following(stages: Sequence[StageReasons]) -> Mapping[str, list[str]]:
    """The stages that run only if an output of an earlier one changes, each with those that it waits for."""
    waiting: dict[str, list[str]] = {}
    running = {stage.name for stage in stages if stage.reasons}
    for stage in stages:
        if not stage.reasons and (above := [one for one in stage.reads if one in running or one in waiting]):
            waiting[stage.name] = above
    return waiting
