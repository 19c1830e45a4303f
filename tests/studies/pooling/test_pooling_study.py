from types import SimpleNamespace

import keras
import numpy as np
import pytest

from pipeline.cli.composing import composed
from pipeline.data.splits import TEST
from pipeline.studies.pooling import pooling_study
from pipeline.studies.pooling.pooling_protocol import (
    INVARIANT,
    MISSED,
    POOLINGS,
    SIZES,
    claims,
    digit_candidates,
    pytorch_candidates,
    signal_candidates,
    signal_label,
)
from pipeline.studies.pooling.pooling_report import (
    CONSISTENCIES,
    OnDigits,
    consistency_figure,
    ranked,
    results,
    signal_estimates,
    sizes_figure,
    text,
)


@pytest.fixture
def signals():
    """Six kinds of pooling; each is better than the one before, and more signals are better."""
    return {
        signal_label(pooling, size): SimpleNamespace(
            values=lambda metric, mean=0.5 + 0.02 * number + 0.1 * place: (mean - 0.01, mean, mean + 0.01),
            parameters=3310,
        )
        for place, size in enumerate(SIZES)
        for number, pooling in enumerate(POOLINGS)
    }


def pytorch(signals):
    return {signal_label(pooling, size): signals[signal_label(pooling, size)] for pooling, size in MISSED}


@pytest.fixture
def digits():
    return {
        name: OnDigits((0.9, 0.91), dict.fromkeys(CONSISTENCIES, (0.8 + number / 50, 0.81 + number / 50)), 3, 0.4)
        for number, name in enumerate([*POOLINGS, INVARIANT])
    }


def test_every_training_on_signals_has_3000_steps_of_100():
    for candidate in signal_candidates():
        sections = composed("experiment", candidate.overrides)
        training = sections["training"]
        assert training.epochs * sections["data"].options["training"] / training.batch_size == 3000


def test_the_search_for_the_cause_changes_nothing_but_the_initial_weights():
    plain = {one.label: composed("experiment", one.overrides) for one in signal_candidates()}
    for candidate in pytorch_candidates():
        one, other = composed("experiment", candidate.overrides), plain[candidate.label]
        assert one["model"].options == {**other["model"].options, "start": "pytorch"}
        for section in ("data", "optimizer", "training"):
            assert one[section] == other[section]


def test_every_kind_of_pooling_is_trained_on_digits_and_the_control_is_circular():
    options = {one.label: composed("experiment", one.overrides)["model"].options for one in digit_candidates()}
    assert [options[name]["pooling"] for name in POOLINGS] == list(POOLINGS.values())
    assert options[INVARIANT] == {"padding": "circular", "pooling": "polyphase", "head": "average"}


def test_published_values_belong_to_candidates():
    names = {candidate.label for candidate in signal_candidates()}
    assert {claim.name for size in SIZES for claim in claims(size)} == names


def test_kinds_of_pooling_are_ranked_by_their_accuracy(signals):
    assert ranked(signal_estimates(signals), SIZES[0]) == [*POOLINGS][::-1]


def test_the_report_states_the_most_and_the_least_consistent_pooling(signals, digits):
    report = text(signals, pytorch(signals), digits)
    assert (
        "for 90.5 % of the digits with the most consistent kind of pooling (polyphase), and for 80.5 % with" in report
    )
    assert "1,000 signals, from the best to the worst: polyphase" in report


def test_intervals_on_digits_are_those_of_replicates_that_share_digits(digits):
    redrawn = digits["max"].estimates()
    independent = digits["max"]._replace(tested_share=0.0).estimates()
    assert len(redrawn) == 1 + len(CONSISTENCIES)
    assert all(one.low < other.low and one.high > other.high for one, other in zip(redrawn, independent, strict=True))


def test_the_results_hold_a_claim_for_each_pooling_and_size(signals, digits):
    assert len(results(signals, pytorch(signals), digits)["claims"]) == len(POOLINGS) * len(SIZES)


def test_the_figures_have_a_line_per_pooling_and_a_row_per_network(signals, digits):
    assert len(sizes_figure(signal_estimates(signals)).legends[0].get_texts()) == len(POOLINGS) + 1
    assert [tick.get_text() for tick in consistency_figure(digits).axes[0].get_yticklabels()] == list(digits)


def test_consistencies_are_measured_on_the_test_digits_of_each_replicate(monkeypatch, eight_images):
    """A network whose class is that of the grey level of the image is consistent under every shift."""
    image = keras.Input((4, 4, 1), name="image")
    grey = keras.layers.GlobalAveragePooling2D()(image)
    network = keras.Model(image, keras.layers.Dense(3, activation="softmax")(grey))
    network.layers[-1].set_weights([np.array([[-9.0, 0, 9]], np.float32), np.array([0, 1, 0], np.float32)])
    monkeypatch.setattr(pooling_study, "read_prepared", lambda folder: eight_images)
    trained = SimpleNamespace(
        label="grey levels",
        prepared=None,
        tasks=[SimpleNamespace(architecture=network.to_json())] * 2,
        predictions=[SimpleNamespace(truth=np.zeros(2), trained_on=4)] * 2,
        network=lambda replicate: network,
        values=lambda metric: (0.5, 0.6),
    )
    found = list(pooling_study.subject(trained).replicates())
    assert [len(one.pixels) for one in found] == [len(eight_images.indices(number, TEST)) for number in (0, 1)]
    assert pooling_study.on_digits(trained).tested_share == 0.5
    assert set(pooling_study.on_digits(trained).consistencies) == set(CONSISTENCIES)
    assert {value for both in pooling_study.on_digits(trained).consistencies.values() for value in both} == {1.0}
