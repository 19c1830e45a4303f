"""The provenance of a result, read from a repository that each test creates."""

import os
import subprocess
from importlib.metadata import version

import pytest

from pipeline.storage.provenance import CODE, commit, dirty, versions


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
