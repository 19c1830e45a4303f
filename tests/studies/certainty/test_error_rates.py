"""The error rates at a few small sizes must stay below the bounds that hold at every size."""

import pytest

from pipeline.studies.certainty.error_rates import measured_coverage, measured_false_alarms
from pipeline.studies.certainty.simulated_comparisons import LOW_VARIANCE, SCENARIOS, Scenario, crossed
from pipeline.studies.certainty.simulated_learners import LEARNERS, resampled

SIMULATIONS = 300
# A true rate of 6 % exceeds this bound with a probability of about 2 %.
BOUND = 0.06 + 2 * (0.06 * 0.94 / SIMULATIONS) ** 0.5


@pytest.mark.parametrize("name", SCENARIOS)
def test_equally_good_models_are_rarely_called_different(name):
    simulate = crossed({"one": SCENARIOS[name], "other": SCENARIOS[name]}, 8, 11)
    measured = measured_false_alarms(name, "accuracy", 8, 11, simulate, simulations=SIMULATIONS)
    assert measured.called <= BOUND
    assert measured.called <= measured.excluded


def test_false_alarms_are_rare_for_the_area_under_the_roc_curve():
    scenario = SCENARIOS["both vary"]
    simulate = crossed({"one": scenario, "other": scenario}, 6, 8)
    assert measured_false_alarms("", "roc_auc", 6, 8, simulate, simulations=SIMULATIONS).called <= BOUND


def test_false_alarms_are_rare_when_every_replicate_has_its_own_split():
    simulate = resampled(LEARNERS["few features"], {"one": 1.0, "other": 1.0}, 8, 30)
    measured = measured_false_alarms("", "accuracy", 8, 30, simulate, simulations=SIMULATIONS)
    assert measured.called <= BOUND


def test_fewer_than_six_replicates_never_give_the_verdict_better():
    better = Scenario(replicate=0.0, group=0.0, signal=3.0)
    simulate = crossed({"better": better, "worse": LOW_VARIANCE}, 5, 11)
    assert measured_false_alarms("", "accuracy", 5, 11, simulate, simulations=20).called == 0


def test_intervals_contain_the_true_mean_more_often_than_the_percentile_bootstrap():
    simulate = crossed({"one": SCENARIOS["groups vary"]}, 6, 8)
    measured = measured_coverage("", "accuracy", 6, 8, simulate, simulations=200)
    assert measured.ours >= 0.91
    assert measured.ours > measured.percentiles
