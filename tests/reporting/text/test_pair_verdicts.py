import math
import re

import pytest

from pipeline.reporting.text import pair_verdicts

MEANS = {"a": 0.78, "b": 0.75, "c": 0.74}


def test_a_verdict_gives_the_difference_and_the_wins(known, two):
    text = pair_verdicts.sentence(two("a", "b", 0.031, "better", low=0.012, high=0.05), known(MEANS))
    assert text == (
        "a is better than b: its accuracy is 0.031 higher (95 % interval 0.012 to 0.050), "
        "and it is better in 10 of 10 replicates (p = 0.003, corrected for all pairs)."
    )


def test_a_lower_error_is_better(known, two):
    pair = two("a", "b", -0.031, "better", low=-0.05, high=-0.012)
    text = pair_verdicts.sentence(pair, known(MEANS, metric="log_loss"))
    assert "log loss is 0.031 lower (95 % interval 0.012 to 0.050)" in text


def test_an_equivalence_names_its_margin(known, two):
    text = pair_verdicts.sentence(two("a", "b", 0.002, "same"), known(MEANS))
    assert text.startswith(
        "a and b are practically the same: the accuracy of a is 0.002 higher (95 % interval −0.018 to 0.022)"
    )
    assert text.endswith("within the margin of 0.01 with a probability of 97 %.")


def test_a_significant_difference_that_rarely_matters_is_named_as_such(known, two):
    text = pair_verdicts.sentence(two("a", "b", 0.03, "same", equivalence=0.0, wins=0.6), known(MEANS))
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
    assert re.search(text, pair_verdicts.sentence(two("a", "b", 0.03, needed=needed), certainty))


def test_a_pair_without_a_finite_difference_is_not_compared(known, two):
    lost = (two("a", "b", math.nan),)
    assert pair_verdicts.sentence(lost[0], known({"a": 0.7, "b": math.nan}, lost)) == (
        "a and b cannot be compared: the accuracy of a replicate is not a finite number."
    )


def test_too_few_groups_are_named_with_the_number_that_a_better_model_takes(known, two):
    pairs = (two("a", "b", 0.03), two("a", "c", 0.001, needed=40), two("b", "c", 0.0, "same"))
    found = known(MEANS, pairs, design="folds", groups=7, fewest=5, fewest_groups=9)
    rule = "no test can show a difference; at least 9 are needed to call a model better"
    assert f"More replicates would not help: with 7 groups of test images {rule}." in pair_verdicts.sentence(
        pairs[0], found
    )
    assert f"With 7 groups of test images {rule}. To call them practically the same, about 40 replicates are " in (
        pair_verdicts.sentence(pairs[1], found)
    )
    assert pair_verdicts.missing(pairs, found) == [
        "About 40 replicates would probably decide 1 of 2 pairs, but only as practically the same.",
        f"More replicates would not decide the others: with 7 groups of test images {rule}.",
    ]
    assert pair_verdicts.missing(pairs[1:], found)[1:] == [f"With 7 groups of test images {rule}."]


def test_one_of_several_looks_names_and_uses_its_own_level(known, two):
    found = known(MEANS, looks=3)
    assert "(98.3 % interval " in pair_verdicts.sentence(two("a", "b", 0.031, "better"), found)
    rare = pair_verdicts.sentence(two("a", "b", 0.03, "same", equivalence=0.96), found)
    assert "which is statistically significant, but a is only better in" in rare
