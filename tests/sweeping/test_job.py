"""How a trial ends in its job: complete, pruned, failed, or back in the queue. The database is real."""

import errno

import optuna
import pytest
from optuna.study import StudyDirection

from pipeline.config.schema import TrialAddress
from pipeline.errors import Unreachable, UserError
from pipeline.storage.processes import this_process
from pipeline.sweeping.database import create_database, full_address
from pipeline.sweeping.job import run_trial
from pipeline.sweeping.ownership import OWNER, take_ownership
from pipeline.sweeping.study import DEFINITION, IDENTITY, REASON, SETTINGS, create_study, trials_of
from pipeline.training.task import Pruned


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    storage = full_address("sqlite:///sweeps.db")
    create_database(storage)
    study = create_study("rules", storage, [StudyDirection.MINIMIZE])
    study.set_user_attr(IDENTITY, "1")
    study.set_user_attr(DEFINITION, {"objectives": ["validation_loss"]})
    study.set_user_attr(SETTINGS, {"pruner": {"name": "none", "options": {}}, "max_steps": 3})
    return study


@pytest.fixture
def address(study):
    """The address of a trial that this process has claimed."""
    trial = study.ask()
    take_ownership(study, trial._trial_id)
    return TrialAddress(full_address("sqlite:///sweeps.db"), "rules", trial.number, this_process())


def raising(problem):
    def work(observer):
        raise problem

    return work


def test_a_trial_is_complete_with_its_value(study, address):
    run_trial(address, lambda observer: observer.on_end({"validation_loss": 0.25, "seconds": 3.0}))
    (trial,) = trials_of(study)
    assert (trial.state.name, trial.value) == ("COMPLETE", 0.25)
    assert trial.user_attrs["values"] == {"validation_loss": 0.25, "seconds": 3.0}
    assert trial.user_attrs["memory_mib"] > 0


@pytest.mark.parametrize(
    ("problem", "state", "reason"),
    [
        (Pruned(), "PRUNED", None),
        (UserError("Mend it."), "FAIL", "Mend it."),
        (ValueError("of two\nlines"), "FAIL", "ValueError: of two lines"),
    ],
)
def test_a_pruned_or_failed_trial_ends(study, address, problem, state, reason):
    run_trial(address, raising(problem))
    (trial,) = trials_of(study)
    assert (trial.state.name, trial.user_attrs.get(REASON)) == (state, reason)


@pytest.mark.parametrize(
    ("problem", "raised"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), OSError),
        (FileExistsError(errno.EEXIST, "File exists", ".convtrack"), FileExistsError),  # a link to a lost storage
        (Unreachable("The store does not respond."), Unreachable),
        (optuna.exceptions.StorageInternalError(), Unreachable),
    ],
)
def test_an_error_of_the_machine_does_not_fail_the_trial(study, address, problem, raised):
    with pytest.raises(raised):
        run_trial(address, raising(problem))
    assert trials_of(study)[0].state.name == "RUNNING"


def test_ctrl_c_requeues_the_trial(study, address):
    with pytest.raises(KeyboardInterrupt):
        run_trial(address, raising(KeyboardInterrupt()))
    assert trials_of(study)[0].state.name == "WAITING"


def test_a_trial_of_another_owner_is_not_changed(study, address):
    called = []
    trial = trials_of(study)[0]
    study._storage.set_trial_user_attr(trial._trial_id, OWNER, "elsewhere 1 1")
    run_trial(address, called.append)
    assert called == [] and trials_of(study)[0].state.name == "RUNNING"
