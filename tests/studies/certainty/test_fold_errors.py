"""The error rates at a few small sizes must stay below the bounds that hold at every size."""

import numpy as np

from pipeline.studies.certainty.fold_errors import measured_fold_errors, measured_look_errors, measured_power
from pipeline.studies.certainty.simulated_learners import LEARNERS, folded, locked

SIMULATIONS = 100
# A true rate of 6 % exceeds this bound with a probability of about 2 %.
BOUND = 0.06 + 2 * (0.06 * 0.94 / SIMULATIONS) ** 0.5


def test_equally_good_models_are_rarely_called_different_by_folds_and_intervals_contain_the_mean():
    measured = measured_fold_errors("", "accuracy", LEARNERS["few features"], 15, simulations=SIMULATIONS)
    assert [one.repetitions for one in measured] == [1, 2, 4]
    assert max(one.called for one in measured) <= BOUND
    assert min(one.covered for one in measured) >= 0.91


def test_two_repetitions_find_more_than_the_same_number_of_replicates_on_one_test_set():
    models = {"better": 1.5, "worse": 1.0}
    learners = LEARNERS["random starts"]
    folds, one_test = folded(learners, models, 2, 30), locked(learners, models, 10, 30)
    measured = measured_power("", 30, folds, one_test, simulations=30)
    assert measured.difference > 0.05
    assert measured.folds > measured.locked + 0.2
    assert measured.folds >= measured.corrected


def test_looking_three_times_raises_no_more_false_alarms_than_looking_once():
    simulate = folded(LEARNERS["few features"], {"one": 1.0, "other": 1.0}, 4, 15)
    measured = measured_look_errors(2, 15, simulate, simulations=60)
    assert measured.planned <= BOUND
    assert measured.planned <= measured.unplanned
    assert 10 <= measured.trained <= 20
    assert np.isfinite(measured.trained)
