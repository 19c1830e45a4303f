import math
import re

import pytest

from pipeline.reporting.text import conclusions

COSTS = {"a": 47e6, "b": 4e5, "c": 6e6}
MEANS = {"a": 0.78, "b": 0.75, "c": 0.74}


def test_a_verdict_gives_the_difference_and_the_wins(known, two):
    text = conclusions.sentence(two("a", "b", 0.031, "better", low=0.012, high=0.05), known(MEANS))
    assert text == (
        "a is better than b: its accuracy is 0.031 higher (95 % interval 0.012 to 0.050), "
        "and it is better in 10 of 10 replicates (p = 0.003, corrected for all pairs)."
    )


def test_a_lower_error_is_better(known, two):
    pair = two("a", "b", -0.031, "better", low=-0.05, high=-0.012)
    text = conclusions.sentence(pair, known(MEANS, metric="log_loss"))
    assert "log loss is 0.031 lower (95 % interval 0.012 to 0.050)" in text


def test_an_equivalence_names_its_margin(known, two):
    text = conclusions.sentence(two("a", "b", 0.002, "same"), known(MEANS))
    assert text.startswith(
        "a and b are practically the same: the accuracy of a is 0.002 higher (95 % interval −0.018 to 0.022)"
    )
    assert text.endswith("within the margin of 0.01 with a probability of 97 %.")


def test_a_significant_difference_that_rarely_matters_is_named_as_such(known, two):
    text = conclusions.sentence(two("a", "b", 0.03, "same", equivalence=0.0, wins=0.6), known(MEANS))
    assert "which is statistically significant, but a is only better in 6 of 10 replicates" in text
    assert "margin" not in text


@pytest.mark.parametrize(
    ("replicates", "needed", "design", "text"),
    [
        (10, 31, "crossed", r"No verdict on a and b: .*\. About 31 replicates would be needed\."),
        (10, None, "crossed", "More replicates would not help: 11 groups of test images are too few"),
        (10, None, "redrawn", "More replicates would not help: the replicates share too many images"),
        (4, 31, "crossed", "With 4 replicates no test can show a difference: at least 7 are needed, probably about 31"),
        (4, 7, "crossed", r"With 4 replicates no test can show a difference: at least 7 are needed\."),
        (1, None, "crossed", r"With one replicate no test can show a difference: at least 7 are needed\."),
    ],
)
def test_an_undecided_pair_states_what_is_needed(known, two, replicates, needed, design, text):
    certainty = known(MEANS, replicates=replicates, design=design)
    assert re.search(text, conclusions.sentence(two("a", "b", 0.03, needed=needed), certainty))


def test_a_model_that_is_better_than_all_others_is_recommended_with_its_lead_and_cost(known, two):
    pairs = (two("a", "b", 0.03, "better"), two("a", "c", 0.04, "better"), two("b", "c", 0.01))
    assert conclusions.answer(known(MEANS, pairs), COSTS) == (
        "Use a (accuracy 0.780, 95 % interval 0.750 to 0.810). It is better than each of the other 2 models, and leads "
        "the closest, b, by 0.030 (0.010 to 0.050). It takes 47.0 M multiply–accumulates per image."
    )


def test_the_recommended_model_does_not_claim_the_wins_of_others(known, two):
    pairs = (two("a", "b", 0.03, "better"), two("a", "c", 0.04), two("b", "c", 0.01, "better"))
    text = conclusions.answer(known(MEANS, pairs), COSTS)
    assert "It is better than b. It is not shown to be better than c, but another model is." in text


def test_the_cheapest_of_equivalent_models_is_recommended(known, two):
    pairs = tuple(two(one, other, 0.002, "same") for one, other in ("ab", "ac", "bc"))
    text = conclusions.answer(known(MEANS, pairs), COSTS)
    assert text == (
        "Use b, the cheapest of these models (400 k multiply–accumulates per image). a, b and c are practically "
        "the same in accuracy (margin 0.01)."
    )
    assert conclusions.answer(known(MEANS, pairs), {}).startswith("Use a, b or c. ")


def test_no_model_is_recommended_while_the_pairs_are_undecided(known, two):
    for replicates in (1, 4, 10):
        text = conclusions.answer(known({"a": 0.99, "b": 0.01}, replicates=replicates), COSTS)
        assert text.startswith("No clear winner ")
        assert "Use" not in text


def test_one_undecided_pair_among_equivalent_models_leaves_all_of_them_undecided(known, two):
    pairs = (two("a", "b", 0.002, "same"), two("a", "c", 0.04, needed=20), two("b", "c", 0.01, "same"))
    text = conclusions.answer(known(MEANS, pairs), COSTS)
    assert text.startswith("No clear winner among a, b and c (accuracy 0.740–0.780). ")
    assert "About 20 replicates would probably decide the question" in text


def test_pairs_that_replicates_cannot_decide_are_named_separately(known, two):
    pairs = (two("a", "b", 0.03, needed=31), two("a", "c", 0.04, "better"), two("b", "c", 0.01))
    text = conclusions.answer(known(MEANS, pairs), COSTS)
    assert (
        "No clear winner between a and b (accuracy 0.750–0.780). Ruled out, because another model is better: c." in text
    )
    pairs = (two("a", "b", 0.03, needed=31), two("a", "c", 0.04), two("b", "c", 0.01))
    text = conclusions.answer(known(MEANS, pairs, replicates=4), COSTS)
    assert "With 4 replicates no test can show a difference: at least 7 are needed" in text
    assert "About 31 replicates would probably decide 1 of 3 pairs" in text
    assert "More replicates would not decide the others" in text


def test_a_model_without_a_score_neither_wins_nor_loses(known, two):
    lost = (two("a", "b", math.nan),)
    text = conclusions.answer(known({"a": 0.7, "b": math.nan}, lost), COSTS)
    assert text.startswith("There is only one model to choose: a (accuracy 0.700")
    assert text.endswith("Excluded, because their accuracy is not finite in every replicate: b.")
    assert conclusions.sentence(lost[0], known({"a": 0.7, "b": math.nan}, lost)) == (
        "a and b cannot be compared: the accuracy of a replicate is not a finite number."
    )
    assert "none can be recommended" in conclusions.answer(known({"a": math.nan, "b": math.nan}, lost), COSTS)


def test_with_one_model_or_none_there_is_no_choice(known):
    assert conclusions.answer(known({"a": 0.7}), COSTS).startswith("There is only one model to choose: a")
    assert conclusions.answer(known({}), COSTS) == (
        "No model predicts the class of an image, so there is nothing to compare."
    )


def test_undecided_models_are_not_called_equivalent_to_the_cheapest(known, two):
    costs = {"a": 4e6, "b": 1e6, "c": 9e6}
    text = conclusions.answer(known({"a": 0.95, "b": 0.7, "c": 0.69}, replicates=4), costs)
    assert text.endswith(
        "b is the cheapest of them (1.0 M multiply–accumulates per image). "
        "a has the best mean, but is not shown to be better."
    )
    text = conclusions.answer(known({"b": 0.95, "a": 0.7, "c": 0.69}, replicates=4), costs)
    assert text.endswith(
        "There is no evidence that a more expensive model than b (1.0 M multiply–accumulates per image) is worth it."
    )
