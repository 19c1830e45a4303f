import json
from dataclasses import replace

import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.evaluation.metrics import METRICS
from pipeline.evaluation.predictions import Predictions, write_predictions
from pipeline.tracking.find import MAX_RUNS, candidates, find, same_images
from pipeline.tracking.names import DATA_DIGEST, EVALUATED, EVALUATION, KEPT, REPLICATE, SEED
from pipeline.tracking.store import Store
from pipeline.tracking.tracker import Tracker


def finished(tracker, name, *, fingerprint=None, parameters=None, metrics=None, tags=None):
    """The id of a finished run of a model."""
    tags = {DATA_DIGEST: "d1ce", **(tags or {})}
    run = tracker.parent(fingerprint or f"f00d-{name}", name, parameters=parameters or {}, tags=tags)
    tracker.log_metrics(run, metrics or {})
    tracker.end(run, "FINISHED")
    return run


def replicate(tracker, parent, name, number, metrics, *, fingerprint=None, seed=0):
    """The id of a finished run of a replicate."""
    fingerprint = fingerprint or f"beef-{name}-{number}"
    run = tracker.child(parent, fingerprint, name, number, parameters={SEED: seed}, tags={})
    tracker.log_metrics(run, metrics)
    tracker.end(run, "FINISHED")
    return run


def foreign(tracker, name, metrics):
    """The id of a finished run that another program has logged."""
    run = tracker.client.create_run(tracker.experiment, run_name=name).info.run_id
    tracker.log_metrics(run, metrics)
    tracker.end(run, "FINISHED")
    return run


def predictions(**changes):
    """Predictions for four test images of two classes."""
    parts = {
        "images": np.arange(4),
        "partners": None,
        "groups": np.array([0, 0, 1, 1]),
        "subgroups": None,
        "classes": np.array(["even", "odd"]),
        "truth": np.array([0, 1, 0, 1]),
        "probabilities": np.full((4, 2), 0.5),
        "trained_on": 10,
    }
    return Predictions(**parts | changes)


def evaluate(tracker, project, parent, children):
    """Log predictions of the replicates, as an evaluation does."""
    file = project / "predictions.npz"
    write_predictions(file, {"class": dict.fromkeys(children, predictions())})
    tracker.log_files(parent, [file], EVALUATION)
    tracker.tag(parent, {EVALUATED: json.dumps(children)})


def found(*words):
    """The ids of the runs that the words select, and the remarks."""
    runs, remarks = find(Store.open(), words)
    return [run.info.run_id for run in runs], remarks


def error_message(*words):
    """The message of the error that the words raise."""
    with pytest.raises(UserError) as error:
        find(Store.open(), words)
    return str(error.value)


# Selection


def test_a_run_is_found_by_id_by_the_beginning_of_its_id_and_by_name(tracker):
    run = finished(tracker, "lenet5")
    assert found(run) == found(run[:8]) == found("lenet5") == ([run], [])


def test_a_run_that_several_words_select_is_returned_once(tracker):
    run, other = finished(tracker, "lenet5"), finished(tracker, "resnet8")
    assert found("lenet5", run, "resnet8") == ([run, other], [])


def test_of_several_runs_with_one_name_the_newest_finished_one_is_used(tracker):
    finished(tracker, "lenet5", fingerprint="old")
    newest = finished(tracker, "lenet5", fingerprint="new")
    tracker.parent("running", "lenet5", parameters={}, tags={})
    runs, (remark,) = found("lenet5")
    assert runs == [newest]
    assert remark == f"2 finished runs are named lenet5; the newest is used, {newest[:8]}."


def test_the_run_of_a_model_takes_precedence_over_a_foreign_run_with_the_same_name(tracker):
    run = finished(tracker, "lenet5")
    foreign(tracker, "lenet5", {"accuracy": 0.5})
    assert found("lenet5") == ([run], [])


def test_a_name_that_looks_like_an_id_is_found_as_a_name(tracker):
    run = finished(tracker, "cafe00")
    assert found("cafe00") == ([run], [])


def test_a_filter_finds_models_not_their_replicates(tracker):
    runs = [finished(tracker, name, parameters={"model.epochs": 3}) for name in ("lenet5", "resnet8")]
    replicate(tracker, runs[0], "lenet5", 0, {})
    finished(tracker, "lecture_cnn", parameters={"model.epochs": 4})
    assert set(found("params.model.epochs = '3'")[0]) == set(runs)


def test_a_filter_finds_foreign_runs_if_no_model_satisfies_it(tracker):
    finished(tracker, "lenet5", metrics={"accuracy": 0.5})
    run = foreign(tracker, "theirs", {"accuracy": 0.75})
    assert found("metrics.accuracy > 0.7") == ([run], [])


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("strnog", "The store has no run with the id or name 'strnog'."),
        ("params.model.name = 'nobody'", "No finished run satisfies params.model.name = 'nobody'."),
        ("params.model.name ~ = 3", "MLflow cannot parse the filter params.`model.name` ~ = 3 ("),
    ],
)
def test_the_message_names_the_word_that_selects_no_run(tracker, word, message):
    finished(tracker, "lenet5")
    assert error_message(word).startswith(message)


def test_a_run_that_is_not_finished_is_rejected(tracker):
    run = tracker.parent("f00d", "lenet5", parameters={}, tags={})
    assert error_message("lenet5") == "Run 'lenet5' is RUNNING. Only finished runs can be compared."
    assert error_message(run) == f"Run {run} is RUNNING. Only finished runs can be compared."


def test_a_deleted_run_is_rejected_with_the_command_that_restores_it(tracker):
    run = finished(tracker, "lenet5")
    tracker.client.delete_run(run)
    assert error_message(run) == f"Run {run} is deleted. Restore it (`mlflow runs restore --run-id {run}`)."


def test_a_filter_that_finds_too_many_runs_is_rejected(tracker):
    for number in range(MAX_RUNS + 1):
        tracker.client.set_terminated(
            tracker.client.create_run(tracker.experiment, run_name=f"run {number}", tags={"mine": "yes"}).info.run_id
        )
    assert error_message("tags.mine = 'yes'") == (
        "More than 40 finished runs satisfy tags.mine = 'yes'. Add conditions with AND."
    )


# Contents of a run


def candidate(run):
    (one,) = candidates(Store.open(), [Store.open().run(run)])
    return one


def test_an_evaluated_model_has_predictions_and_test_metrics_by_replicate(tracker, project):
    run = finished(tracker, "lenet5", parameters={"training.epochs": 3})
    children = {n: replicate(tracker, run, "lenet5", n, {"test/f1": 0.5 + n / 4}, seed=7) for n in (0, 1)}
    evaluate(tracker, project, run, children)
    one = candidate(run)
    assert (one.name, one.data, one.digest, one.output, one.seeds) == ("lenet5", "digits", "d1ce", "class", ("7",))
    assert one.tested == {"f1": {0: 0.5, 1: 0.75}}
    assert sorted(one.predictions) == [0, 1]
    assert one.parameters["training.epochs"] == "3"


def test_only_the_newest_finished_replicates_that_were_evaluated_count(tracker, project):
    run = finished(tracker, "lenet5")
    replicate(tracker, run, "lenet5", 0, {"test/f1": 0.25}, fingerprint="old")
    children = {0: replicate(tracker, run, "lenet5", 0, {"test/f1": 0.5}, fingerprint="new")}
    replicate(tracker, run, "lenet5", 1, {"test/f1": 0.75})
    evaluate(tracker, project, run, children)
    assert candidate(run).tested == {"f1": {0: 0.5}}


def test_an_experiment_has_the_validation_metrics_of_its_kept_weights(tracker):
    run = finished(tracker, "lenet5")
    replicate(tracker, run, "lenet5", 0, {"kept_loss": 0.5, "kept_accuracy": 0.75, "validation/f1": 0.25})
    one = candidate(run)
    assert one.validated == {"log_loss": {0: 0.5}, "accuracy": {0: 0.75}, "f1": {0: 0.25}}
    assert (one.predictions, one.tested, one.output) == ({}, {}, None)


def test_a_trial_with_one_replicate_has_its_own_validation_metrics(tracker):
    run = finished(tracker, "lenet5", tags={REPLICATE: "0"}, parameters={SEED: "7"})
    tracker.log_metrics(run, {"kept_loss": 0.5, "kept_accuracy": 0.75})
    one = candidate(run)
    assert one.validated == {"log_loss": {0: 0.5}, "accuracy": {0: 0.75}}
    assert one.seeds == ("7",)


def test_a_metric_that_training_records_is_a_validation_metric(tracker, monkeypatch):
    monkeypatch.setitem(METRICS, "f1", replace(METRICS["f1"], recorded_as="kept_f1"))
    run = finished(tracker, "lenet5")
    replicate(tracker, run, "lenet5", 0, {"kept_loss": 0.5, "kept_f1": 0.25})
    assert candidate(run).validated == {"log_loss": {0: 0.5}, "f1": {0: 0.25}}


def test_runs_hold_every_metric_that_training_records():
    assert {metric.recorded_as for metric in METRICS.values()} - {None} == set(KEPT)


def test_a_foreign_run_has_one_value_per_metric(tracker):
    one = candidate(foreign(tracker, "theirs", {"accuracy": 0.75}))
    assert one.values == {"accuracy": 0.75}
    assert (one.digest, one.predictions, one.tested, one.validated) == (None, {}, {}, {})


def test_runs_with_one_name_are_distinguished_by_data_set_or_id(tracker):
    elpv = Tracker.open("elpv")
    first, second = finished(tracker, "lenet5"), finished(elpv, "lenet5")
    third, fourth = (finished(tracker, "resnet8", fingerprint=fingerprint) for fingerprint in ("old", "new"))
    store = Store.open()
    names = [one.name for one in candidates(store, [store.run(run) for run in (first, second, third, fourth)])]
    assert names == ["lenet5 (digits)", "lenet5 (elpv)", f"resnet8 ({third[:8]})", f"resnet8 ({fourth[:8]})"]


def test_missing_predictions_are_reported_with_the_command_that_logs_them(tracker):
    run = finished(tracker, "lenet5")
    tracker.tag(run, {EVALUATED: "{}"})
    with pytest.raises(UserError, match=r"The test predictions of run 'lenet5' are missing .*`convtrack publish`"):
        candidate(run)


@pytest.mark.parametrize(
    "changes",
    [
        {"images": np.arange(1, 5)},
        {"groups": np.array([0, 1, 1, 1])},
        {"truth": np.array([1, 1, 0, 1])},
        {"classes": np.array(["odd", "even"])},
    ],
)
def test_predictions_for_other_images_groups_labels_or_classes_are_not_paired(changes):
    assert same_images(predictions(), predictions(probabilities=np.full((4, 2), 0.25)))
    assert not same_images(predictions(), predictions(**changes))
