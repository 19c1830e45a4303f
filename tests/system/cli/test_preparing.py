"""Preparing pictures that is interrupted, killed, started twice or runs out of disk space."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress

import psutil
import pytest

from benchmarks.generated_pictures import write_pictures
from pipeline.data.prepared import read_prepared

COUNT = 700
COMMAND = (sys.executable, "-m", "pipeline", "prepare", "data=folder", "split=random", "replicates=1")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A folder of pictures whose decoding takes some seconds."""
    folder = tmp_path_factory.mktemp("pictures")
    write_pictures(folder, range(COUNT), width=900, height=700, suffix=".jpg", workers=2)
    return folder


@pytest.fixture
def project(project, pictures):
    """A project with these pictures."""
    project.edit("conf/data/folder.yaml", "path: data/images", f"path: {pictures}")
    project.edit("conf/data/folder.yaml", "draft: true", "draft: false")
    return project


def start(project):
    return subprocess.Popen(
        COMMAND, cwd=project.folder, env=project.variables, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def recorded(project):
    """The rows of the pictures in the index of the cache, by name."""
    for index in project.folder.glob(".convtrack/pictures/*/index.sqlite"):
        with suppress(sqlite3.OperationalError), closing(sqlite3.connect(index, timeout=30)) as database:
            return dict(database.execute("SELECT name, row FROM pictures"))
    return {}


def started_and_recording(project):
    """A preparation that has recorded some pictures and decodes others, and its worker processes."""
    process = start(project)
    deadline = time.monotonic() + 120
    while not recorded(project):
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()
        time.sleep(0.02)
    return process, psutil.Process(process.pid).children(recursive=True)


def assert_prepared(project):
    prepared = read_prepared(project.folder / "data/prepared")
    assert len(prepared.labels) == len(prepared.pixels) == COUNT
    assert len({digest.tobytes() for digest in prepared.digests}) == COUNT
    assert sorted(file.name for file in (project.folder / "data").iterdir() if file.name.startswith(".")) == []


def assert_continues(project):
    """The same command keeps the recorded pictures, and writes what an uninterrupted one writes."""
    before = recorded(project)
    assert 0 < len(before) < COUNT
    assert not (project.folder / "data/prepared").exists()
    project.run(*COMMAND[3:]).output()
    after = recorded(project)
    assert len(after) == COUNT and before.items() <= after.items()
    assert_prepared(project)


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_an_interrupted_preparation_states_how_to_continue_and_continues(project, by):
    process, workers = started_and_recording(project)
    process.send_signal(by)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert errors == "convtrack: Interrupted. Run the same command again to continue; finished work is kept.\n"
    assert psutil.wait_procs(workers, timeout=10)[1] == []
    assert_continues(project)


def test_a_killed_preparation_leaves_no_process_and_continues(project):
    process, workers = started_and_recording(project)
    process.kill()
    process.communicate()
    assert workers and psutil.wait_procs(workers, timeout=10)[1] == []
    assert_continues(project)


def test_two_preparations_at_once_decode_each_picture_once_and_write_the_same(project):
    both = [start(project), start(project)]
    for process in both:
        _, errors = process.communicate(timeout=240)
        assert (process.returncode, errors) == (0, "")
    assert sorted(recorded(project).values()) == list(range(COUNT))
    assert_prepared(project)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
@pytest.mark.parametrize("megabytes", [6, 14], ids=["while decoding", "while writing"])
def test_a_preparation_on_a_full_disk_is_reported_and_continues(project, megabytes):
    # The decoded pictures take 8.6 MB, and the prepared ones as much again.
    disk = project.folder / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(disk)], check=False)
    if mounted.returncode:
        pytest.skip("a tmpfs cannot be mounted here")
    try:
        shutil.rmtree(project.folder / "data")
        for name in ("data", ".convtrack"):
            (disk / name).mkdir()
            (project.folder / name).symlink_to(disk / name)
        message = project.run(*COMMAND[3:]).error_message()
        assert message.startswith("The disk is full: no space left")
        assert not (project.folder / "data/prepared").exists()
        subprocess.run(["mount", "-o", "remount,size=40m", str(disk)], check=True)
        project.run(*COMMAND[3:]).output()
        assert_prepared(project)
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=False)
