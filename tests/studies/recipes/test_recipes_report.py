import json
from functools import cache
from pathlib import Path

import pytest

from pipeline.studies.recipes.recipe_searches import DIGITS, SOLAR_CELLS, Found, Trial, recipe
from pipeline.studies.recipes.recipes_report import answer, results, scores_table, text
from pipeline.studies.trainings import Tuned

RECIPES = {search.data: search for search in (DIGITS, SOLAR_CELLS)}


@cache
def recipes_in_conf(data):
    return {network: recipe(RECIPES[data], network) for network in RECIPES[data].networks}


@pytest.fixture
def found():
    """Both searches. The recipe of each network is its best trial, with 0.9; the others have 0.5."""
    return {name: _found(search) for name, search in RECIPES.items()}


def _found(search):
    recipes = dict(recipes_in_conf(search.data))
    tuned = {
        network: {
            trial: Tuned((0.8, 1.0) if trial == recipes[network] else (0.5, 0.5), (30.0, 30.0))
            for trial in search.trials
        }
        for network in search.networks
    }
    return Found(search, tuned, recipes)


@pytest.mark.parametrize("search", RECIPES.values(), ids=list(RECIPES))
def test_every_recipe_in_conf_is_a_trial_of_its_search(search):
    assert set(recipes_in_conf(search.data).values()) <= set(search.trials)


def test_a_recipe_is_found_by_its_learning_rate_and_augmentation():
    assert recipe(DIGITS, "vgg_bn") == Trial("shifts", 0.003)
    assert recipe(SOLAR_CELLS, "resnet10") == Trial("flips and turns", 0.0003)


def test_the_best_trials_are_marked_and_the_answer_counts_them(found):
    assert answer(found).startswith("For 10 of 10 recipes")
    cells = [cell for row in scores_table(found["elpv"]).rows for cell in row]
    assert cells.count("0.900 ▲●") == 5


def test_the_answer_names_a_recipe_that_is_not_the_best_trial(found):
    found["elpv"].tuned["vgg_bn"][Trial("none", 0.0001)] = Tuned((0.95, 0.95), (30.0, 30.0))
    assert answer(found) == (
        "For 9 of 10 recipes in `conf/model/` (five networks on each of two data sets), yes: of the 8 trials of the "
        "repeated search, the recipe has the best mean validation score. The recipe of `vgg_bn_elpv` (0.001, "
        "augmentation none) has 0.900, the best trial (0.0001, augmentation none) 0.950."
    )


def test_a_recipe_outside_the_trials_is_named(found):
    found["elpv"].recipes["vgg_bn"] = None
    assert "`vgg_bn_elpv` was not among the trials" in answer(found)
    assert results(found)["elpv"]["vgg_bn"]["recipe"] is None


def test_the_report_states_the_minutes_of_all_trainings(found):
    assert "40 minutes of training on digits and 40 on solar cells" in " ".join(text(found).split())


def test_the_report_counts_the_best_learning_rates_at_the_edge_of_the_range(found):
    # resnet8_mnist and lecture_cnn_mnist have 0.01, logistic_elpv 0.0001.
    assert "for 3 of the networks" in " ".join(text(found).split())


def test_the_scores_in_conf_are_those_of_the_report():
    held = json.loads(Path("reports/recipes/results.json").read_text())
    for name, search in RECIPES.items():
        for network in search.networks:
            one = held[name][network]
            (trial,) = [
                trial
                for trial in one["trials"]
                if (trial["augmentation"], trial["learning_rate"])
                == (one["recipe"]["augmentation"], one["recipe"]["rate"])
            ]
            comment = " ".join(Path(f"conf/model/{network}_{search.ending}.yaml").read_text().split())
            assert f"{sum(trial['scores']) / 2:.3f} on validation images" in comment.replace("# ", "")
