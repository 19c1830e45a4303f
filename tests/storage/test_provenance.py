"""The provenance of a result, read from a repository that each test creates."""

import os
import subprocess
from importlib.metadata import version

import pytest

from pipeline.storage import provenance
from pipeline.storage.provenance import CODE, commit, dirty, patch_digest, process_code, uncommitted, versions


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory outside any repository."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def repository(folder, monkeypatch):
    """A repository with code, configuration and results, all committed."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    for part in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{part}_NAME", "a")
        monkeypatch.setenv(f"GIT_{part}_EMAIL", "a@b")
    for file in ("pipeline/stages/train.py", "conf/data/digits.yaml", "dvc.yaml", "requirements.lock", "reports/a.md"):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text("first\n")
    git("init", "--quiet")
    git("add", "--all")
    git("commit", "--quiet", "--message", "first")
    return folder


def git(*arguments):
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_commit_is_the_checked_out_one(repository):
    first = git("rev-parse", "HEAD")
    assert commit() == first
    git("commit", "--quiet", "--allow-empty", "--message", "second")
    assert commit() == git("rev-parse", "HEAD") != first


def test_the_commit_is_found_from_a_folder_inside_the_repository(repository, monkeypatch):
    monkeypatch.chdir(repository / "conf")
    assert commit() == git("rev-parse", "HEAD")


def test_a_committed_tree_is_clean(repository):
    assert dirty() is False


@pytest.mark.parametrize("file", ["pipeline/stages/train.py", "conf/data/digits.yaml", "dvc.yaml", "requirements.lock"])
def test_changed_code_or_configuration_is_dirty(repository, file):
    (repository / file).write_text("second\n")
    assert dirty() is True
    git("commit", "--quiet", "--all", "--message", "second")
    assert dirty() is False


def test_a_new_file_that_git_does_not_know_is_dirty(repository):
    (repository / "conf" / "data" / "mine.yaml").write_text("source: folder\n")
    assert dirty() is True


def test_files_that_runs_write_are_not_dirty(repository):
    (repository / "reports" / "a.md").write_text("second\n")
    (repository / "runs").mkdir()
    (repository / "runs" / "metrics.json").write_text("{}\n")
    (repository / "mlflow.db").write_bytes(b"")
    assert dirty() is False


def test_outside_a_repository_the_commit_is_none_and_nothing_is_dirty(folder):
    assert (commit(), dirty()) == ("none", False)


def test_a_repository_without_a_commit_has_none(folder):
    git("init", "--quiet")
    assert commit() == "none"


def test_a_repository_that_git_calls_dubious_keeps_its_commit(repository, monkeypatch):
    expected = commit()
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    refused = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    assert "dubious ownership" in refused.stderr
    assert (commit(), dirty()) == (expected, False)


def test_without_git_the_commit_is_none(repository, monkeypatch):
    monkeypatch.setenv("PATH", str(repository))
    assert (commit(), dirty()) == ("none", False)


def test_versions_are_those_that_are_installed():
    found = versions()
    assert found["numpy"] == version("numpy")
    assert {"tensorflow", "keras", "mlflow", "dvc", "hydra-core"} <= set(found)


def test_the_watched_files_exist(request):
    assert all((request.config.rootpath / part).exists() for part in CODE)


def test_a_patch_restores_changed_new_binary_and_deleted_files(repository, tmp_path):
    (repository / "conf" / "data" / "digits.yaml").write_text("second, without a line end")
    (repository / "pipeline" / "new.py").write_text("x = 1\n")
    (repository / "pipeline" / "table.npy").write_bytes(bytes(range(256)))
    (repository / "dvc.yaml").unlink()
    (repository / "secret.env").write_text("password\n")
    (repository / "reports" / "a.md").write_text("second\n")
    before = git("status", "--porcelain")
    patch = uncommitted()
    assert git("status", "--porcelain") == before, "the index is as it was"
    assert b"password" not in patch and b"reports" not in patch
    git("worktree", "add", "--detach", str(repository / "clean"))
    subprocess.run(["git", "apply", "-"], cwd=repository / "clean", input=patch, check=True)
    for file in ("conf/data/digits.yaml", "pipeline/new.py", "pipeline/table.npy"):
        assert (repository / "clean" / file).read_bytes() == (repository / file).read_bytes()
    assert not (repository / "clean" / "dvc.yaml").exists()


def test_settings_of_the_user_do_not_change_a_patch(repository):
    (repository / "dvc.yaml").write_text("second\n")
    plain = uncommitted()
    for setting, value in (("diff.noprefix", "true"), ("diff.mnemonicPrefix", "true"), ("color.ui", "always")):
        git("config", setting, value)
    assert uncommitted() == plain


def test_a_patch_that_is_too_long_is_not_recorded(repository, monkeypatch):
    (repository / "dvc.yaml").write_text("second\n")
    length = len(uncommitted())
    monkeypatch.setattr(provenance, "LARGEST_PATCH", length)
    assert uncommitted() is not None
    monkeypatch.setattr(provenance, "LARGEST_PATCH", length - 1)
    assert uncommitted() is None


def test_a_process_records_the_code_that_it_started_with(repository):
    (repository / "dvc.yaml").write_text("second\n")
    record = process_code().record
    assert record == {"commit": commit(), "dirty": True, "patch": patch_digest(uncommitted())}
    (repository / "dvc.yaml").write_text("third\n")
    git("commit", "--quiet", "--all", "--message", "third")
    assert process_code().record == record


def test_a_clean_process_records_no_patch(repository):
    process_code().write_patch(repository / "a.patch")
    assert process_code().record == {"commit": commit(), "dirty": False, "patch": None}
    assert not (repository / "a.patch").exists()
