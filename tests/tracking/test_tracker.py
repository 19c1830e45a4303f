import re
import time

import pytest

from pipeline.errors import UserError
from pipeline.storage.processes import this_process
from pipeline.tracking.names import DVC_EXPERIMENT, FINGERPRINT, PROCESS
from pipeline.tracking.tracker import Tracker
from tests.tracking.conftest import child, parent, runs


def test_a_data_set_is_one_experiment_that_opens_in_the_mode_for_trained_models(tracker):
    again = Tracker.open("digits")
    assert again.experiment == tracker.experiment != Tracker.open("elpv").experiment
    experiment = tracker.client.get_experiment(tracker.experiment)
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"


def test_a_run_is_found_by_its_fingerprint_and_model(tracker):
    run = parent(tracker)
    assert parent(tracker) == run == tracker.find("f00d", "lenet5").info.run_id
    assert tracker.find("f00d", "resnet8") is None
    assert len({run, parent(tracker, model="resnet8"), parent(tracker, fingerprint="cafe")}) == 3


def test_missing_parameters_and_tags_are_added_and_existing_ones_kept(tracker):
    parent(tracker)
    run = parent(tracker, parameters={"training.epochs": 4, "training.keep": "best"}, tags={"convtrack.dirty": "true"})
    found = tracker.client.get_run(run).data
    assert found.params == {"training.epochs": "3", "training.keep": "best"}
    assert found.tags["convtrack.dirty"] == "false"


def test_the_run_of_a_replicate_is_below_that_of_its_model(tracker):
    above = parent(tracker)
    run = tracker.client.get_run(child(tracker, above))
    assert run.data.tags["mlflow.parentRunId"] == above
    assert run.data.tags[FINGERPRINT] == "beef"
    assert run.info.run_name == "lenet5 replicate 1"


def test_a_models_run_that_loses_its_last_replicate_to_another_run_is_deleted(tracker):
    old, new = parent(tracker), parent(tracker, fingerprint="cafe")
    children = [child(tracker, old, fingerprint) for fingerprint in ("seed 0", "seed 1")]
    child(tracker, new, "seed 1")
    assert tracker.client.get_run(old).info.lifecycle_stage == "active"
    assert child(tracker, new, "seed 0") == children[0]
    assert tracker.client.get_run(old).info.lifecycle_stage == "deleted"


def test_a_deleted_run_is_created_again(tracker):
    run = parent(tracker)
    tracker.client.delete_run(run)
    assert parent(tracker) != run


def test_the_message_for_a_deleted_experiment_gives_the_command_that_restores_it(project, tracker):
    tracker.client.delete_experiment(tracker.experiment)
    with pytest.raises(UserError) as error:
        Tracker.open("digits")
    assert str(error.value) == (
        f"The MLflow experiment 'digits' in sqlite:///{project}/mlflow.db is deleted. Restore it "
        f"(`mlflow experiments restore -x {tracker.experiment}`) or use another store."
    )


def test_a_model_with_quotes_in_its_name_is_found(tracker):
    names = ["Yann's", 'the "best"', "both ' and \"", 'both _ and "']
    created = [parent(tracker, model=name) for name in names]
    assert [parent(tracker, model=name) for name in names] == created
    assert len(set(created)) == len(names)


def test_a_run_that_has_ended_keeps_its_end_time(tracker):
    run = parent(tracker)
    tracker.end(run, "FINISHED")
    ended = tracker.client.get_run(run).info.end_time
    time.sleep(0.01)
    tracker.end(run, "FINISHED")
    assert tracker.client.get_run(run).info.end_time == ended
    tracker.start(run)
    assert tracker.status(run) == "RUNNING"
    tracker.end(run, "KILLED")
    assert tracker.status(run) == "KILLED"


def recycled(name):
    return re.sub("start=[0-9]+", "start=1", name)


def elsewhere(name):
    return re.sub("boot=[^ ]+", "boot=another", f"not-{recycled(name)}")


def in_another_container(name):
    return re.sub("pidns=[0-9]+", "pidns=1", recycled(name))


def of_an_earlier_version(name):
    host, number = name.split()[:2]
    return f"{host} {number} 1"


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (str, "RUNNING"),
        (recycled, "KILLED"),
        (of_an_earlier_version, "KILLED"),
        (elsewhere, "RUNNING"),
        (in_another_container, "RUNNING"),
    ],
)
def test_the_next_start_ends_a_run_whose_process_on_this_machine_has_ended(tracker, change, status):
    run = parent(tracker)
    tracker.start(run)
    tracker.client.set_tag(run, PROCESS, change(this_process()))
    Tracker.open("digits")
    assert tracker.status(run) == status


def test_a_run_names_the_dvc_experiment_that_created_it(tracker, monkeypatch):
    parent(tracker)
    monkeypatch.setenv("DVC_EXP_NAME", "tidy-fox")
    child(tracker, parent(tracker))
    found = runs(tracker)
    assert DVC_EXPERIMENT not in found["lenet5"].data.tags
    assert found["lenet5 replicate 1"].data.tags[DVC_EXPERIMENT] == "tidy-fox"
