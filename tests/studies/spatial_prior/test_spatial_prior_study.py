from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.cli.composing import composed
from pipeline.studies.spatial_prior.prior_protocol import (
    MISSED,
    NETWORKS,
    ORDERS,
    candidates,
    claims,
    label,
    pytorch_candidates,
)
from pipeline.studies.spatial_prior.prior_report import accuracies_figure, estimates, results, signals_figure, text

MEANS = {"logistic regression": 0.32, "MLP": 0.66, "CNN": 0.92, "dilated CNN": 0.95}


@pytest.fixture
def trained():
    """Four networks in both orders; shuffling costs those with kernels 0.3."""
    spread = np.linspace(-0.01, 0.01, 10)
    return {
        label(network, order): SimpleNamespace(
            values=lambda metric, mean=MEANS[network] - 0.3 * ("CNN" in network and shuffled): tuple(mean + spread),
            parameters=5210,
            multiply_accumulates=40_000,
            receptive_field=(1, 13),
        )
        for order, shuffled in ORDERS.items()
        for network in NETWORKS
    }


def test_every_training_has_6000_steps_of_100_of_4000_signals():
    for candidate in candidates():
        sections = composed("experiment", candidate.overrides)
        training, options = sections["training"], sections["data"].options
        assert training.epochs * options["training"] / training.batch_size == 6000
        assert (training.keep, sections["optimizer"].name, sections["optimizer"].learning_rate) == (
            "last",
            "Adam",
            0.01,
        )
        assert options["shuffled"] == candidate.label.endswith("shuffled")


def pytorch(trained):
    return {label(*place): trained[label(*place)] for place in MISSED}


def test_the_search_for_the_cause_changes_nothing_but_the_initial_weights():
    plain = {one.label: composed("experiment", one.overrides) for one in candidates()}
    for candidate in pytorch_candidates():
        one, other = composed("experiment", candidate.overrides), plain[candidate.label]
        assert one["model"].options == {**other["model"].options, "start": "pytorch"}
        for section in ("data", "optimizer", "training"):
            assert one[section] == other[section]


def test_every_published_value_belongs_to_a_candidate():
    names = [candidate.label for candidate in candidates()]
    assert {claim.name for claim in claims()} == set(names)


def test_the_report_states_accuracies_and_what_shuffling_changes(trained):
    report = text(trained, pytorch(trained))
    assert "reaches 92.0 % with 5,210 parameters and the fully connected one 66.0 %" in report
    assert "- CNN: −30.0 points" in report
    assert "- MLP: 0.0 points" in report or "- MLP: +0.0 points" in report


def test_the_results_hold_every_accuracy(trained):
    found = results(trained, pytorch(trained))
    assert len(found["networks"]["CNN, shuffled"]["accuracies"]) == 10
    assert {claim["verdict"] for claim in found["claims"]} <= {
        "inside the interval",
        "ours is higher",
        "ours is lower",
        "–",
    }


def test_the_figures_have_a_row_per_network_and_signals_in_both_orders(trained):
    axes = accuracies_figure(estimates(trained)).axes[0]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == list(NETWORKS)
    assert len(signals_figure({order: np.zeros((3, 40), np.uint8) for order in ORDERS}).axes) == 6
