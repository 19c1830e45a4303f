"""Ranks over data sets agree with the worked example of Demšar (2006) and with scikit-posthocs."""

from itertools import product

import numpy as np
import pytest
import scikit_posthocs
from scipy import stats

from pipeline.statistics.rank_tests import critical_difference, ranking

# Demšar (2006), Statistical comparisons of classifiers over multiple data sets, table 6: areas under ROC curves.
CLASSIFIERS = ("C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf")
AREAS = {
    "adult": (0.763, 0.768, 0.771, 0.798),
    "breast cancer": (0.599, 0.591, 0.590, 0.569),
    "breast cancer wisconsin": (0.954, 0.971, 0.968, 0.967),
    "cmc": (0.628, 0.661, 0.654, 0.657),
    "ionosphere": (0.882, 0.888, 0.886, 0.898),
    "iris": (0.936, 0.931, 0.916, 0.931),
    "liver disorders": (0.661, 0.668, 0.609, 0.685),
    "lung cancer": (0.583, 0.583, 0.563, 0.625),
    "lymphography": (0.775, 0.838, 0.866, 0.875),
    "mushroom": (1.000, 1.000, 1.000, 1.000),
    "primary tumor": (0.940, 0.962, 0.965, 0.962),
    "rheum": (0.619, 0.666, 0.614, 0.669),
    # Printed as 0.975 twice, but with the ranks 2 and 3.
    "voting": (0.972, 0.981, 0.9751, 0.975),
    "wine": (0.957, 0.978, 0.946, 0.970),
}
DEMSAR = {data: dict(zip(CLASSIFIERS, areas, strict=True)) for data, areas in AREAS.items()}


def simulated(models, data, gap, seed=0):
    random = np.random.default_rng(seed)
    return {
        f"data {number}": {f"model {model}": gap * model + random.normal() for model in range(models)}
        for number in range(data)
    }


def test_mean_ranks_are_those_of_demsar():
    found = ranking("roc_auc", DEMSAR)
    assert dict(zip(found.models, np.round(found.ranks, 3), strict=True)) == {
        "C4.5+m+cf": 1.964,
        "C4.5+m": 2.0,
        "C4.5+cf": 2.893,
        "C4.5": 3.143,
    }


def test_the_statistics_of_friedman_and_of_iman_and_davenport_are_those_of_demsar():
    # Demšar does not correct for ties; this implementation does.
    ranks = np.array(ranking("roc_auc", DEMSAR).ranks)
    chi_squared = 12 * 14 / (4 * 5) * ((ranks**2).sum() - 4 * 5**2 / 4)
    assert chi_squared == pytest.approx(9.28, abs=0.005)
    assert 13 * chi_squared / (14 * 3 - chi_squared) == pytest.approx(3.69, abs=0.005)
    assert ranking("roc_auc", DEMSAR).statistic > 3.69


def test_the_critical_difference_is_that_of_demsar():
    # q is 2.569 at 5 % and 2.291 at 10 % for four classifiers.
    assert critical_difference(4, 14) == pytest.approx(1.25, abs=0.005)
    assert critical_difference(4, 14, level=0.1) == pytest.approx(1.12, abs=0.005)


@pytest.mark.parametrize("seed", range(3))
def test_the_statistic_follows_from_scipys_friedman_test(seed):
    scores = simulated(5, 9, 0.4, seed)
    scores["data 0"] = dict.fromkeys(scores["data 0"], 0.5)
    chi_squared = stats.friedmanchisquare(*zip(*(ones.values() for ones in scores.values()), strict=True)).statistic
    assert ranking("accuracy", scores).statistic == pytest.approx(8 * chi_squared / (9 * 4 - chi_squared))


def test_models_are_tied_where_the_nemenyi_test_of_scikit_posthocs_is_not_significant():
    scores = simulated(6, 12, 0.5)
    found = ranking("accuracy", scores)
    values = np.array([[ones[model] for model in found.models] for ones in scores.values()])
    p_values = scikit_posthocs.posthoc_nemenyi_friedman(values).to_numpy()
    tied = {frozenset((one, other)) for tie in found.ties for one in tie for other in tie if one != other}
    expected = {
        frozenset((found.models[one], found.models[other]))
        for one in range(6)
        for other in range(one)
        if p_values[one, other] > 0.05
    }
    assert 0 < len(expected) < 15
    assert tied == expected


def test_without_a_significant_statistic_all_models_are_tied():
    found = ranking("accuracy", simulated(4, 6, 0.0))
    assert found.p_value > 0.05
    assert found.ties == (found.models,)


def test_errors_rank_the_other_way_round():
    scores = simulated(4, 10, 1.0)
    assert ranking("accuracy", scores).models[0] == ranking("log_loss", scores).models[-1] == "model 3"


def test_equal_models_are_tied_and_always_different_models_are_not():
    equal = {f"data {number}": {"a": 0.5, "b": 0.5} for number in range(8)}
    assert ranking("accuracy", equal).p_value == 1
    different = {f"data {number}": {"a": 0.5, "b": 0.6} for number in range(8)}
    assert ranking("accuracy", different).ties == (("b",), ("a",))


def test_a_data_set_without_one_of_the_models_raises_an_error():
    with pytest.raises(ValueError, match="Received one: a, b; two: a"):
        ranking("accuracy", {"one": {"a": 0.5, "b": 0.4}, "two": {"a": 0.3}})


@pytest.mark.parametrize("data", range(2, 11))
def test_two_equal_models_are_called_different_in_at_most_one_of_twenty_orders(data):
    orders = list(product((0.0, 1.0), repeat=data))
    found = [
        ranking("accuracy", {str(place): {"a": 0.5, "b": one} for place, one in enumerate(order)}) for order in orders
    ]
    assert sum(len(one.ties) > 1 for one in found) / len(orders) <= 0.05
