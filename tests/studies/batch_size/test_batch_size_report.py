import pytest

from pipeline.studies.batch_size.batch_size_report import cost, figures, gaps, text
from pipeline.studies.batch_size.compared_batches import RECIPES, SAME_RATE, SAME_STEPS, SCALED, SMALL, networks
from tests.studies.measured_networks import measured_networks

ACCURACIES = {SMALL.label: 0.9, SAME_RATE.label: 0.6, SCALED.label: 0.9, SAME_STEPS.label: 0.9}
SECONDS = {32: 2.0, 128: 1.0}


@pytest.fixture(scope="module")
def measured():
    return measured_networks(networks(), ACCURACIES)


def test_the_rate_is_scaled_by_the_factor_of_the_batch():
    assert SCALED.rate / SMALL.rate == pytest.approx(SCALED.batch / SMALL.batch)


def test_as_many_epochs_more_give_as_many_steps():
    assert SAME_STEPS.epochs / SMALL.epochs == SAME_STEPS.batch / SMALL.batch


def test_steps_count_incomplete_batches_and_seconds_those_of_all_epochs(measured):
    # 450 training images.
    assert cost(measured, SMALL, SECONDS) == (15, 300, 2.0, 40.0)
    assert cost(measured, SAME_RATE, SECONDS) == (4, 80, 1.0, 20.0)


def test_a_worse_larger_batch_has_a_negative_difference(measured):
    scaled, same = gaps(measured)
    assert scaled.published == pytest.approx(-0.14)
    assert same.sign * same.ours.difference < -0.2


def test_the_answer_states_the_verdict_of_every_recipe(measured):
    report = text(measured, SECONDS)
    assert "with the same learning rate (worse)" in report
    assert "is 2.0 times as fast" in report
    assert report.count("| batch ") == len(RECIPES)


def test_the_curves_have_a_panel_for_epochs_and_one_for_steps(measured):
    epochs, steps = figures(measured)["curves"].axes
    assert [line.get_xdata()[-1] for line in epochs.lines] == [4, 4, 4, 4]
    assert [line.get_xdata()[-1] for line in steps.lines] == [60, 16, 16, 16]
