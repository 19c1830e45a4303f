from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.comparison.choosing import median_replicate, with_champion
from pipeline.config.schema import ChampionConfig
from pipeline.errors import UserError

BY_REPORT = ChampionConfig(None, None, "median")


@dataclass(frozen=True)
class Compared:
    """What the choice reads of a comparison."""

    networks: tuple[Any, ...]
    certainty: Any
    decisive_costs: dict[str, float]
    baselines: dict[str, str]
    primary_metric: str = "accuracy"
    champion: Any = None

    @property
    def models(self):
        return self.networks


def compared(validation, *, unbeaten=None, costs=None, same=(), baselines=(), metric="accuracy", margin=0.01):
    """Networks with their validation scores by replicate; by default, no model beats another."""
    networks = tuple(SimpleNamespace(name=name, validation={metric: scores}) for name, scores in validation.items())
    certainty = SimpleNamespace(
        unbeaten=tuple(unbeaten if unbeaten is not None else validation),
        margin=margin,
        pair=lambda one, other: SimpleNamespace(verdict="same" if {one, other} in map(set, same) else "open"),
    )
    return Compared(networks, certainty, costs or {}, dict.fromkeys(baselines, "a baseline"), metric)


def chosen(comparison, config=BY_REPORT, usable=None):
    usable = [network.name for network in comparison.networks] if usable is None else usable
    return with_champion(comparison, config, usable).champion


def test_the_best_validation_score_chooses_among_the_unbeaten():
    comparison = compared({"a": (0.7,), "b": (0.9,), "c": (0.95,)}, unbeaten=["a", "b"], costs={"a": 1, "b": 2, "c": 3})
    assert chosen(comparison).model == "b"


def test_of_practically_equal_networks_the_cheapest_is_chosen():
    costs = {"a": 3.0, "b": 1.0, "c": 0.1}
    comparison = compared({"a": (0.90,), "b": (0.895,), "c": (0.7,)}, costs=costs)
    champion = chosen(comparison)
    assert champion.model == "b"
    assert "cheapest" in champion.reason and "a 0.900 and b 0.895" in champion.reason


def test_a_network_with_the_verdict_same_counts_as_equal_even_outside_the_margin():
    comparison = compared({"a": (0.90,), "b": (0.85,)}, costs={"a": 3.0, "b": 1.0}, same=[("a", "b")])
    assert chosen(comparison).model == "b"


def test_a_network_that_only_varies_too_much_for_a_verdict_is_not_chosen_for_its_price():
    comparison = compared({"steady": (0.98, 0.97), "failing": (0.98, 0.1)}, costs={"steady": 2.0, "failing": 1.0})
    assert chosen(comparison).model == "steady"


def test_lower_is_better_for_a_loss():
    comparison = compared({"a": (0.7,), "b": (0.3,)}, costs={"a": 1.0, "b": 2.0}, metric="log_loss")
    assert chosen(comparison).model == "b"


def test_no_network_is_chosen_if_none_is_better_than_a_baseline():
    comparison = compared({"a": (0.9,)}, unbeaten=["a", "grey_levels"], baselines=["grey_levels"])
    champion = chosen(comparison)
    assert champion.model is None and champion.replicates == ()
    assert champion.reason == "There is no champion, because no network is shown to be better than grey_levels."


def test_networks_that_need_more_than_an_image_are_never_chosen():
    comparison = compared({"pairs": (0.99,), "plain": (0.8,)}, costs={"pairs": 1.0, "plain": 2.0})
    assert chosen(comparison, usable=["plain"]).model == "plain"
    assert chosen(comparison, usable=[]).model is None


def test_a_person_overrules_the_report_with_a_reason():
    comparison = compared({"a": (0.7,), "b": (0.9,)})
    champion = chosen(comparison, ChampionConfig("a", "It fits on the camera.", "median"))
    assert champion.model == "a" and champion.by_person
    assert champion.reason.startswith("A person chose a: It fits on the camera. Replicate 1 of 1")


@pytest.mark.parametrize(
    ("name", "usable", "message"),
    [("d", ["a"], "Unknown network of the comparison 'd'"), ("a", ["b"], "'a' cannot be the champion")],
)
def test_a_person_cannot_choose_what_is_not_there_or_needs_more_than_an_image(name, usable, message):
    comparison = compared({"a": (0.7,), "b": (0.9,)})
    with pytest.raises(UserError, match=message):
        chosen(comparison, ChampionConfig(name, "why", "median"), usable)


@pytest.mark.parametrize(
    ("scores", "place"), [((0.9,), 0), ((0.9, 0.5, 0.7), 2), ((0.1, 0.4, 0.3, 0.2), 3), ((0.5, 0.5, 0.5), 1)]
)
def test_the_replicate_is_the_one_with_the_median_validation_score(scores, place):
    assert median_replicate(scores) == place
    assert chosen(compared({"a": scores})).replicates == (place,)


def test_of_two_middle_replicates_the_worse_is_chosen_also_for_a_loss():
    assert chosen(compared({"a": (0.1, 0.2, 0.3, 0.4)}, metric="log_loss")).replicates == (2,)


def test_an_ensemble_has_all_replicates():
    champion = chosen(compared({"a": (0.9, 0.8, 0.7)}), ChampionConfig(None, None, "ensemble"))
    assert champion.replicates == (0, 1, 2)
    assert "All 3 replicates predict together" in champion.reason


def test_an_undefined_validation_score_is_the_reason_for_no_champion():
    comparison = replace(compared({"a": (0.9, 0.8)}), primary_metric="roc_auc")
    assert chosen(comparison).reason == (
        "There is no champion, because the validation ROC AUC of a is undefined in some replicate."
    )


def test_a_person_can_choose_a_network_whose_validation_score_is_undefined():
    comparison = replace(compared({"a": (0.9, 0.8)}), primary_metric="roc_auc")
    champion = chosen(comparison, ChampionConfig("a", "It is the only one", "median"))
    assert champion.replicates == (0,)
    assert champion.reason.endswith("Replicate 1 of 2 is packaged, because the median validation ROC AUC is undefined.")


@pytest.mark.parametrize("metric", ["accuracy", "log_loss"])
def test_an_undefined_score_of_a_replicate_counts_as_the_worst(metric):
    comparison = compared({"a": (0.2, float("nan"), 0.3)}, metric=metric)
    assert chosen(comparison, ChampionConfig("a", "why", "median")).replicates == (0 if metric == "accuracy" else 2,)
