"""The summary of a sweep, and the lines that a sweep prints."""

from datetime import datetime, timedelta

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState, create_trial

from pipeline.sweeping.console_report import parameters_text, summary_lines
from pipeline.sweeping.summary import best_of, summarise, utilisation

START = datetime(2026, 1, 1)


def trial(value=None, state=TrialState.COMPLETE, *, begins=0, lasts=1, name="x", **attributes):
    frozen = create_trial(
        state=state,
        value=value,
        params={name: 0.123456},
        distributions={name: FloatDistribution(0, 1)},
        user_attrs=attributes,
    )
    frozen.datetime_start = START + timedelta(seconds=begins)
    frozen.datetime_complete = frozen.datetime_start + timedelta(seconds=lasts)
    return frozen


@pytest.fixture
def study():
    study = optuna.create_study()
    for one in (
        trial(0.5, reused=1),
        trial(0.25, memory_mib=700),
        trial(0.25, memory_mib=900),
        trial(state=TrialState.FAIL, reason="It diverged."),
        trial(state=TrialState.PRUNED),
    ):
        study.add_trial(one)
    return study


def test_workers_that_are_never_idle_have_utilisation_1():
    assert utilisation([trial(0.1, begins=0, lasts=4), trial(0.1, begins=0, lasts=4)], 2) == 1.0


def test_one_of_two_workers_idle_for_half_the_time_gives_three_quarters():
    assert utilisation([trial(0.1, begins=0, lasts=4), trial(0.1, begins=0, lasts=2)], 2) == 0.75


def test_without_trials_there_is_no_utilisation():
    assert utilisation([], 2) is None


def test_the_first_of_equal_trials_is_the_best(study):
    summary = summarise(study)
    assert [one.number for one in summary.best] == [1]


def test_the_largest_value_of_a_maximised_objective_is_the_best():
    study = optuna.create_study(direction="maximize")
    for value in (0.1, 0.9, 0.5):
        study.add_trial(trial(value))
    assert [one.number for one in best_of(study, study.trials)] == [1]


def test_with_several_objectives_the_pareto_front_is_the_best():
    study = optuna.create_study(directions=["minimize", "minimize"])
    for values in ((1, 5), (2, 4), (3, 6)):
        study.add_trial(create_trial(values=values))
    assert sorted(one.number for one in best_of(study, study.trials)) == [0, 1]


def test_the_summary_counts_trials_and_names_the_best(study):
    assert summary_lines("small", summarise(study), ["validation_loss"]) == [
        "Sweep small: 3 complete (1 reused from earlier trainings), 1 pruned, 1 failed.",
        "  failed 1×: It diverged.",
        "Best: trial 1  validation_loss 0.25  x=0.1235",
        "To compare it with other models: convtrack adopt small",
    ]


def test_the_text_of_parameters_omits_conditions():
    assert parameters_text(trial(0.1, name="model.options.units (model=lenet5)")) == "model.options.units=0.1235"
