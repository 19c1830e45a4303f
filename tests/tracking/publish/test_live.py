from io import BytesIO
from types import SimpleNamespace

import pytest
from PIL import Image
from requests import HTTPError

from pipeline.errors import Unreachable, UserError
from pipeline.storage.processes import this_process
from pipeline.tracking.names import AUGMENTED
from pipeline.tracking.publish.live import LiveLogger, logging_live
from pipeline.tracking.publish.model_runs import NETWORK_METRICS, ModelRuns
from pipeline.tracking.tracker import Tracker
from pipeline.training.task import Progress, Pruned
from tests.tracking.conftest import CONFIGURATION, LAYERS, Counting, child, parent, points, runs, task


def test_a_training_logged_live_is_complete_and_finished(tracker, result):
    with logging_live(tracker, "lenet5", [task(result)], CONFIGURATION, "d1ce", layers=LAYERS) as live:
        live(Progress(0, []))
        live(Progress(0, [{"train/loss": 0.5, "val/loss": 0.75}]))
    found = runs(tracker)
    assert {run.info.status for run in found.values()} == {"FINISHED"}
    run = found["lenet5 replicate 1"]
    assert points(tracker, run.info.run_id) == [(1, 0.5), (2, 0.25)]
    assert run.data.metrics["train_seconds"] == 3.0
    assert run.data.tags["mlflow.source.git.commit"] == "c0ffee"
    assert found["lenet5"].data.params == {"training.epochs": "2", "training.seed": "0"}
    kept = {"kept_loss": 0.5, "kept_accuracy": 0.75}
    assert found["lenet5"].data.metrics == {**kept, **dict.fromkeys(NETWORK_METRICS, 1000), "receptive_field": 12}
    assert found["lenet5"].data.tags["convtrack.reused_replicates"] == "0"


def test_the_picture_of_the_augmentation_is_logged_before_training(tracker, result, tmp_path):
    buffer = BytesIO()
    Image.new("RGBA", (4, 3), (0, 128, 255, 255)).save(buffer, "PNG")
    with logging_live(
        tracker, "lenet5", [task(result)], CONFIGURATION, "d1ce", layers=LAYERS, augmented=buffer.getvalue()
    ):
        run = runs(tracker)["lenet5"].info.run_id
        file = tracker.client.download_artifacts(run, AUGMENTED, str(tmp_path))
        with Image.open(file) as picture:
            assert (picture.size, picture.getpixel((0, 0))) == ((4, 3), (0, 128, 255))


def test_compared_runs_open_with_a_cost_and_not_with_the_validation_loss(tracker, result):
    with logging_live(tracker, "lenet5", [task(result)], CONFIGURATION, "d1ce", layers=LAYERS):
        pass
    assert next(iter(runs(tracker)["lenet5"].data.metrics)) == NETWORK_METRICS[0]


def test_a_model_with_layers_that_were_not_counted_has_a_tag_that_names_them(tracker, result):
    layers = LAYERS | {"uncounted": ["attention"]}
    with logging_live(tracker, "lenet5", [task(result)], CONFIGURATION, "d1ce", layers=layers):
        pass
    assert runs(tracker)["lenet5"].data.tags["convtrack.uncounted_layers"] == "attention"


def test_a_reused_training_keeps_the_times_of_its_runs(tracker, result):
    def times():
        return {name: (run.info.start_time, run.info.end_time) for name, run in runs(tracker).items()}

    for _ in range(2):
        with logging_live(tracker, "lenet5", [task(result)], CONFIGURATION, "d1ce", layers=LAYERS):
            before = times()
    assert all(ended for _, ended in before.values())
    assert times() == before
    assert runs(tracker)["lenet5"].data.tags["convtrack.reused_replicates"] == "1"


def test_the_history_of_a_logged_training_is_not_read_again(tracker, result):
    for _ in range(2):
        again = Tracker(Counting(tracker.client), tracker.experiment)
        with logging_live(again, "lenet5", [task(result)], CONFIGURATION, "d1ce", layers=LAYERS):
            pass
    assert not {"get_metric_history", "list_artifacts"} & set(again.client.calls)


def test_a_replicate_interrupted_after_its_last_metrics_is_finished_by_the_next_training(tracker, result, monkeypatch):
    def end(self, run, status, **options):
        if status == "FINISHED":
            raise KeyboardInterrupt
        kept(self, run, status, **options)

    kept = Tracker.end
    with monkeypatch.context() as patched:
        patched.setattr(Tracker, "end", end)
        with (
            pytest.raises(KeyboardInterrupt),
            logging_live(tracker, "lenet5", [task(result)], CONFIGURATION, "d1ce", layers=LAYERS) as live,
        ):
            live(Progress(0, [{"train/loss": 0.5, "val/loss": 0.75}]))
    assert {run.info.status for run in runs(tracker).values()} == {"KILLED"}
    with logging_live(tracker, "lenet5", [task(result)], CONFIGURATION, "d1ce", layers=LAYERS):
        pass
    assert {run.info.status for run in runs(tracker).values()} == {"FINISHED"}


@pytest.mark.parametrize(("problem", "status"), [(KeyboardInterrupt, "KILLED"), (UserError, "FAILED")])
def test_no_run_stays_running_after_any_end_of_a_training(tracker, result, problem, status):
    with (
        pytest.raises(problem),
        logging_live(tracker, "lenet5", [task(result)], CONFIGURATION, "d1ce", layers=LAYERS) as live,
    ):
        live(Progress(0, []))
        raise problem
    assert {run.info.status for run in runs(tracker).values()} == {status}


def test_an_unreachable_store_stops_the_logging_not_the_training(failing_tracker, tracker, result, capsys):
    with logging_live(failing_tracker, "lenet5", [task(result)], CONFIGURATION, "d1ce", layers=LAYERS) as live:
        live(Progress(0, [{"train/loss": 0.5}]))
        failing_tracker.client.unreachable = True
        for _ in range(3):
            live(Progress(0, [{"train/loss": 0.5}, {"train/loss": 0.25}]))
    assert capsys.readouterr().out == (
        "MLflow is unreachable (MlflowException). Training continues without logging. The missing values are logged "
        "when it ends. If that fails too, run the same command again, or `convtrack publish` after evaluation.\n"
    )
    assert points(tracker, runs(tracker)["lenet5 replicate 1"].info.run_id) == [(1, 0.5)]


def test_a_server_that_disappears_before_the_training_is_unreachable(failing_tracker, result, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    failing_tracker.client.unreachable = True
    with (
        pytest.raises(Unreachable, match=r"cannot be reached"),
        logging_live(failing_tracker, "lenet5", [task(result)], CONFIGURATION, "d1ce", layers=LAYERS),
    ):
        pass


def test_a_store_that_becomes_unreachable_at_the_end_does_not_fail_the_training(failing_tracker, result, capsys):
    with logging_live(failing_tracker, "lenet5", [task(result)], CONFIGURATION, "d1ce", layers=LAYERS) as live:
        live(Progress(0, [{"train/loss": 0.5}]))
        failing_tracker.client.unreachable = True
    assert "MLflow is unreachable" in capsys.readouterr().out


def test_what_a_store_has_missed_is_logged_at_the_end(failing_tracker, tracker, result):
    with logging_live(failing_tracker, "lenet5", [task(result)], CONFIGURATION, "d1ce", layers=LAYERS) as live:
        live(Progress(0, [{"train/loss": 0.5}]))
        failing_tracker.client.unreachable = True
        live(Progress(0, [{"train/loss": 0.5}, {"train/loss": 0.25}]))
        failing_tracker.client.unreachable = False
    found = runs(tracker)
    assert {run.info.status for run in found.values()} == {"FINISHED"}
    assert points(tracker, found["lenet5 replicate 1"].info.run_id) == [(1, 0.5), (2, 0.25)]


@pytest.mark.parametrize("pruned", [False, True])
def test_a_trial_that_could_not_be_logged_must_run_again(failing_tracker, tracker, result, pruned, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    trial = SimpleNamespace(number=0, sweep="sweep", sweep_fingerprint="5eed", sweeper=this_process())
    arguments = (failing_tracker, "lenet5", [task(result)], CONFIGURATION, "d1ce")
    with pytest.raises(Unreachable), logging_live(*arguments, layers=LAYERS, trial=trial) as live:
        live(Progress(0, [{"train/loss": 0.5}]))
        failing_tracker.client.unreachable = True
        live(Progress(0, [{"train/loss": 0.5}, {"train/loss": 0.25}]))
        if pruned:
            raise Pruned
    failing_tracker.client.unreachable = False
    with logging_live(*arguments, layers=LAYERS, trial=trial):
        pass
    (run,) = (run for name, run in runs(tracker).items() if name == "lenet5 trial 0")
    assert run.info.status == "FINISHED" and run.data.tags["convtrack.trial_state"] == "complete"
    assert points(tracker, run.info.run_id) == [(1, 0.5), (2, 0.25)]


def test_epochs_that_a_store_has_missed_are_logged_when_a_trial_is_pruned(failing_tracker, tracker, result):
    trial = SimpleNamespace(number=0, sweep="sweep", sweep_fingerprint="5eed", sweeper=this_process())
    arguments = (failing_tracker, "lenet5", [task(result)], CONFIGURATION, "d1ce")
    with pytest.raises(Pruned), logging_live(*arguments, layers=LAYERS, trial=trial) as live:
        live(Progress(0, [{"train/loss": 0.5}]))
        failing_tracker.client.unreachable = True
        live(Progress(0, [{"train/loss": 0.5}, {"train/loss": 0.25}]))
        failing_tracker.client.unreachable = False
        raise Pruned
    run = runs(tracker)["lenet5 trial 0"]
    assert points(tracker, run.info.run_id) == [(1, 0.5), (2, 0.25)]


@pytest.mark.parametrize("status", [403, 413])
def test_a_trial_does_not_run_again_for_an_error_that_would_return(tracker, result, monkeypatch, status):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    trial = SimpleNamespace(number=0, sweep="sweep", sweep_fingerprint="5eed", sweeper=this_process())

    def refuse(*_, **__):
        raise HTTPError(f"{status} Client Error: refused")

    with logging_live(tracker, "lenet5", [task(result)], CONFIGURATION, "d1ce", layers=LAYERS, trial=trial) as live:
        live(Progress(0, [{"train/loss": 0.5}]))
        monkeypatch.setattr(ModelRuns, "log_model", refuse)


def test_a_trial_whose_run_could_not_be_ended_must_run_again(failing_tracker, result, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    trial = SimpleNamespace(number=0, sweep="sweep", sweep_fingerprint="5eed", sweeper=this_process())
    finish = LiveLogger.finish

    def finish_and_lose(self, tags):
        finish(self, tags)
        failing_tracker.client.unreachable = True

    monkeypatch.setattr(LiveLogger, "finish", finish_and_lose)
    arguments = (failing_tracker, "lenet5", [task(result)], CONFIGURATION, "d1ce")
    with pytest.raises(Unreachable), logging_live(*arguments, layers=LAYERS, trial=trial):
        pass


@pytest.mark.parametrize("statuses", [(503, 404), (413, 503)])
def test_an_outage_counts_even_if_another_error_precedes_or_follows_it(tracker, result, monkeypatch, statuses):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    trial = SimpleNamespace(number=0, sweep="sweep", sweep_fingerprint="5eed", sweeper=this_process())

    def failing(status):
        def fail(*_, **__):
            raise HTTPError(f"{status} Server Error: no" if status >= 500 else f"{status} Client Error: no")

        return fail

    with (
        pytest.raises(Unreachable),
        logging_live(tracker, "lenet5", [task(result)], CONFIGURATION, "d1ce", layers=LAYERS, trial=trial) as live,
    ):
        live(Progress(0, [{"train/loss": 0.5}]))
        monkeypatch.setattr(ModelRuns, "log_model", failing(statuses[0]))
        monkeypatch.setattr(ModelRuns, "end", failing(statuses[1]))


def test_the_rest_is_logged_when_the_store_is_reachable_again(failing_tracker, tracker, result):
    with logging_live(failing_tracker, "lenet5", [task(result)], CONFIGURATION, "d1ce", layers=LAYERS) as live:
        failing_tracker.client.unreachable = True
        live(Progress(0, [{"train/loss": 0.5}]))
    failing_tracker.client.unreachable = False
    for run in runs(tracker).values():
        tracker.end(run.info.run_id, "KILLED")  # as the next start does
    logged = ModelRuns.of(tracker, "lenet5", "f00d", {0: "beef"}, configuration=CONFIGURATION, data_digest="d1ce")
    logged.log_result(0, result)
    logged.end("FINISHED")
    found = runs(tracker)
    assert {name: run.info.status for name, run in found.items()} == {
        "lenet5": "FINISHED",
        "lenet5 replicate 1": "FINISHED",
    }
    assert points(tracker, found["lenet5 replicate 1"].info.run_id) == [(1, 0.5), (2, 0.25)]


def test_a_bug_is_not_mistaken_for_an_unreachable_store(tracker):
    above = parent(tracker)
    live = LiveLogger(ModelRuns(tracker, above, {}.__getitem__, {0: child(tracker, above)}), [], LAYERS)
    with pytest.raises(AttributeError):
        live(Progress(0, ["no epoch"]))
