"""`convtrack why` names the value, file, package or output that would make a stage run, and what would be reused."""

import hashlib
import json
import re
from pathlib import Path

import pytest

from pipeline.cli.commands import why
from pipeline.errors import UserError
from pipeline.verification.stage_reasons import changed_packages

# DVC uses an attribute of pygtrie that pygtrie will remove.
pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep.value will soon raise AttributeError:DeprecationWarning")


@pytest.fixture
def here(project, monkeypatch):
    """Work in the project's folder."""
    monkeypatch.chdir(project.folder)
    return project


@pytest.fixture
def lines(here, capsys):
    """Return the lines that the command prints."""

    def printed(*stages):
        why.main(stages)
        return capsys.readouterr().out.splitlines()

    return printed


def test_without_changes_no_stage_would_run(lines):
    assert lines() == ["No stage would run: settings, files and outputs are those of the last run."]
    (line,) = lines("train@lecture_cnn")
    assert line.startswith("train@lecture_cnn would not run")


def test_a_changed_setting_is_named_with_both_values_and_what_is_trained(here, lines):
    here.change("conf/training/lecture.yaml", epochs=3)
    found = lines("train")
    for model in ("fully_connected", "lecture_cnn"):
        place = found.index(f"train@{model} would run:")
        assert found[place + 1] == "  conf/training/lecture.yaml: epochs 1 → 3"
        assert re.fullmatch(r"  last time it took \d+ (s|min)", found[place + 2])
        assert re.match(r"  0 of 2 trainings have the same fingerprint and are reused; 2 are trained", found[place + 3])
    whole = lines()
    assert "evaluate@lecture_cnn runs only if an output of train@lecture_cnn changes" in whole
    assert any(line.startswith("report runs only if an output of ") for line in whole)


def test_changed_code_that_computes_the_same_trains_nothing(here, lines):
    file = here.folder / "pipeline/training/fit.py"
    file.write_text(file.read_text() + "# a comment\n")
    found = lines("train@lecture_cnn")
    assert found[0] == "train@lecture_cnn would run:"
    assert "pipeline/training" in found[1] and found[1].startswith("  changed code: ")
    assert found[-1] == (
        "  all 2 trainings have the same fingerprint and are reused: the changed code computes the same, so nothing is "
        "trained"
    )


def test_a_missing_and_a_changed_output_are_named(here, lines):
    (here.folder / "runs/lecture_cnn/metrics.json").unlink()
    (here.folder / "runs/fully_connected/confusion.csv").write_text("actual,predicted\n")
    found = lines("evaluate")
    assert "  runs/lecture_cnn/metrics.json is missing" in found
    assert "  runs/fully_connected/confusion.csv is not what the stage wrote" in found


def test_a_changed_image_folder_is_named_file_by_file(here, lines):
    (here.folder / "data/prepared/labels.npy").write_bytes(b"")
    assert "  changed: data/prepared/labels.npy" in lines("train@lecture_cnn")


def test_a_changed_version_of_a_package_is_named(here, lines):
    file = here.folder / "requirements.lock"
    version = re.search(r"^numpy==(\S+)", file.read_text(), re.MULTILINE)[1]
    file.write_text(file.read_text().replace(f"numpy=={version}", "numpy==1.2.3"))
    assert f"  package numpy {version} → 1.2.3" in lines("train@lecture_cnn")


def test_packages_of_a_lock_that_git_does_not_have_are_not_guessed(here):
    assert changed_packages(Path("requirements.lock"), hashlib.md5(b"another").hexdigest()) == []


def test_a_new_model_has_not_run_yet(here, lines):
    here.change("conf/comparison.yaml", models=["fully_connected", "lecture_cnn", "lenet5"])
    found = lines("train@lenet5")
    assert found[:2] == ["train@lenet5 would run:", "  it has not run in this project yet"]


def test_a_kept_interpretation_is_counted(here, lines):
    here.change("conf/interpretation.yaml", images=7)
    found = lines("interpret")
    assert any(line.startswith("  conf/interpretation.yaml: images ") for line in found)
    assert found[-1] == "  0 of 2 interpretations are kept"


def test_an_unknown_stage_is_one_sentence(here, lines):
    with pytest.raises(UserError, match=r"Unknown stage 'reprot'\. Did you mean 'report'"):
        lines("reprot")


def test_the_seconds_of_stages_are_recorded_by_their_commands(here):
    recorded = json.loads((here.folder / ".convtrack/durations.json").read_text())
    assert {"prepare", "build", "train model=lecture_cnn", "report"} <= recorded.keys()
    assert all(seconds > 0 for seconds in recorded.values())
