import math
from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.baselines import grey_levels
from pipeline.reporting.text import conclusions
from pipeline.reporting.text.conclusions import conclusion

COSTS = {"a": 47e6, "b": 4e5, "c": 6e6}
MEANS = {"a": 0.78, "b": 0.75, "c": 0.74}


def test_a_model_that_is_better_than_all_others_is_recommended_with_its_lead_and_cost(known, two):
    pairs = (two("a", "b", 0.03, "better"), two("a", "c", 0.04, "better"), two("b", "c", 0.01))
    found = conclusion(known(MEANS, pairs), COSTS)
    assert found.answer == "Use a: its accuracy, 0.780, is better than that of each of the 2 other models."
    assert found.model == "a"
    assert found.support == (
        "It leads the closest model, b, by 0.030 (95 % interval 0.010 to 0.050).",
        "When models are equal, about 5 % of such comparisons or fewer call one of them better (measured by "
        "simulation: reports/certainty).",
        "It takes 47.0 M multiply–accumulates per image.",
    )
    assert conclusions.answer(known(MEANS, pairs), COSTS) == " ".join((found.answer, *found.support))


def test_the_recommended_model_does_not_claim_the_wins_of_others(known, two):
    pairs = (two("a", "b", 0.03, "better"), two("a", "c", 0.04), two("b", "c", 0.01, "better"))
    found = conclusion(known(MEANS, pairs), COSTS)
    assert found.answer == "Use a (accuracy 0.780): no model is shown to be better."
    assert found.support[:2] == (
        "It is better than b.",
        "It is not shown to be better than c, but another model is.",
    )


def test_the_cheapest_of_equivalent_models_is_recommended(known, two):
    pairs = tuple(two(one, other, 0.002, "same") for one, other in ("ab", "ac", "bc"))
    found = conclusion(known(MEANS, pairs), COSTS)
    assert found.answer == (
        "Use b (400 k multiply–accumulates), the cheapest of 3 models that are practically the same."
    )
    assert found.support[0] == "a, b and c are practically the same in accuracy (margin 0.01)."
    assert conclusion(known(MEANS, pairs), {}).answer == "Use a, b or c: they are practically the same."


def test_the_cheapest_unbeaten_model_is_recommended_and_the_best_mean_is_named(known, two):
    pairs = (two("a", "b", 0.01, needed=31), two("a", "c", 0.04, "better"), two("b", "c", 0.01))
    found = conclusion(known(MEANS, pairs), COSTS)
    assert (found.answer, found.model) == (
        "Use b (400 k multiply–accumulates): no model is shown to be better, and a costs more.",
        "b",
    )
    assert "a has the best mean accuracy (0.780), but is not shown to be better." in found.support
    assert "Ruled out, because another model is better: c." in found.support
    assert "About 31 replicates would probably decide the question." in found.support


def test_models_of_equal_cost_are_all_named(known, two):
    pairs = (two("a", "b", 0.01), two("a", "c", 0.04, "better"), two("b", "c", 0.01))
    found = conclusion(known(MEANS, pairs), COSTS | {"a": 4e5})
    assert (found.answer, found.model) == ("Use a or b: no model is shown to be better.", None)


def test_an_undecided_model_far_below_the_best_mean_is_not_recommended_because_it_is_cheap(known, two):
    pairs = (two("a", "b", 0.2, needed=65), two("a", "c", 0.04, "better"), two("b", "c", 0.01))
    found = conclusion(known(MEANS, pairs), COSTS)
    assert (found.answer, found.model) == ("Use a (accuracy 0.780): no model is shown to be better.", "a")
    assert "Not ruled out, but with a lower mean accuracy: b." in found.support


def test_no_model_is_recommended_while_all_pairs_are_undecided(known):
    for replicates in (4, 10):
        found = conclusion(known({"a": 0.99, "b": 0.01}, replicates=replicates), COSTS)
        assert found.model is None
        assert found.answer == (
            "No clear winner: neither a nor b is shown to be better; b is the cheapest (400 k multiply–accumulates)."
        )
        assert found.support[0] == "Mean accuracy: 0.010 to 0.990."
    assert conclusion(known(MEANS), {}).answer == ("No clear winner: none of the 3 models is shown to be better.")


BASELINES = {"b": "always predicting dog", "c": "a regression on grey levels"}


def test_too_few_replicates_for_any_test_are_the_answer(known):
    found = conclusion(known(MEANS, replicates=1), COSTS, baselines=BASELINES)
    assert found == (
        "No verdict yet: with one replicate no test can show a difference: at least 7 are needed.",
        (),
        None,
    )


def test_no_model_is_recommended_while_a_baseline_is_unbeaten(known, two):
    pairs = (two("a", "b", 0.03), two("a", "c", 0.04, "better"), two("b", "c", 0.01))
    found = conclusion(known(MEANS, pairs), COSTS, baselines=BASELINES)
    assert found.answer == "Use none of these models: none is shown to be better than always predicting dog."
    assert found.model is None
    assert found.support[0] == (
        "a has the best mean accuracy (0.780) and is better than c, but is not shown to be better than b."
    )
    beaten = (two("a", "b", 0.03, "better"), two("a", "c", 0.04, "better"), two("b", "c", 0.01))
    assert conclusion(known(MEANS, beaten), COSTS, baselines=BASELINES).model == "a"


def test_a_baseline_with_the_best_mean_is_called_better_than_the_networks_that_it_beats(known, two):
    pairs = (two("a", "b", 0.03, "better"), two("a", "c", 0.04, "better"), two("b", "c", 0.01))
    found = conclusion(known(MEANS, pairs), COSTS, baselines={"a": "always predicting dog"})
    assert found.support[0] == "a has the best mean accuracy (0.780) and is better than b and c."
    found = conclusion(known(MEANS, pairs), COSTS, baselines={"a": "a regression", "c": "always predicting dog"})
    assert found.support[0] == "a has the best mean accuracy (0.780) and is better than b."


def test_one_undecided_pair_among_equivalent_models_does_not_make_them_the_same(known, two):
    pairs = (two("a", "b", 0.002, "same"), two("a", "c", 0.04, needed=20), two("b", "c", 0.01, "same"))
    found = conclusion(known(MEANS, pairs), COSTS)
    assert found.answer == "Use b (400 k multiply–accumulates): no model is shown to be better, and a costs more."
    assert "a is practically the same." in found.support
    assert "Not ruled out, but with a lower mean accuracy: c." in found.support
    assert "About 20 replicates would probably decide the question." in found.support


def test_pairs_that_replicates_cannot_decide_are_named_separately(known, two):
    pairs = (two("a", "b", 0.03, needed=31), two("a", "c", 0.04), two("b", "c", 0.01))
    text = conclusions.answer(known(MEANS, pairs, replicates=4), COSTS)
    assert "with 4 replicates no test can show a difference: at least 7 are needed." in text
    assert "About 31 replicates would probably decide 1 of 3 pairs." in text
    assert "More replicates would not decide the others" in text


def test_a_model_without_a_score_neither_wins_nor_loses(known, two):
    lost = (two("a", "b", math.nan),)
    found = conclusion(known({"a": 0.7, "b": math.nan}, lost), COSTS)
    assert found.answer == "There is only one model to choose: a."
    assert found.support[0] == "The accuracy of a is 0.700 (95 % interval 0.670 to 0.730)."
    assert found.support[-1] == "Excluded, because their accuracy is not finite in every replicate: b."
    assert "none can be recommended" in conclusions.answer(known({"a": math.nan, "b": math.nan}, lost), COSTS)


def test_with_one_model_or_none_there_is_no_choice(known):
    assert conclusions.answer(known({"a": 0.7}), COSTS).startswith("There is only one model to choose: a")
    assert conclusions.answer(known({}), COSTS) == (
        "No model predicts the class of an image, so there is nothing to compare."
    )


@given(st.data())
def test_the_answer_has_at_most_25_words(known, two, data):
    models = [f"model_{place}" for place in range(data.draw(st.integers(1, 7)))]
    means = {model: 0.9 - 0.01 * place for place, model in enumerate(models)}
    verdicts = st.sampled_from(("better", "same", "open"))
    pairs = tuple(two(one, other, 0.01, data.draw(verdicts)) for one, other in combinations(models, 2))
    costs = {model: data.draw(st.sampled_from((1e6, 2e7))) for model in models}
    longest = grey_levels.description(np.array([0]), ["dog"])
    baselines = dict.fromkeys(data.draw(st.sets(st.sampled_from(models))), longest)
    found = conclusion(known(means, pairs), costs, baselines=baselines)
    assert len(found.answer.split()) <= 25 and found.answer.count(". ") == 0
    assert found.model is None or found.model in models


def test_one_of_several_looks_uses_its_own_level_in_the_conclusion(known, two):
    certainty = known({"a": 0.8, "b": 0.798}, (two("a", "b", 0.002, "same", equivalence=0.96),), looks=3)
    found = conclusion(certainty, {"a": 1e6, "b": 2e6})
    assert "ahead too rarely to matter" in found.support[0]
    assert "98.3 % interval" in " ".join(found.support)


def test_without_a_network_of_finite_score_a_baseline_is_not_the_only_choice(known):
    found = conclusion(known({"guess": 0.5, "net": math.nan}), {}, baselines={"guess": "always predicting dog"})
    assert found.answer == "No network has a finite accuracy in every replicate, so none can be recommended."
    assert found.model is None and found.support[-1].endswith("not finite in every replicate: net.")
