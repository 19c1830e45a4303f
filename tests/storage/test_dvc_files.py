import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.storage.dvc_files import keep_locks, repair

STAGE = """  {name}:
    cmd: python -m pipeline {name}
    deps:
    - path: data/{name}
      hash: md5
      md5: 3389dae361af79b04c9c8e7057f60cc6
      size: 10
    outs:
    - path: runs/{name}
      hash: md5
      md5: 26ab0db90d72e28ad0ba1e22ee510510.dir
"""


def lock(*names):
    return "schema: '2.0'\nstages:\n" + "".join(STAGE.format(name=name) for name in names)


WHOLE = lock("prepare", "build", "train")
LOCK, USERS = Path("dvc.lock"), Path(".dvc/tmp/rwlock")


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    USERS.parent.mkdir(parents=True)
    Path(".git").mkdir()
    LOCK.write_text(WHOLE)
    return tmp_path


@pytest.fixture
def commit():
    """Return a function that commits all files of the project."""

    def git(*arguments):
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments], check=True)

    def made():
        git("init", "--quiet")
        git("add", "--all")
        git("commit", "--quiet", "--message", "results")

    return made


@pytest.mark.parametrize("size", [0, 10, 16, 24, 60, len(WHOLE) // 2, len(WHOLE) - 1])
def test_a_lock_that_is_cut_off_is_replaced_by_the_copy_of_the_last_complete_one(size):
    keep_locks()
    LOCK.write_text(WHOLE[:size])
    (done,) = repair()
    assert done == "dvc.lock was cut off when DVC was killed. It was replaced by the copy of the last complete one."
    assert LOCK.read_text() == WHOLE
    assert repair() == []


LINE_ENDS = [place + 1 for place, letter in enumerate(WHOLE) if letter == "\n"][:-1]


@pytest.mark.parametrize("size", LINE_ENDS)
def test_a_lock_that_is_cut_off_at_the_end_of_a_line_is_replaced_by_the_copy(size):
    keep_locks()
    LOCK.write_text(WHOLE[:size])
    keep_locks()
    assert len(repair()) == 1
    assert LOCK.read_text() == WHOLE


def test_a_changed_lock_without_its_last_stages_does_not_replace_the_copy():
    keep_locks()
    LOCK.write_text(lock("prepare", "build").replace("size: 10", "size: 11"))
    assert len(repair()) == 1
    assert LOCK.read_text() == WHOLE


def test_a_committed_lock_with_fewer_stages_is_not_taken_for_a_cut_one(commit):
    LOCK.write_text(lock("prepare"))
    commit()
    LOCK.write_text(WHOLE)
    keep_locks()
    LOCK.write_text(lock("prepare"))
    assert repair() == []
    assert LOCK.read_text() == Path(".convtrack/dvc/dvc.lock").read_text() == lock("prepare")


def test_a_complete_lock_stays_and_is_kept_for_the_next_time():
    keep_locks()
    LOCK.write_text(lock("prepare", "other"))
    assert repair() == []
    LOCK.write_text("")
    repair()
    assert LOCK.read_text() == lock("prepare", "other")


def test_a_lock_whose_texts_are_no_texts_in_yaml_1_1_is_complete():
    LOCK.write_text(WHOLE.replace("path: data/build", "path: on"))
    assert repair() == []


def test_a_damaged_lock_with_the_same_copy_is_found_by_a_thorough_repair(commit):
    commit()
    for file in (LOCK, Path(".convtrack/dvc/dvc.lock")):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("schema: '2.0'\nstages:\n  a:\n    deps: []\n")
    assert len(repair(thorough=True)) == 1
    assert LOCK.read_text() == WHOLE


@pytest.mark.parametrize("file", [LOCK, USERS])
def test_a_folder_in_place_of_a_file_of_dvc_is_named(file):
    file.unlink(missing_ok=True)
    file.mkdir()
    with pytest.raises(UserError, match=rf"^{file} is a folder, but DVC keeps a file there\. Move the folder away"):
        repair()


@pytest.mark.parametrize(
    "content",
    [
        b"\0" * 4096,
        b"\xff\xfe\n",
        b"- a\n",
        b"stages: {}\n",
        b"schema: '2.0'\nstages: []\n",
        WHOLE.replace("    cmd", "    command").encode(),
    ],
)
def test_a_lock_that_dvc_cannot_read_is_replaced(content):
    keep_locks()
    LOCK.write_bytes(content)
    assert len(repair()) == 1
    assert LOCK.read_text() == WHOLE


def test_an_experiment_in_a_temporary_folder_does_not_replace_the_copies_of_its_project(project, monkeypatch):
    keep_locks()
    temporary = project / ".dvc/tmp/exps/tmp1"
    (temporary / ".dvc/tmp").mkdir(parents=True)
    (temporary / LOCK).write_text(lock("other"))
    with monkeypatch.context() as inside:
        inside.chdir(temporary)
        inside.setenv("DVC_ROOT", str(project))
        keep_locks()
    assert Path(".convtrack/dvc/dvc.lock").read_text() == WHOLE


def test_the_locks_of_studies_are_repaired(project):
    study = Path("reports/depth/dvc.lock")
    study.parent.mkdir(parents=True)
    study.write_text(WHOLE)
    keep_locks()
    study.write_text("")
    assert [line.split()[0] for line in repair()] == ["reports/depth/dvc.lock"]
    assert study.read_text() == WHOLE


def test_without_a_copy_the_committed_lock_is_used(commit):
    commit()
    LOCK.write_text(WHOLE[:100])
    assert repair() == ["dvc.lock was cut off when DVC was killed. It was replaced by the committed one."]
    assert LOCK.read_text() == WHOLE


def test_without_a_copy_and_a_commit_a_lock_is_deleted():
    LOCK.write_text("")
    (done,) = repair()
    assert done.endswith("there is no copy. It was deleted; DVC checks all stages again.")
    assert not LOCK.exists()


def test_a_damaged_copy_is_not_used():
    keep_locks()
    Path(".convtrack/dvc/dvc.lock").write_text("")
    LOCK.write_text("")
    repair()
    assert not LOCK.exists()


def test_a_conflict_of_git_is_left_to_the_user():
    keep_locks()
    conflict = "<<<<<<< HEAD\n" + WHOLE + "=======\n" + lock("prepare") + ">>>>>>> theirs\n"
    LOCK.write_text(conflict)
    with pytest.raises(
        UserError, match=r"dvc\.lock has the marks of a conflict of git, but DVC needs one version\. Choose"
    ):
        repair()
    assert LOCK.read_text() == conflict


def test_nothing_is_repaired_while_dvc_holds_its_lock():
    LOCK.write_text("")
    USERS.write_text("")
    with Path(".dvc/tmp/lock").open("w") as held, Path(".dvc/tmp/rwlock.lock").open("w") as guarded:
        fcntl.flock(held, fcntl.LOCK_EX)
        fcntl.flock(guarded, fcntl.LOCK_EX)
        keep_locks()
        assert repair() == []
    assert not Path(".convtrack").exists()
    assert len(repair()) == 2


@pytest.mark.parametrize(
    "content", ["", "{", '{"write": {"a', "[]", '{"write": 1}', '{"read": {"a": [{}]}}', '{"read": {"a": 1}}']
)
def test_the_list_of_used_paths_is_deleted_if_dvc_cannot_read_it(content):
    USERS.write_text(content)
    assert repair() == [".dvc/tmp/rwlock was cut off when DVC was killed. It was deleted; DVC writes it anew."]
    assert not USERS.exists()


def test_the_list_of_used_paths_keeps_the_processes_of_dvc_and_no_others():
    waiting = "import sys; print(flush=True); sys.stdin.read()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with (
        subprocess.Popen([sys.executable, "-c", waiting, "dvc", "repro"], **pipes) as dvc,
        subprocess.Popen([sys.executable, "-c", waiting], **pipes) as other,
    ):
        for process in (dvc, other):
            process.stdout.readline()

        def user(pid):
            return {"pid": pid, "cmd": "dvc repro"}

        running = {"read": {"a": [user(dvc.pid)]}, "write": {"b": user(dvc.pid)}}
        USERS.write_text(json.dumps(running))
        assert repair() == []
        ended = [user(pid) for pid in (other.pid, os.getpid(), os.getppid(), 1 << 22)]
        USERS.write_text(
            json.dumps(
                {
                    "read": {"a": [*ended, user(dvc.pid)], "c": ended},
                    "write": {**running["write"], **{f"d{n}": one for n, one in enumerate(ended)}},
                }
            )
        )
        assert len(repair()) == 1
        assert json.loads(USERS.read_text()) == running
        dvc.stdin.close()
        other.stdin.close()


def test_in_an_unpacked_archive_dvc_is_set_to_work_without_git():
    Path(".git").rmdir()
    settings = Path(".dvc/config.local")
    settings.write_text("[cache]\n    type = symlink\n")
    (done,) = repair()
    assert done.startswith("This folder is not a repository of git, so DVC was set to work without it")
    assert settings.read_text().split() == ["[cache]", "type", "=", "symlink", "[core]", "no_scm", "=", "True"]
    assert repair() == []


def test_a_folder_below_a_repository_needs_no_setting(project, monkeypatch):
    below = project / "below"
    (below / ".dvc/tmp").mkdir(parents=True)
    monkeypatch.chdir(below)
    assert repair() == []


def test_a_folder_without_dvc_or_without_permission_is_left_alone(tmp_path, monkeypatch):
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.chdir(other)
    keep_locks()
    assert repair() == []
    assert list(other.iterdir()) == []
