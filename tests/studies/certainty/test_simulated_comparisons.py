import numpy as np
import pytest

from pipeline.studies.certainty.simulated_comparisons import LOW_VARIANCE, crossed, signal_for, true_accuracy


def test_the_true_accuracy_is_the_accuracy_on_very_many_images():
    tested = crossed({"one": LOW_VARIANCE}, 40, 4000)(np.random.default_rng(0))["one"]
    correct = np.mean([one.probabilities.argmax(axis=1) == one.truth for one in tested])
    assert correct == pytest.approx(true_accuracy(1.0), abs=0.01)


def test_the_signal_for_a_difference_raises_the_accuracy_by_that_difference():
    assert true_accuracy(signal_for(0.03)) - true_accuracy(1.0) == pytest.approx(0.03)
