import math
import re

import pytest

from pipeline.reporting.text import conclusions

COSTS = {"a": 47e6, "b": 4e5, "c": 6e6}
MEANS = {"a": 0.78, "b": 0.75, "c": 0.74}


def test_a_better_model_is_told_by_how_much_and_how_often(known, two):
    said = conclusions.sentence(two("a", "b", 0.031, "better", low=0.012, high=0.05), known(MEANS))
    assert said == (
        "a is better than b: accuracy 0.031 higher (95 % interval 0.012 to 0.050), "
        "better in 10 of 10 replicates (p = 0.003, corrected for all pairs)."
    )


def test_of_an_error_the_lower_one_is_better(known, two):
    pair = two("a", "b", -0.031, "better", low=-0.05, high=-0.012)
    said = conclusions.sentence(pair, known(MEANS, metric="log_loss"))
    assert "log loss 0.031 lower (95 % interval 0.012 to 0.050)" in said


def test_the_same_is_told_with_the_margin_that_it_means(known, two):
    said = conclusions.sentence(two("a", "b", 0.002, "same"), known(MEANS))
    assert said.startswith("a and b are practically the same: accuracy 0.002 higher (95 % interval −0.018 to 0.022)")
    assert said.endswith("within the margin of 0.01 with a probability of 97 %.")


def test_a_difference_that_is_shown_but_does_not_matter_is_no_equivalence(known, two):
    said = conclusions.sentence(two("a", "b", 0.03, "same", equivalence=0.0, wins=0.6), known(MEANS))
    assert "which is not by chance, but a is better in 6 of 10 replicates only" in said
    assert "margin" not in said


@pytest.mark.parametrize(
    ("replicates", "needed", "design", "said"),
    [
        (10, 31, "crossed", "cannot be told yet .*about 31 replicates would be needed"),
        (10, None, "crossed", "cannot be told whether .*no number of replicates would tell.*too few groups"),
        (10, None, "redrawn", "no number of replicates would tell.*overlap too much"),
        (4, 31, "crossed", "with 4 replicates no test can, at least 7 are needed, probably about 31"),
        (4, 7, "crossed", r"with 4 replicates no test can, at least 7 are needed\."),
        (1, None, "crossed", r"cannot be told yet .*with one replicate no test can, at least 7 are needed\."),
    ],
)
def test_what_cannot_be_told_says_what_it_takes(known, two, replicates, needed, design, said):
    certainty = known(MEANS, replicates=replicates, design=design)
    assert re.search(said, conclusions.sentence(two("a", "b", 0.03, needed=needed), certainty))


def test_a_single_unbeaten_model_is_recommended_with_its_lead_and_price(known, two):
    pairs = (two("a", "b", 0.03, "better"), two("a", "c", 0.04, "better"), two("b", "c", 0.01))
    assert conclusions.answer(known(MEANS, pairs), COSTS) == (
        "Use a (accuracy 0.780, 95 % interval 0.750 to 0.810): it is better than each of the other 2 models, "
        "than b, the closest, by 0.030 (0.010 to 0.050). It takes 47.0 M multiply–accumulates an image."
    )


def test_a_model_that_another_one_beats_is_not_said_to_be_beaten_by_the_recommended(known, two):
    pairs = (two("a", "b", 0.03, "better"), two("a", "c", 0.04), two("b", "c", 0.01, "better"))
    said = conclusions.answer(known(MEANS, pairs), COSTS)
    assert "it is better than b, and while it is not proved better than c, another model is" in said


def test_equals_are_recommended_by_their_price(known, two):
    pairs = tuple(two(one, other, 0.002, "same") for one, other in ("ab", "ac", "bc"))
    said = conclusions.answer(known(MEANS, pairs), COSTS)
    assert said.startswith("Use b: a, b and c are practically the same in accuracy (margin 0.01)")
    assert said.endswith("it is the cheapest of them (400 k multiply–accumulates an image).")
    assert conclusions.answer(known(MEANS, pairs), {}).startswith("Use a, b or c: ")


def test_what_is_open_is_not_recommended_whatever_the_means(known, two):
    for replicates in (1, 4, 10):
        said = conclusions.answer(known({"a": 0.99, "b": 0.01}, replicates=replicates), COSTS)
        assert said.startswith("It cannot be told ")
        assert "Use" not in said


def test_one_open_pair_among_equals_keeps_all_of_them_open(known, two):
    pairs = (two("a", "b", 0.002, "same"), two("a", "c", 0.04, needed=20), two("b", "c", 0.01, "same"))
    said = conclusions.answer(known(MEANS, pairs), COSTS)
    assert said.startswith("It cannot be told yet which of a, b and c has the best accuracy, with means from 0.740")
    assert "about 20 replicates would probably settle it" in said


def test_pairs_that_no_number_of_replicates_settles_are_told_apart_from_the_others(known, two):
    pairs = (two("a", "b", 0.03, needed=31), two("a", "c", 0.04, "better"), two("b", "c", 0.01))
    said = conclusions.answer(known(MEANS, pairs), COSTS)
    assert "which of a and b has the better accuracy (others are better than c)" in said
    pairs = (two("a", "b", 0.03, needed=31), two("a", "c", 0.04), two("b", "c", 0.01))
    said = conclusions.answer(known(MEANS, pairs, replicates=4), COSTS)
    assert "with 4 replicates no test can call one better, at least 7 are needed" in said
    assert "about 31 replicates would probably settle 1 of 3 pairs" in said
    assert "no number of replicates would settle the others" in said


def test_a_model_without_a_number_neither_wins_nor_loses(known, two):
    lost = (two("a", "b", math.nan),)
    said = conclusions.answer(known({"a": 0.7, "b": math.nan}, lost), COSTS)
    assert said.startswith("There is no choice to make: only a was judged (accuracy 0.700")
    assert said.endswith("Nothing can be said of b, without a finite accuracy in every replicate.")
    assert conclusions.sentence(lost[0], known({"a": 0.7, "b": math.nan}, lost)) == (
        "It cannot be told whether a or b is better: the accuracy of a replicate is not a number."
    )
    assert "none can be recommended" in conclusions.answer(known({"a": math.nan, "b": math.nan}, lost), COSTS)


def test_one_model_and_none_leave_no_choice(known):
    assert conclusions.answer(known({"a": 0.7}), COSTS).startswith("There is no choice to make: only a was judged")
    assert conclusions.answer(known({}), COSTS) == (
        "No model was asked for the class of an image, so there is nothing to compare."
    )


def test_the_cheapest_is_not_called_as_good_where_another_looks_better(known, two):
    costs = {"a": 4e6, "b": 1e6, "c": 9e6}
    said = conclusions.answer(known({"a": 0.95, "b": 0.7, "c": 0.69}, replicates=4), costs)
    assert said.endswith(
        "b is the cheapest of them (1.0 M multiply–accumulates an image); a looks better so far, which is not proved."
    )
    said = conclusions.answer(known({"b": 0.95, "a": 0.7, "c": 0.69}, replicates=4), costs)
    assert said.endswith("Nothing so far speaks for a dearer one than b (1.0 M multiply–accumulates an image).")
