"""Damaged files of a finished project: the same values as before, or one sentence that names the file."""

import pickle

import pytest

from development import damaged_choices
from development.damaged_files import KINDS, cases, outcome
from development.damaged_readers import readers

EVERY = 3
"""One in this many cases is tried here, and `SLOWER` times fewer of the comparison, which takes a second to gather."""
SLOWER = 8
EVERY_CONFIGURATION = 29
"""One in this many damaged files of conf/ is composed: each takes Hydra half a second."""


@pytest.fixture
def finished(first_run, tmp_path, monkeypatch):
    """A copy of the project after its first run as the working directory."""
    copy = tmp_path / "project"
    first_run.project.copied_with_store(copy)
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


def test_commands_name_the_damaged_file_of_the_configuration(finished):
    known = damaged_choices.configurations()
    cases = list(damaged_choices.configuration_cases())
    assert {case.kind for case in cases[::EVERY_CONFIGURATION]} == set(KINDS)
    for number, case in enumerate(cases):
        if number % EVERY_CONFIGURATION == 0:
            reader = known[case.reader]
            done = outcome(case, reader, pickle.dumps(reader()), number)
            assert done.held, done


def test_damaged_databases_are_named_and_changed_numbers_of_mlflow_are_found(finished, empty_store):
    """`empty_store` imports MLflow's tables without the warning that this raises.

    It takes 10 to 25 s, because each of 23 cases reads in a process of its own.
    """
    damaged_choices.write_sweep()
    known = damaged_choices.databases()
    expected = {name: pickle.dumps(reader()) for name, reader in known.items()}
    cases = list(damaged_choices.database_cases(known))
    assert {(case.reader, case.file.name) for case in cases} == {
        ("store", "mlflow.db"),
        ("new run", "mlflow.db"),
        ("sweeps", "sweeps.db"),
    }
    done = [outcome(case, known[case.reader], expected[case.reader], number) for number, case in enumerate(cases)]
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
