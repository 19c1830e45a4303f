"""A sweep in MLflow: one run, and one run per trial below it, for any number of processes and any end of a trial."""

import re
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from types import SimpleNamespace

import mlflow
import pytest

from pipeline.errors import UserError
from pipeline.reporting.sweep_description import BestTrial
from pipeline.storage.processes import this_process
from pipeline.tracking.names import FINGERPRINT, KIND, PROCESS, REASON, REPLICATE, SEED, TRIAL_STATE
from pipeline.tracking.publish.live import logging_live
from pipeline.tracking.publish.model_runs import ModelRuns
from pipeline.tracking.publish.sweep_runs import begin_sweep, end_sweep, log_sweep
from pipeline.tracking.tracker import Tracker
from pipeline.training.task import Progress, Pruned
from tests.tracking.conftest import CONFIGURATION, LAYERS, Counting, points, runs, task

PARENT = "mlflow.parentRunId"
EPOCH = {"train/loss": 0.5, "val/loss": 0.75}


def trial(number, sweep="small", fingerprint="5eed"):
    return SimpleNamespace(number=number, sweep=sweep, sweep_fingerprint=fingerprint, sweeper=this_process())


def run_trial(tracker, result, number, **changes):
    """Run a trial from start to end. All trials have the same fingerprints."""
    own = trial(number, **changes)
    with logging_live(tracker, "lenet5", [task(result)], CONFIGURATION, "d1ce", layers=LAYERS, trial=own) as live:
        live(Progress(0, [EPOCH]))


def of_kind(tracker, kind):
    return tracker.client.search_runs([tracker.experiment], f"tags.`{KIND}` = '{kind}'")


# One run per trial


def test_a_trial_with_one_replicate_is_one_run_below_its_sweep(tracker, result):
    run_trial(tracker, result, 7)
    found = runs(tracker)
    assert len(found) == 2
    above, run = (found[name] for name in ("small", "lenet5 trial 7"))
    assert run.data.tags[PARENT] == above.info.run_id
    assert (
        run.data.tags.items()
        >= {
            KIND: "model",
            FINGERPRINT: "f00d",
            "convtrack.sweep": "small",
            "convtrack.trial": "7",
            REPLICATE: "0",
            TRIAL_STATE: "complete",
        }.items()
    )
    assert (above.info.status, run.info.status) == ("RUNNING", "FINISHED")
    assert above.data.tags.items() >= {KIND: "sweep", FINGERPRINT: "5eed", "convtrack.sweep": "small"}.items()
    assert points(tracker, run.info.run_id) == [(1, 0.5), (2, 0.25)]
    assert run.data.params == {"training.epochs": "2", SEED: "0"}
    assert run.data.metrics.items() >= {"kept_loss": 0.5, "train_seconds": 3.0, "parameters": 1000}.items()
    assert [one.dataset.name for one in run.inputs.dataset_inputs] == [
        "digits train",
        "digits validation",
        "digits test",
    ]


def test_the_replicates_of_a_trial_with_several_are_below_it(tracker, result):
    tasks = [task(result), SimpleNamespace(**{**vars(task(result)), "replicate": 1, "fingerprint": "cafe"})]
    with logging_live(tracker, "lenet5", tasks, CONFIGURATION, "d1ce", layers=LAYERS, trial=trial(7)) as live:
        live(Progress(0, [EPOCH]))
        live(Progress(1, [EPOCH]))
    found = runs(tracker)
    assert len(found) == 4 and REPLICATE not in found["lenet5 trial 7"].data.tags
    for number in (0, 1):
        below = found[f"lenet5 trial 7 replicate {number + 1}"]
        assert below.data.tags[PARENT] == found["lenet5 trial 7"].info.run_id
        assert below.info.status == "FINISHED"
        assert points(tracker, below.info.run_id) == [(1, 0.5), (2, 0.25)]


def test_a_trial_needs_few_calls_of_the_store(tracker, result):
    run_trial(tracker, result, 0)
    counted = Tracker(Counting(tracker.client), tracker.experiment)
    run_trial(counted, result, 1)
    assert sum(counted.client.calls.values()) <= 9


def test_every_trial_has_its_own_run_even_if_other_runs_have_its_fingerprint(tracker, result):
    with logging_live(tracker, "lenet5", [task(result)], CONFIGURATION, "d1ce", layers=LAYERS):
        pass
    for number, changes in ((0, {}), (1, {}), (0, {"sweep": "large", "fingerprint": "1a7e"})):
        run_trial(Tracker.open("digits"), result, number, **changes)
    assert len(of_kind(tracker, "sweep")) == 2
    assert len(of_kind(tracker, "model")) == 4 and len(of_kind(tracker, "replicate")) == 1


def test_the_pipeline_never_uses_the_runs_of_a_trial(tracker, result):
    run_trial(tracker, result, 0)
    other = Tracker.open("digits")
    assert other.find("f00d", "lenet5") is None
    logged = ModelRuns.of(other, "lenet5", "f00d", {0: "beef"}, configuration=CONFIGURATION, data_digest="d1ce")
    own = {logged.parent, logged.children[0]}
    assert not own & {run.info.run_id for run in runs(tracker).values() if "convtrack.trial" in run.data.tags}
    assert other.find("f00d", "lenet5").info.run_id == logged.parent


def test_a_killed_trial_continues_in_its_runs(tracker, result):
    own = trial(0)
    with (
        pytest.raises(KeyboardInterrupt),
        logging_live(tracker, "lenet5", [task(result)], CONFIGURATION, "d1ce", layers=LAYERS, trial=own) as live,
    ):
        live(Progress(0, [EPOCH]))
        raise KeyboardInterrupt
    before = {name: run.info.run_id for name, run in runs(tracker).items()}
    assert runs(tracker)["lenet5 trial 0"].info.status == "KILLED"
    run_trial(Tracker.open("digits"), result, 0)
    after = runs(tracker)
    assert {name: run.info.run_id for name, run in after.items()} == before
    assert after["lenet5 trial 0"].info.status == "FINISHED"
    assert points(tracker, before["lenet5 trial 0"]) == [(1, 0.5), (2, 0.25)]


# Ends of trials


@pytest.mark.parametrize(
    ("problem", "status", "tags"),
    [
        (Pruned(), "FINISHED", {TRIAL_STATE: "pruned"}),
        (UserError("Too large."), "FAILED", {TRIAL_STATE: "failed", REASON: "Too large."}),
        (ValueError("not a\nnumber"), "FAILED", {TRIAL_STATE: "failed", REASON: "ValueError: not a number"}),
        (KeyboardInterrupt(), "KILLED", {}),
    ],
)
def test_the_runs_of_a_trial_show_how_it_ended(tracker, result, problem, status, tags):
    tasks = [task(result)]
    with (
        pytest.raises(type(problem)),
        logging_live(tracker, "lenet5", tasks, CONFIGURATION, "d1ce", layers=LAYERS, trial=trial(3)) as live,
    ):
        live(Progress(0, [EPOCH]))
        raise problem
    found = runs(tracker)
    assert found["lenet5 trial 3"].info.status == status
    ending = {name: found["lenet5 trial 3"].data.tags.get(name) for name in (TRIAL_STATE, REASON)}
    assert {name: value for name, value in ending.items() if value} == tags
    assert ("parameters" in found["lenet5 trial 3"].data.metrics) == bool(tags)


def test_repeating_a_failed_trial_removes_the_reason_of_its_failure(tracker, result):
    tasks = [task(result)]
    with (
        pytest.raises(OSError),
        logging_live(tracker, "lenet5", tasks, CONFIGURATION, "d1ce", layers=LAYERS, trial=trial(3)),
    ):
        raise OSError("disk full")
    run_trial(Tracker.open("digits"), result, 3)
    tags = runs(tracker)["lenet5 trial 3"].data.tags
    assert tags[TRIAL_STATE] == "complete" and REASON not in tags


def test_a_process_that_lost_a_trial_does_not_change_its_runs(tracker, result):
    tasks = [task(result)]
    with (
        pytest.raises(ValueError),
        logging_live(tracker, "lenet5", tasks, CONFIGURATION, "d1ce", layers=LAYERS, trial=trial(3)) as live,
    ):
        live(Progress(0, [EPOCH]))
        tracker.client.set_tag(live.runs.parent, PROCESS, "elsewhere 1 1")
        raise ValueError
    run = runs(tracker)["lenet5 trial 3"]
    assert run.info.status == "RUNNING" and TRIAL_STATE not in run.data.tags


# The sweep's own run

SPACE = {"sampler": "tpe", "trials": 20, "space": {"training.batch_size": "choice(16, 32)"}}


def test_jobs_that_start_at_the_same_time_share_one_sweep_run(tracker):
    start = Barrier(4)

    def of_job(own):
        start.wait()
        return own.sweep_run("small", "5eed", process="elsewhere 1 1")

    with ThreadPoolExecutor(4) as jobs:
        found = set(jobs.map(of_job, [Tracker.open("digits") for _ in range(4)]))
    assert {run.info.run_id for run in of_kind(tracker, "sweep")} == found and len(found) == 1
    assert tracker.client.get_run(*found).data.tags[PROCESS] == "elsewhere 1 1"


def test_the_sweep_runs_of_two_machines_are_merged(tracker, result):
    other = tracker.client.create_run(
        tracker.experiment, start_time=1, run_name="small", tags={KIND: "sweep", FINGERPRINT: "5eed"}
    )
    run_trial(tracker, result, 0)
    late = tracker.client.create_run(tracker.experiment, run_name="small", tags={KIND: "sweep", FINGERPRINT: "5eed"})
    tracker.client.set_tag(runs(tracker)["lenet5 trial 0"].info.run_id, PARENT, late.info.run_id)
    run_trial(Tracker.open("digits"), result, 1)
    (run,) = of_kind(tracker, "sweep")
    assert run.info.run_id == other.info.run_id
    assert {one.data.tags[PARENT] for one in of_kind(tracker, "model")} == {run.info.run_id}


def test_a_sweep_run_has_parameters_for_its_settings_and_tags_for_changed_ones(tracker):
    run = begin_sweep(tracker, "small", "5eed", SPACE)
    found = tracker.client.get_run(run)
    space = {"space.training.batch_size": "choice(16, 32)"}
    assert found.data.params == {"sampler": "tpe", "trials": "20", **space}
    assert found.info.status == "RUNNING"
    end_sweep(tracker, run, "FINISHED")
    for trials in (40, 50):
        assert begin_sweep(Tracker.open("digits"), "small", "5eed", SPACE | {"trials": trials}) == run
        again = tracker.client.get_run(run)
        assert again.data.params["trials"] == "20"
        assert {key: value for key, value in again.data.tags.items() if key.startswith("changed.")} == {
            "changed.trials": str(trials)
        }
    assert again.info.status == "RUNNING"


def test_a_condition_is_logged_under_a_name_that_mlflow_accepts(tracker):
    run = begin_sweep(tracker, "small", "5eed", {"when": {"model=lenet5": {"model.options.units": "range(20, 99)"}}})
    assert tracker.parameters(run) == {"when.model:lenet5.model.options.units": "range(20, 99)"}


def test_a_sweep_run_holds_counts_best_values_and_pages(project, tracker):
    run = begin_sweep(tracker, "small", "5eed", SPACE)
    (project / "sweep.html").write_text("<p>")
    first = BestTrial(0, {"validation_loss": 0.5, "validation_accuracy": 0.9}, {"a": 1})
    second = BestTrial(3, {"validation_loss": 0.25, "validation_accuracy": 0.8}, {"a": 2})
    growing = ("validation_accuracy",)
    log_sweep(tracker, run, "small", {"complete": 1, "pruned": 0, "failed": 0}, [first], maximised=growing)
    metrics = {"complete": 3, "pruned": 1, "failed": 1, "reused": 1, "utilisation": 0.9, "memory_mib": 800}
    page = [project / "sweep.html"]
    log_sweep(tracker, run, "small", metrics, [first, second], maximised=growing, files=page)
    end_sweep(tracker, run, "FINISHED")
    found = tracker.client.get_run(run)
    assert found.data.metrics == {
        "trials/complete": 3,
        "trials/pruned": 1,
        "trials/failed": 1,
        "trials/reused": 1,
        "utilisation": 0.9,
        "memory_mib": 800,
        "best/validation_loss": 0.25,
        "best/validation_accuracy": 0.9,
    }
    assert points(tracker, run, "best/validation_loss") == [(1, 0.5), (5, 0.25)]
    assert "`convtrack adopt small --trial NUMBER`" in found.data.tags["mlflow.note.content"]
    assert [file.path for file in tracker.client.list_artifacts(run, "sweep")] == ["sweep/sweep.html"]
    assert found.info.status == "FINISHED"


def test_the_next_start_ends_a_sweep_whose_process_has_ended(tracker):
    run = begin_sweep(tracker, "small", "5eed", SPACE)
    tracker.client.set_tag(run, PROCESS, re.sub("start=[0-9]+", "start=1", this_process()))
    Tracker.open("digits")
    assert tracker.status(run) == "KILLED"


def test_an_unreachable_store_stops_the_logging_not_the_sweep(failing_tracker, capsys):
    run = begin_sweep(failing_tracker, "small", "5eed", SPACE)
    failing_tracker.client.unreachable = True
    log_sweep(failing_tracker, run, "small", {"complete": 1}, [])
    end_sweep(failing_tracker, run, "FINISHED")
    line = "MLflow is unreachable (MlflowException). The sweep continues without logging.\n"
    assert capsys.readouterr().out == 2 * line


def test_a_trial_needs_few_requests(tracker, result):
    """Search for the sweep and the trial; create two runs; log parameters, images, epochs and results; end the runs."""
    run_trial(tracker, result, 0)
    client = Counting(tracker.client)
    run_trial(Tracker(client, tracker.experiment), result, 1)
    assert client.calls.total() <= 14
    assert not {"get_run", "get_metric_history", "list_artifacts"} & set(client.calls)


def test_a_long_description_is_cut_between_lines(tracker):
    run = begin_sweep(tracker, "small", "5eed", SPACE)
    tracker.describe(run, "\n".join(["a line of text"] * 1000))
    kept = mlflow.MlflowClient().get_run(run).data.tags["mlflow.note.content"]
    assert 7900 < len(kept) <= 8000
    assert set(kept.splitlines()) == {"a line of text", "…"}
