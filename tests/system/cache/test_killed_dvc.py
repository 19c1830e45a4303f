"""The real `dvc` in a project of two stages, killed while it writes its files."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
STAGE = "{python} -m pipeline --help > /dev/null && cat {read} > {written} && echo {written} >> ran"
KILLED = """
import os, sys
from types import SimpleNamespace
import dvc.rwlock
from dvc.cli import main
from dvc.utils.serialize import _yaml

file, number = sys.argv[1], int(sys.argv[2])
changed = []

def ending(write):  # DVC has emptied the file before it calls `write`.
    def written(values, stream):
        changed.append(values)
        if len(changed) < number:
            return write(values, stream)
        os._exit(9)
    return written

if file == "rwlock":
    dvc.rwlock.json = SimpleNamespace(**{**vars(dvc.rwlock.json), "dump": ending(dvc.rwlock.json.dump)})
else:
    plain, cut = _yaml._dump, ending(_yaml._dump)
    _yaml._dump = lambda values, stream: (cut if "schema" in values else plain)(values, stream)
main(["repro"])
"""


class Project:
    """A folder with a stage that reads `source`, and a second one that reads what the first has written."""

    def __init__(self, folder):
        self.folder = folder

    def run(self, *command, code=0):
        """Run a Python program, which must end with this exit code."""
        done = subprocess.run(
            [sys.executable, *command],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def change(self, source):
        (self.folder / "source").write_text(source)

    @property
    def ran(self):
        """The stages that have run since the last call."""
        file = self.folder / "ran"
        stages = file.read_text().split()
        file.write_text("")
        return stages


@pytest.fixture
def project(tmp_path):
    """A project whose stages have run for one source; now it has another one."""
    stages = {
        written: {
            "cmd": STAGE.format(python=sys.executable, read=read, written=written),
            "deps": [read],
            "outs": [written],
        }
        for read, written in (("source", "first"), ("first", "second"))
    }
    (tmp_path / "dvc.yaml").write_text(str({"stages": stages}))
    made = Project(tmp_path)
    made.change("1")
    made.run("-m", "dvc", "init", "--quiet", "--no-scm")
    made.run("-m", "dvc", "repro")
    assert made.ran == ["first", "second"]
    made.change("2")
    return made


def test_after_a_kill_in_dvc_lock_a_repair_keeps_the_finished_stages(project):
    # DVC writes the lock after each stage.
    project.run("-c", KILLED, "lock", "2", code=9)
    assert project.ran == ["first", "second"]
    project.run("-m", "dvc", "repro", code=255)
    assert "replaced by the copy" in project.run("-m", "pipeline", "repair")
    output = project.run("-m", "dvc", "repro")
    assert "Stage 'first' didn't change" in output and "Stage 'second' is cached" in output
    assert project.ran == []
    assert "No interrupted write of DVC was found" in project.run("-m", "pipeline", "repair")


def test_after_a_kill_in_the_list_of_used_paths_a_repair_is_enough(project):
    project.run("-c", KILLED, "rwlock", "3", code=9)
    assert "rwlock" in project.run("-m", "dvc", "repro", code=255)
    assert ".dvc/tmp/rwlock was cut off" in project.run("-m", "pipeline", "repair")
    project.run("-m", "dvc", "repro")
    assert "Data and pipelines are up to date." in project.run("-m", "dvc", "status")
