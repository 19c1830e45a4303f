"""Damaged files of a finished project: the same values as before, or one sentence that names the file."""

import pickle
import shutil

import pytest

from development.damaged_files import KINDS, cases, outcome
from development.damaged_readers import readers

EVERY = 3
"""One in this many cases is tried here, and `SLOWER` times fewer of the comparison, which takes a second to gather."""
SLOWER = 8


@pytest.fixture
def finished(first_run, tmp_path, monkeypatch):
    """A copy of the project after its first run as the working directory."""
    copy = tmp_path / "project"
    shutil.copytree(first_run.project.folder, copy, symlinks=True)
    monkeypatch.chdir(copy)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return copy


def test_readers_of_damaged_files_return_the_same_or_name_the_file(finished):
    # The small project has no champion, because its networks are too similar.
    known = {name: reader for name, reader in readers().items() if name not in ("champion", "reference")}
    expected = {name: pickle.dumps(reader()) for name, reader in known.items()}
    tried = [
        (number, case)
        for number, case in enumerate(cases(known))
        if number % (EVERY * (SLOWER if case.reader == "comparison" else 1)) == 0
    ]
    assert {case.kind for _, case in tried} == set(KINDS)
    assert len({case.file for _, case in tried}) > 25
    done = [outcome(case, known[case.reader], expected[case.reader], number) for number, case in tried]
    assert [one for one in done if not one.held] == []


def test_what_the_messages_say_restores_the_files(project):
    files = [
        "data/audit.json",
        "data/prepared/labels.npy",
        "networks/lecture_cnn/layers.json",
        "runs/lecture_cnn/train/replicates.json",
        "runs/fully_connected/evaluate/predictions.npz",
    ]
    before = {name: (project.folder / name).read_bytes() for name in files}
    for name in files:
        (project.folder / name).unlink()
    project.repro("evaluate@lecture_cnn", "evaluate@fully_connected")
    assert {name: (project.folder / name).read_bytes() for name in files} == before
