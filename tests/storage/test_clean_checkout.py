"""Temporary worktrees of a repository that each test creates."""

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.storage.clean_checkout import PREFIX, clean_checkout
from pipeline.storage.provenance import commit, uncommitted


@pytest.fixture(autouse=True)
def repository(tmp_path, monkeypatch):
    """A repository with one committed file, and an empty folder for temporary files."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    for part in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{part}_NAME", "a")
        monkeypatch.setenv(f"GIT_{part}_EMAIL", "a@b")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    folder = tmp_path / "my project"
    (folder / "pipeline").mkdir(parents=True)
    monkeypatch.chdir(folder)
    Path("pipeline/a.py").write_text("x = 1\n")
    for arguments in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "first"]):
        subprocess.run(["git", *arguments], check=True)
    return folder


def left(tmp_path):
    listed = subprocess.run(["git", "worktree", "list"], capture_output=True, text=True, check=True).stdout
    return listed.count("\n") - 1, list((tmp_path / "temporary").glob(f"{PREFIX}*"))


def test_a_checkout_has_the_committed_files_and_is_removed(tmp_path):
    Path("pipeline/a.py").write_text("x = 2\n")
    with clean_checkout(commit()) as project:
        assert (project / "pipeline/a.py").read_text() == "x = 1\n"
        assert left(tmp_path)[0] == 1
    assert left(tmp_path) == (0, [])


@pytest.mark.parametrize("problem", [KeyboardInterrupt, ValueError])
def test_a_checkout_is_removed_after_an_exception(tmp_path, problem):
    with pytest.raises(problem), clean_checkout(commit()):
        raise problem
    assert left(tmp_path) == (0, [])


def test_a_patch_is_applied(tmp_path):
    Path("pipeline/a.py").write_text("x = 2\n")
    Path("pipeline/b.npy").write_bytes(bytes(256))
    patch = tmp_path / "a.patch"
    patch.write_bytes(uncommitted())
    with clean_checkout(commit(), patch) as project:
        assert (project / "pipeline/a.py").read_text() == "x = 2\n"
        assert (project / "pipeline/b.npy").read_bytes() == bytes(256)


def test_a_hook_of_the_user_does_not_run(tmp_path):
    hook = Path(".git/hooks/post-checkout")
    hook.write_text(f"#!/bin/sh\ntouch '{tmp_path}/hooked'\n")
    hook.chmod(0o755)
    with clean_checkout(commit()):
        assert not (tmp_path / "hooked").exists()


def test_a_checkout_that_a_killed_process_left_is_removed_and_that_of_a_live_one_is_kept(tmp_path):
    with clean_checkout(commit()) as live:
        dead = tmp_path / "temporary" / f"{PREFIX}0123abcd"
        subprocess.run(["git", "worktree", "add", "--quiet", "--detach", str(dead / "project")], check=True)
        with clean_checkout(commit()):
            assert live.is_dir() and not dead.exists()
    assert left(tmp_path) == (0, [])


def test_a_missing_commit_and_a_patch_that_does_not_apply_are_one_sentence(tmp_path):
    with pytest.raises(UserError, match="cannot check out commit 000000000000"), clean_checkout("0" * 40):
        pass
    patch = tmp_path / "a.patch"
    patch.write_text("--- a/pipeline/a.py\n+++ b/pipeline/a.py\n@@ -1 +1 @@\n-x = 5\n+x = 6\n")
    with pytest.raises(UserError, match="the recorded patch does not apply"), clean_checkout(commit(), patch):
        pass
    assert left(tmp_path) == (0, [])
