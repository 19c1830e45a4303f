import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from pipeline.storage import temporary
from pipeline.storage.files import replacing, replacing_folder
from pipeline.storage.temporary import own_temporary_files, temporary_folder
from tests.storage.containers import in_container

KILLED = (
    "import os, sys; from pathlib import Path; from pipeline.storage.files import replacing, replacing_folder;"
    "folder = replacing_folder(Path('results')); (folder.__enter__() / 'half').touch();"
    "file = replacing(Path('result.png')); file.__enter__().touch();"
    "os._exit(9)"
)


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


def replace(folder):
    with replacing_folder(folder / "results") as unfinished:
        (unfinished / "whole").touch()
    with replacing(folder / "result.png") as unfinished:
        unfinished.touch()


def test_a_temporary_folder_is_deleted_after_the_block_and_after_an_error(tmp_path):
    with temporary_folder(tmp_path, "mine-") as folder:
        assert names(tmp_path) == [folder.name]
        assert folder.stat().st_mode & 0o777 == 0o700
    with pytest.raises(ValueError, match="failed"), temporary_folder(tmp_path, "mine-"):
        raise ValueError("failed")
    assert names(tmp_path) == []


def test_what_a_killed_process_left_is_deleted_when_the_same_is_written_again(tmp_path):
    assert subprocess.run([sys.executable, "-c", KILLED], cwd=tmp_path, check=False).returncode == 9
    assert len(names(tmp_path)) == 2
    replace(tmp_path)
    assert names(tmp_path) == ["result.png", "results"]


def test_in_containers_where_each_process_has_the_same_pid_the_second_replaces_what_the_first_left(tmp_path):
    in_container(sys.executable, "-c", KILLED, cwd=tmp_path, code=9)
    in_container(sys.executable, "-c", KILLED.replace("(9)", "(0)"), cwd=tmp_path)
    assert len(names(tmp_path)) == 2
    replace(tmp_path)
    assert names(tmp_path) == ["result.png", "results"]


def test_the_folder_of_a_running_process_stays_even_if_it_is_in_a_container(tmp_path):
    with temporary_folder(tmp_path, ".results-") as folder:
        (folder / "half").touch()
        replace(tmp_path)
        in_container(sys.executable, "-c", KILLED, cwd=tmp_path, code=9)
        assert names(folder) == ["half"]


def test_folders_with_other_names_stay(tmp_path):
    kept = [".results-before", ".results-12345678x", ".results-1234567", ".other-12345678", ".results-12345678.png"]
    for name in kept:
        (tmp_path / name).mkdir()
    (tmp_path / ".results-87654321").write_text("a file")
    (tmp_path / ".results-aaaaaaaa").symlink_to(tmp_path / ".other-12345678")
    replace(tmp_path)
    assert {*kept, ".results-87654321", ".results-aaaaaaaa"} < {*names(tmp_path)}


def test_a_folder_that_another_process_deletes_before_it_is_locked_is_made_again(tmp_path, monkeypatch):
    locked, deleted = temporary.fcntl.flock, []

    def late(lock, operation):
        if not deleted:
            (left,) = tmp_path.iterdir()
            left.rmdir()
            deleted.append(left)
        locked(lock, operation)

    monkeypatch.setattr(temporary.fcntl, "flock", late)
    with temporary_folder(tmp_path, "mine-") as folder:
        assert folder.is_dir() and folder != deleted[0]


def test_many_threads_replace_the_same_file_and_folder(tmp_path):
    threads = [threading.Thread(target=lambda: [replace(tmp_path) for _ in range(20)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert names(tmp_path) == ["result.png", "results"]


def test_a_file_system_without_locks_is_no_obstacle(tmp_path, monkeypatch):
    def refused(lock, operation):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(temporary.fcntl, "flock", refused)
    (tmp_path / ".results-12345678").mkdir()
    replace(tmp_path)
    assert names(tmp_path) == [".results-12345678", "result.png", "results"]


@pytest.fixture
def temporary_files(monkeypatch):
    """The folder for the temporary files of this process, with a path that is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="t-") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        monkeypatch.setattr(tempfile, "tempdir", None)
        yield Path(folder)


def test_temporary_files_of_libraries_and_children_go_into_one_folder(temporary_files):
    with own_temporary_files():
        tempfile.mkdtemp()
        code = "import tempfile; print(tempfile.mkdtemp())"
        left = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        (folder,) = names(temporary_files)
        assert Path(left).parts[-2] == folder
        assert len(names(temporary_files / folder)) == 2
    assert (tempfile.gettempdir(), os.environ["TMPDIR"]) == (str(temporary_files),) * 2


def test_temporary_files_of_a_killed_command_are_deleted_by_the_next_one(temporary_files):
    killed = (
        "import os, tempfile; from pipeline.storage.temporary import own_temporary_files;"
        "held = own_temporary_files(); held.__enter__(); tempfile.mkdtemp(); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", killed], check=False)
    assert len(names(temporary_files)) == 1
    with own_temporary_files():
        (own,) = names(temporary_files)
    assert names(temporary_files / own) == []


def test_temporary_files_are_deleted_when_the_process_ends_after_those_of_libraries(temporary_files):
    program = (
        "import atexit, shutil, tempfile; from pipeline.storage.temporary import own_temporary_files;"
        "held = own_temporary_files(); held.__enter__(); own = tempfile.mkdtemp(); tempfile.mkdtemp();"
        "atexit.register(shutil.rmtree, own)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stderr == ""
    assert names(temporary_files) == []


def test_the_folder_of_multiprocessing_is_deleted_before_even_if_multiprocessing_was_imported_first(temporary_files):
    program = (
        "from multiprocessing import util; from pipeline.storage.temporary import own_temporary_files;"
        "held = own_temporary_files(); held.__enter__(); print(util.get_temp_dir())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert str(temporary_files) in done.stdout
    assert [*temporary_files.iterdir()] == []


def test_a_server_that_replaces_its_command_keeps_its_temporary_files(temporary_files):
    server = (
        "import os, sys; from pipeline.storage.temporary import own_temporary_files;"
        "held = own_temporary_files(); held.__enter__();"
        "os.execv(sys.executable, [sys.executable, '-c', 'print(flush=True); input()'])"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", server], **pipes) as running:
        running.stdout.readline()
        with own_temporary_files():
            assert len(names(temporary_files)) == 2
        running.communicate(b"\n")
    before = set(names(temporary_files))
    with own_temporary_files():
        assert len(before & {*names(temporary_files)}) == 1  # that of the block above


def test_a_command_that_starts_another_one_has_its_folder_beside_it(temporary_files):
    with own_temporary_files(), own_temporary_files():
        assert len(names(temporary_files)) == 2


def test_a_temporary_folder_that_cannot_be_written_is_no_obstacle(temporary_files, monkeypatch):
    def full(folder, mode):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "mkdir", full)
    with own_temporary_files():
        assert tempfile.gettempdir() == str(temporary_files)


WORKER = """
import multiprocessing, os, tempfile
from pipeline.storage import temporary

if __name__ == "__main__":
    with temporary.own_temporary_files():
        context = multiprocessing.get_context("forkserver")
        worker = context.Process(target=print)
        worker.start()
        worker.join()
        print(worker.exitcode, tempfile.gettempdir(), multiprocessing.util.get_temp_dir())
"""


def test_workers_start_even_if_the_path_of_temporary_files_is_too_long_for_sockets(temporary_files, monkeypatch):
    place = temporary_files / ("x" * 60)
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    program = temporary_files / "worker.py"
    program.write_text(WORKER)
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    code, own, sockets = done.stdout.split()
    assert code == "0"
    assert Path(own).parent == place and names(place) == []
    assert len(sockets) < 40 and not Path(sockets).parent.exists()


def test_a_process_that_ends_deletes_the_folder_of_one_that_was_killed_in_the_meantime(tmp_path):
    program = (
        "import os, sys; from pipeline.storage.temporary import own_temporary_files\n"
        "with own_temporary_files():\n    print(flush=True)\n    input()\n    sys.argv[1:] and os._exit(9)"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    with (
        subprocess.Popen([sys.executable, "-c", program], env=environment, **pipes) as lasting,
        subprocess.Popen([sys.executable, "-c", program, "killed"], env=environment, **pipes) as killed,
    ):
        assert lasting.stdout.readline() and killed.stdout.readline()
        killed.communicate("\n", timeout=30)
        assert len(names(tmp_path)) == 2
        lasting.communicate("\n", timeout=30)
    assert names(tmp_path) == []
