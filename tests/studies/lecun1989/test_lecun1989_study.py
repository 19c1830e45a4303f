import numpy as np
import pytest

from pipeline.cli.composing import composed
from pipeline.config.schema import SplitConfig
from pipeline.data.splits import TEST, TRAIN, replicate_splits
from pipeline.studies.lecun1989.lecun_protocol import (
    DRAWS,
    NETWORKS,
    PUBLISHED,
    REPLICATES,
    SLOWER,
    independent,
    moved,
)
from pipeline.studies.lecun1989.lecun_report import (
    DIFFERENT,
    MOVED,
    Example,
    Measured,
    accuracies_figure,
    digits_figure,
    gain,
    gain_text,
    results,
    text,
)


def measured(*, moved_gain: float, different_gain: float) -> list[Measured]:
    """Five networks; Net-5 is better than Net-1 by these amounts, with a little noise."""
    noise = np.random.default_rng(0).normal(0, 0.002, (5, 2, REPLICATES))
    found = []
    for network in NETWORKS:
        share = (network - 1) / 4
        different = tuple((0.8 + different_gain * share + noise[network - 1, 0]).tolist())
        copies = (0.7 + moved_gain * share + noise[network - 1, 1]).reshape(DRAWS, -1)
        found.append(
            Measured(network, 1000, different, different, different[:4], tuple(map(tuple, copies.tolist())), 1.0)
        )
    return found


@pytest.mark.parametrize(("make", "images"), [(independent, 5000), (lambda network: moved(network, 3), 520)])
def test_every_replicate_has_320_training_and_160_test_digits_balanced_over_classes(make, images):
    split: SplitConfig = composed("experiment", make(5).overrides)["split"]
    labels = np.arange(images) % 10
    rows = replicate_splits(
        split.strategy,
        labels,
        np.arange(images).astype(str),
        None,
        replicates=2,
        test_share=split.test_share,
        validation_share=split.validation_share,
        seed=split.seed,
    )
    for row in rows:
        assert np.bincount(labels[row == TRAIN]).tolist() == [32] * 10
        assert np.bincount(labels[row == TEST]).tolist() == [16] * 10


def test_the_slower_recipe_overrides_the_recipe_of_the_study():
    sections = composed("experiment", independent(2, recipe=SLOWER).overrides)
    assert (sections["optimizer"].learning_rate, sections["training"].epochs) == (0.003, 50)


def test_every_network_has_a_published_value():
    assert list(PUBLISHED) == list(NETWORKS)


def test_the_gain_is_that_of_the_last_network_over_the_first():
    found = measured(moved_gain=0.1, different_gain=-0.05)
    assert gain_text(gain(found, MOVED)).startswith("+10.")
    assert gain_text(gain(found, DIFFERENT)).startswith("−")


def test_the_answer_names_an_advantage_only_where_the_interval_shows_one():
    both, one = (text(measured(moved_gain=0.1, different_gain=value), 0.97) for value in (0.1, -0.05))
    assert "at other positions; with other digits they have no clear advantage" in one
    assert "at other positions; with other digits they have no clear advantage" not in both
    assert "97 % of the test images" in one


def test_the_results_hold_a_claim_for_each_network_and_kind_of_image():
    found = results(measured(moved_gain=0.1, different_gain=0), 0.97)
    assert [one["published"] for one in found["claims"]] == [*PUBLISHED.values()] * 2


def test_the_figures_have_a_row_per_network_and_a_row_per_kind_of_image():
    axes = accuracies_figure(measured(moved_gain=0.1, different_gain=0)).axes[0]
    assert [label.get_text()[:5] for label in axes.get_yticklabels()] == [f"Net-{number}" for number in range(1, 6)]
    images = np.zeros((4, 16, 16), np.uint8)
    assert len(digits_figure(Example(images, images)).axes) == 8
