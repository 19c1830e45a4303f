"""The choice of learning rates sees validation scores only."""

import pytest

from pipeline.studies import digit_protocol
from pipeline.studies.digit_protocol import TESTED, TUNING, Network, choose_rates

VALIDATION = {0.1: (0.8, 0.5), 0.2: (0.9, 0.7), 0.3: (0.9, 0.4)}
"""Accuracy and loss by rate."""


class ValidationOnly:
    """A trained network whose test scores must not be read."""

    def __init__(self, rate):
        accuracy, loss = VALIDATION[rate]
        self.validation = ({"accuracy": accuracy, "log_loss": loss},) * 2

    @property
    def scores(self):
        raise AssertionError("read the test scores")

    predictions = scores


@pytest.fixture
def trained(monkeypatch):
    """The candidates that were trained."""
    seen = []

    def train(candidates, *, replicates):
        assert replicates == digit_protocol.TRIES
        seen.extend(candidates)
        rates = {one.label: float(one.overrides[-1].partition("=")[2]) for one in candidates}
        return {label: ValidationOnly(rate) for label, rate in rates.items()}

    monkeypatch.setattr(digit_protocol, "train_candidates", train)
    return seen


def test_the_rate_with_the_best_accuracy_is_chosen_and_ties_by_the_lower_loss(trained):
    chosen = choose_rates([Network("a", ("model=lecture_cnn",), (0.1, 0.2, 0.3))], data="digits")["a"]
    assert chosen.rate == 0.3
    assert chosen.accuracies == {0.1: 0.8, 0.2: 0.9, 0.3: 0.9}
    assert chosen.at_edge


def test_rates_are_tried_on_tuning_digits_only(trained):
    choose_rates([Network("a", (), (0.1, 0.2))], data="digits")
    assert len(trained) == 2
    assert all(one.overrides[1:-1] == TUNING for one in trained)


def test_a_single_rate_is_not_tried(trained):
    chosen = choose_rates([Network("a", (), (0.1,))], data="digits")["a"]
    assert (trained, chosen.rate, chosen.at_edge) == ([], 0.1, False)


def test_tuning_and_tested_digits_come_from_the_same_split(composed_section):
    tuning, tested = (composed_section(overrides, "split") for overrides in (TUNING, TESTED))
    assert (tuning.tuning_share, tuning.seed) == (tested.tuning_share, tested.seed)
    assert (tuning.strategy, tested.strategy) == ("tuning", "kfold")
    assert tested.folds == digit_protocol.FOLDS
    assert digit_protocol.REPLICATES % digit_protocol.FOLDS == 0


@pytest.fixture
def composed_section():
    from pipeline.cli.composing import composed

    return lambda overrides, name: composed("experiment", ["model=lecture_cnn", *overrides])[name]


def test_the_margin_is_that_of_the_comparison():
    from pipeline.config.reading import read_comparison

    assert read_comparison().margin == digit_protocol.MARGIN


def test_a_rate_between_two_others_is_no_edge():
    assert not digit_protocol.Choice({0.1: 0.5, 0.2: 0.9, 0.3: 0.1}, 0.2).at_edge
    assert digit_protocol.Choice({0.1: 0.5, 0.2: 0.4}, 0.1).at_edge
