"""Digests and settings against hand-written lock files, and against DVC's own digests."""

import json
from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.verification.locked_files import (
    CACHED_FILES,
    Locked,
    LockedStage,
    changed_files,
    changed_settings,
    content_digest,
    folder_files,
    locked_dependencies,
    locked_outputs,
    read_lock,
    remembered_digests,
)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def folder():
    for name, content in {"b.txt": "two", "a.txt": "one", "inner/a b.txt": "three"}.items():
        file = Path("data") / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    return Path("data")


def test_digests_are_those_that_dvc_computes(folder):
    from dvc_data.hashfile.build import build
    from dvc_data.hashfile.db import HashFileDB
    from dvc_objects.fs.local import LocalFileSystem

    files = LocalFileSystem()
    database = HashFileDB(files, str(Path("cache").absolute()))
    for path in (folder, folder / "a.txt"):
        _, _, found = build(database, str(path.absolute()), files, "md5", dry_run=True)
        assert content_digest(path) == found.hash_info.value


def test_files_that_dvc_ignores_do_not_count(folder):
    before = content_digest(folder)
    Path(".dvcignore").write_text("__pycache__\n*.pyc\n")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "a.txt").write_text("")
    (folder / "b.pyc").write_text("")
    assert content_digest(folder) == before


def test_a_missing_path_has_no_digest():
    assert content_digest(Path("missing")) is None


def test_changed_files_of_a_folder_are_named_if_the_list_is_in_the_cache(folder):
    digest = content_digest(folder)
    listed = [{"md5": md5, "relpath": name} for name, md5 in sorted(folder_files(folder).items())]
    (folder / "a.txt").write_text("changed")
    (folder / "b.txt").unlink()
    (folder / "new.txt").write_text("new")
    assert changed_files(Locked("data", digest)) == ["data"]
    record = CACHED_FILES / digest[:2] / digest[2:]
    record.parent.mkdir(parents=True)
    record.write_text(json.dumps(listed))
    assert changed_files(Locked("data", digest)) == ["data/a.txt", "data/b.txt", "data/new.txt"]


def stage(name, *, deps=(), outs=()):
    return LockedStage(name, tuple(deps), tuple(outs), {})


def test_an_output_is_reported_once_by_the_stage_that_wrote_it(folder):
    written = Locked("data/a.txt", "0" * 32)
    stages = {"make": stage("make", outs=[written]), "use": stage("use", deps=[written])}
    (check,) = locked_outputs(list(stages.values()), remembered_digests())
    assert (check.subject, check.state, check.found) == (
        "dvc.lock, make",
        "differs",
        "data/a.txt is not what the stage wrote",
    )
    assert locked_dependencies(stages, remembered_digests(), "dvc.lock").state == "ok"


def test_changed_dependencies_are_listed_with_their_stages(folder):
    read = Locked("data/b.txt", "0" * 32)
    stages = {name: stage(name, deps=[read]) for name in ("one", "two")}
    check = locked_dependencies(stages, remembered_digests(), "dvc.lock")
    assert (check.state, check.found) == ("differs", "data/b.txt changed after one, two ran")


def test_changed_settings_have_both_values():
    Path("a.yaml").write_text("rate: 0.1\nlayers:\n  units: [3, 4]\nnew: 1\n")
    then = {"a.yaml": {"rate": 1e-1, "layers.units": [3], "gone": None}}
    assert list(changed_settings(then)) == [
        ("a.yaml", "gone null → not set"),
        ("a.yaml", "layers.units [3] → [3, 4]"),
        ("a.yaml", "new not set → 1"),
    ]
    assert [change for _, change in changed_settings(then, whole=False)] == [
        "gone null → not set",
        "layers.units [3] → [3, 4]",
    ]


@pytest.mark.parametrize("content", ["", "stages: 3", "stages:\n  a: {deps: [{}]}", "\x00", "a: [", "[1]"])
def test_a_damaged_lock_is_one_sentence(content):
    Path("dvc.lock").write_text(content)
    with pytest.raises(UserError, match=r"dvc.lock is damaged\. Restore it"):
        read_lock()


def test_a_missing_lock_is_one_sentence():
    with pytest.raises(UserError, match=r"dvc\.lock is missing"):
        read_lock()
