import contextlib
import shutil
import subprocess
from pathlib import Path

import pytest

from development import other_comparison
from pipeline.data.looks import read_looks, record_look
from pipeline.storage.digests import intact, recorded_digests
from pipeline.storage.folders import looks_file


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with the settings of another comparison, and an outdated figure of it."""
    monkeypatch.chdir(tmp_path)
    for file in ("conf/comparison.yaml", "reports/cells/comparison/old.png"):
        Path(file).parent.mkdir(parents=True)
        Path(file).write_text("old")
    Path("reports/cells/comparison.yaml").write_text("data: elpv")
    return tmp_path


@pytest.fixture
def commands(monkeypatch):
    """The commands that run in the clone; `dvc repro` writes the report of the settings there."""
    ran = []

    def run(command, *, cwd=None, **_):
        ran.append((command[0], command[1]))
        if command[0] == "git":
            shutil.copytree(command[3], command[4], ignore=shutil.ignore_patterns("reports"))
        elif command[0] == "dvc":
            (cwd / "reports/comparison").mkdir(parents=True)
            for file in ("comparison.html", "comparison.md", "comparison/scores.png"):
                (cwd / "reports" / file).write_text((cwd / "conf/comparison.yaml").read_text())
            with contextlib.chdir(cwd):
                record_look(looks_file("elpv"), "evaluated", test_set="a", configuration="b", model="vgg", commit="c")
        return subprocess.CompletedProcess(command, failing.get(command[0], 0))

    failing: dict[str, int] = {}
    monkeypatch.setattr(subprocess, "run", run)
    return ran, failing


def test_the_report_of_the_clone_is_copied_and_recorded(project, commands):
    other_comparison.main("cells", only_pages=False)
    folder = project / "reports/cells"
    assert commands[0] == [("git", "clone"), ("dvc", "repro"), ("convtrack", "verify")]
    assert sorted(recorded_digests(folder)) == [
        "comparison.html",
        "comparison.md",
        "comparison.yaml",
        "comparison/scores.png",
        "records.zip",
    ]
    assert intact(folder) and (folder / "comparison.md").read_text() == "data: elpv"
    assert [look.model for look in read_looks(looks_file("elpv"))] == ["vgg"]
    assert (project / "conf/comparison.yaml").read_text() == "old"


@pytest.mark.parametrize("command", ["dvc", "convtrack"])
def test_if_a_command_fails_nothing_is_written(project, commands, command):
    commands[1][command] = 3
    with pytest.raises(SystemExit) as ended:
        other_comparison.main("cells", only_pages=False)
    assert ended.value.code == 3
    assert not (project / "reports/cells/comparison.md").exists()


def test_without_settings_the_message_names_the_file(project):
    with pytest.raises(SystemExit, match=r"reports/digits/comparison\.yaml is missing"):
        other_comparison.main("digits", only_pages=False)


def test_without_an_archive_no_pages_can_be_written(project):
    with pytest.raises(SystemExit, match=r"reports/cells/records\.zip is missing"):
        other_comparison.main("cells", only_pages=True)
