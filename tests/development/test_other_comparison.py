import shutil
import subprocess
from pathlib import Path

import pytest

from development import other_comparison
from pipeline.storage.digests import intact, recorded_digests


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with the settings of another comparison, and an outdated figure of it."""
    monkeypatch.chdir(tmp_path)
    for file in ("conf/comparison.yaml", "data/test_sets/digits.looks.csv", "reports/cells/comparison/old.png"):
        Path(file).parent.mkdir(parents=True)
        Path(file).write_text("old")
    Path("reports/cells/comparison.yaml").write_text("data: elpv")
    return tmp_path


@pytest.fixture
def commands(monkeypatch):
    """The commands that run in the clone; `dvc repro` writes the report of the settings there."""
    ran = []

    def run(command, *, check, cwd=None, **_):
        ran.append((command[0], command[1]))
        if command[0] == "git":
            shutil.copytree(command[3], command[4], ignore=shutil.ignore_patterns("reports"))
        elif command[0] == "dvc":
            (cwd / "reports/comparison").mkdir(parents=True)
            for file in ("comparison.html", "comparison.md", "comparison/scores.png"):
                (cwd / "reports" / file).write_text((cwd / "conf/comparison.yaml").read_text())
            (cwd / "data/test_sets/elpv.looks.csv").write_text("new")
        return subprocess.CompletedProcess(command, returncode=failing.get(command[0], 0))

    failing: dict[str, int] = {}
    monkeypatch.setattr(subprocess, "run", run)
    return ran, failing


def test_the_report_of_the_clone_is_copied_and_recorded(project, commands):
    other_comparison.main("cells")
    folder = project / "reports/cells"
    assert commands[0] == [("git", "clone"), ("dvc", "repro"), ("convtrack", "verify")]
    assert sorted(recorded_digests(folder)) == [
        "comparison.html",
        "comparison.md",
        "comparison.yaml",
        "comparison/scores.png",
    ]
    assert intact(folder) and (folder / "comparison.md").read_text() == "data: elpv"
    assert (project / "data/test_sets/elpv.looks.csv").read_text() == "new"
    assert (project / "conf/comparison.yaml").read_text() == "old"


@pytest.mark.parametrize("failing", ["dvc", "convtrack"])
def test_if_a_command_fails_nothing_is_written(project, commands, failing):
    commands[1][failing] = 3
    with pytest.raises(SystemExit) as ended:
        other_comparison.main("cells")
    assert ended.value.code == 3
    assert not (project / "reports/cells/comparison.md").exists()


def test_without_settings_the_message_names_the_file(project):
    with pytest.raises(SystemExit, match=r"reports/digits/comparison\.yaml is missing"):
        other_comparison.main("digits")
