"""The harness detects each kind of damage: in files, in the MLflow store, in the trials, and what is left over."""

import json
import shutil
import sqlite3
from contextlib import closing
from hashlib import sha256
from types import SimpleNamespace

import pytest

from torture.files import file_differences, leftovers
from torture.rounds import _output_problem
from torture.stores import Store, store_differences, trial_differences

SCHEMA = """
create table runs (run_uuid, name, status, lifecycle_stage);
create table metrics (run_uuid, key, step, value, timestamp);
create table params (run_uuid, key, value);
create table tags (run_uuid, key, value);
create table logged_models (name, status, lifecycle_stage, source_run_id);
create table model_versions (name, version, status, current_stage);
insert into runs values ('a1', 'cnn', 'FINISHED', 'active');
insert into metrics values ('a1', 'val/loss', 1, 0.5, 10), ('a1', 'val/loss', 2, 0.25, 11);
insert into metrics values ('a1', 'seconds', 1, 3.5, 10);
insert into params values ('a1', 'seed', '0');
insert into tags values ('a1', 'convtrack.kind', 'model');
insert into logged_models values ('cnn', 2, 'active', 'a1');
insert into model_versions values ('digits', 1, 'READY', 'None');
"""
SWEEP = """
create table trials (trial_id, number, state);
create table trial_values (trial_id, value);
create table trial_params (trial_id, param_name, param_value);
insert into trials values (1, 0, 'COMPLETE');
insert into trial_values values (1, 0.5);
insert into trial_params values (1, 'rate', 0.1);
"""
WEIGHTS = "runs/cnn/train/kept.weights.h5"
HISTORY = "runs/cnn/train/history.csv"
RECORD = "runs/cnn/train/record.json"


def execute(database, statements):
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(statements)


@pytest.fixture
def projects(tmp_path):
    """Two projects with the same files, stores and trials."""
    first = tmp_path / "undisturbed"
    (first / "runs/cnn/train").mkdir(parents=True)
    (first / WEIGHTS).write_bytes(bytes(range(16)))
    (first / HISTORY).write_text("epoch,val/loss,seconds\n1,0.5,3.5\n")
    (first / RECORD).write_text(json.dumps({"epochs": 1, "seconds": 3.5}))
    name = "kernels+step+1+timestamp+1795867391960+2cb0ac2f-87a5-4468-9096-77af07e080c7.png"
    picture = first / "mlartifacts/a1/artifacts/images" / name
    picture.parent.mkdir(parents=True)
    picture.touch()
    execute(first / "mlflow.db", SCHEMA)
    execute(first / "sweeps.db", SWEEP)
    second = tmp_path / "disturbed"
    shutil.copytree(first, second)
    return first, second


def differences(projects):
    """All differences between two projects."""
    before, after = projects
    stores = [Store(project / "mlflow.db", project / "mlartifacts") for project in projects]
    return [
        *file_differences(before, after),
        *store_differences(*stores),
        *trial_differences(before / "sweeps.db", after / "sweeps.db"),
    ]


def test_equal_projects_have_no_differences(projects):
    assert differences(projects) == []


def test_durations_process_and_time_of_logging_are_no_differences(projects):
    _, after = projects
    (after / HISTORY).write_text("epoch,val/loss,seconds\n1,0.5,9.9\n")
    (after / RECORD).write_text(json.dumps({"epochs": 1, "seconds": 9.9}))
    execute(
        after / "mlflow.db", "update metrics set timestamp = 99; update metrics set value = 9 where key = 'seconds'"
    )
    assert differences(projects) == []


def test_one_changed_bit_of_weights_is_found(projects):
    _, after = projects
    content = bytearray((after / WEIGHTS).read_bytes())
    content[7] ^= 1
    (after / WEIGHTS).write_bytes(content)
    assert differences(projects) == [f"other content: {WEIGHTS}"]


@pytest.mark.parametrize(
    ("file", "content"), [(HISTORY, "epoch,val/loss,seconds\n1,0.6,3.5\n"), (RECORD, '{"epochs": 2, "seconds": 3.5}')]
)
def test_a_changed_value_is_found(projects, file, content):
    (projects[1] / file).write_text(content)
    assert differences(projects) == [f"other content: {file}"]


@pytest.mark.parametrize("name", ["runs/cnn/.train-123/x", ".123-metrics.json", ".convtrack/checkpoints/a/state.npz"])
def test_a_left_file_is_found(projects, name):
    file = projects[1] / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    assert differences(projects) == [f"left file: {name}"]


def test_a_missing_file_is_found(projects):
    (projects[1] / WEIGHTS).unlink()
    assert differences(projects) == [f"missing file: {WEIGHTS}"]


@pytest.mark.parametrize(
    ("statement", "difference"),
    [
        ("update runs set status = 'RUNNING'", "run cnn: RUNNING"),
        ("insert into runs values ('b2', 'cnn', 'FINISHED', 'active')", "run cnn: 2 times instead of 1"),
        (
            "insert into metrics values ('a1', 'val/loss', 2, 0.25, 99)",
            "run cnn: metrics logged twice: ('val/loss', 2)",
        ),
        ("delete from metrics where step = 2", "run cnn: metrics missing or different: ('val/loss', 2, 0.25)"),
        ("delete from params", "run cnn: parameters differ: ('seed', '0')"),
        ("delete from tags", "run cnn: tags differ: convtrack.kind"),
    ],
)
def test_a_difference_between_runs_is_found(projects, statement, difference):
    execute(projects[1] / "mlflow.db", statement)
    assert differences(projects) == [difference]


def test_a_missing_artifact_and_one_that_is_logged_twice_are_found(projects):
    _, after = projects
    (picture,) = (after / "mlartifacts/a1/artifacts/images").iterdir()
    again = picture.with_name(picture.name.replace("1795867391960", "1795867391999"))
    shutil.copy(picture, again)
    twice = "run cnn: artifacts that are left or logged twice: images/kernels+step+1.png"
    assert differences(projects) == [twice]
    picture.unlink()
    again.unlink()
    assert differences(projects) == ["run cnn: missing artifacts: images/kernels+step+1.png"]


def test_a_version_that_is_registered_twice_is_found(projects):
    execute(projects[1] / "mlflow.db", "insert into model_versions values ('digits', 2, 'READY', 'None')")
    assert len(differences(projects)) == 1 and differences(projects)[0].startswith("registered versions: ")


def test_a_trial_that_failed_is_found(projects):
    execute(projects[1] / "sweeps.db", "update trials set state = 'FAIL'")
    assert any("FAIL" in difference for difference in differences(projects))


@pytest.mark.parametrize("name", ["tmp/x", "project/.dvc/cache/files/md5/ab/cd.tmp"])
def test_temporary_files_are_found(tmp_path, name):
    (tmp_path / "project").mkdir()
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    assert len([*leftovers(tmp_path / "project", tmp_path / "tmp")]) == 1


def test_the_names_of_dvc_s_cache_and_a_free_lock_are_no_leftovers(tmp_path):
    for name in (f"cache/files/md5/ab/{'c' * 30}", f"cache/files/md5/ab/{'c' * 30}.dir", "tmp/rwlock"):
        file = tmp_path / ".dvc" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("{}")
    assert [*leftovers(tmp_path, tmp_path / "tmp")] == []


def test_digests_of_files_with_durations_may_differ_but_must_be_those_of_the_files(projects):
    for project, seconds in zip(projects, ("3.5", "4.5"), strict=True):
        history = (project / HISTORY).read_bytes().replace(b"3.5", seconds.encode())
        (project / HISTORY).write_bytes(history)
        digests = {"history.csv": sha256(history).hexdigest(), "content_sha256": seconds}
        (project / HISTORY).with_name("digests.json").write_text(json.dumps(digests))
    assert differences(projects) == []
    (projects[1] / HISTORY).write_bytes(history.replace(b"4.5", b"5.5"))
    assert differences(projects) == ["other content: runs/cnn/train/digests.json"]


def test_a_traceback_of_an_early_ctrl_c_counts_only_if_a_line_of_the_project_has_run(tmp_path):
    started = (
        'Traceback (most recent call last):\n  File "/v/bin/dvc", line 3, in <module>\n    from dvc.cli import main\n'
    )
    ours = '  File "/t/project/pipeline/cli/main.py", line 3, in <module>\n    import atexit\n'
    for traceback, counts in ((started, False), (started + ours, True)):
        (tmp_path / "log").write_text(f"a line\n{traceback}KeyboardInterrupt\nmake: *** Interrupt\n")
        attempt = SimpleNamespace(output=(tmp_path / "log").read_text(), code=1)
        assert bool(_output_problem(attempt, killed=True)) == counts
