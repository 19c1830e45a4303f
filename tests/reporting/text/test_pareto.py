from hypothesis import given
from hypothesis import strategies as st

from pipeline.reporting.costs import COSTS
from pipeline.reporting.text.pareto import Point, front, front_sentence, front_sentences, pareto_front

PARAMETERS, OPERATIONS = COSTS[:2]


def front_of(*points, lower_is_better=False):
    return [one.model for one in pareto_front([Point(*point) for point in points], lower_is_better=lower_is_better)]


def test_the_front_holds_the_models_that_no_other_dominates():
    points = (("expensive", 9, 0.9), ("cheap", 1, 0.5), ("dominated", 9, 0.4), ("middle", 3, 0.7), ("worse", 4, 0.6))
    assert front_of(*points) == ["cheap", "middle", "expensive"]
    assert front_of(*points, lower_is_better=True) == ["cheap", "dominated"]


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 5)), min_size=1, max_size=8))
def test_the_front_matches_a_brute_force_search(values):
    points = [(str(place), float(price), float(mean)) for place, (price, mean) in enumerate(values)]
    free = [
        name
        for name, price, mean in points
        if not any(p <= price and m >= mean and (p < price or m > mean) for _, p, m in points)
    ]
    assert sorted(front_of(*points)) == sorted(free)


def test_models_without_a_comparable_finite_score_are_not_on_the_front(compare, result):
    models = (
        result("a", (0.5, 0.6)),
        result("siamese", (0.9, 0.9), other_target="whether two images are alike"),
        result("diverged", (float("nan"), 0.9), parameters=(1,)),
    )
    assert [point.model for point in front(compare(models=models), PARAMETERS)] == ["a"]


def test_baselines_are_not_on_the_front(compare, result):
    models = (result("guess", (0.5, 0.5), parameters=(0,), baseline="always predicting dog"), result("a", (0.9, 0.9)))
    assert [point.model for point in front(compare(models=models), PARAMETERS)] == ["a"]


def test_a_step_is_called_better_only_if_the_difference_is_significant(comparison, known, two):
    front = ("resnet8", "lenet5")
    assert front_sentence(front, ["parameters"], comparison.certainty) == (
        "By parameters: resnet8 and lenet5. lenet5 is not shown to be better than resnet8."
    )
    shown = known({"lenet5": 0.9, "resnet8": 0.8}, (two("lenet5", "resnet8", 0.1, "better"),))
    assert front_sentence(front, ["parameters"], shown).endswith("lenet5 is better than resnet8.")


def test_costs_with_the_same_front_share_a_sentence(comparison):
    fronts = [(front(comparison, cost), cost) for cost in (PARAMETERS, OPERATIONS)]
    assert front_sentences(fronts, comparison.certainty) == (
        "By parameters and multiply–accumulates: lenet5. No other network is cheaper or has a better mean. "
        "It is not shown to be better than any other model.",
    )


def test_there_is_no_front_by_a_cost_that_is_a_lower_bound(compare, result):
    models = (result("known", (0.9, 0.9)), result("attention", (0.8, 0.8), uncounted=("attention",)))
    assert front(compare(models=models), OPERATIONS) == ()
    assert [point.model for point in front(compare(models=models), PARAMETERS)] == ["known"]
