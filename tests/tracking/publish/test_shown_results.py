import math

import pytest

from pipeline.tracking.publish.shown_results import result_tags, short_names, verdict
from tests.reporting import conftest as reporting

compare = reporting.compare  # the fixture
MEANS = {"a": 0.9, "b": 0.8, "c": 0.7}


def certain(**verdicts):
    """A certainty of three models; the verdict on each pair is given by the names of its models."""
    pairs = tuple(
        reporting.pair(one, other, MEANS[one] - MEANS[other], verdicts.get(one + other, "open"))
        for one, other in ("ab", "ac", "bc")
    )
    return reporting.certain(MEANS, pairs)


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ({}, ["ties with 2", "ties with 2", "ties with 2"]),
        ({"ac": "better", "bc": "same"}, ["better than 1, ties with 1", "ties with 2", "ties with 1, worse than 1"]),
        (dict.fromkeys(["ab", "ac", "bc"], "better"), ["better than 2", "better than 1, worse than 1", "worse than 2"]),
    ],
)
def test_a_verdict_counts_the_models_that_a_model_beats_equals_and_loses_to(verdicts, expected):
    certainty = certain(**verdicts)
    assert [verdict(model, certainty) for model in MEANS] == expected


def test_a_single_model_and_a_score_that_is_not_finite_have_no_numbers():
    assert verdict("a", reporting.certain({"a": 0.9})) == "the only model"
    assert verdict("b", reporting.certain({"a": 0.9, "b": math.nan})) == "score not finite"
    broken = reporting.certain({"a": 0.9, "b": 0.8, "c": math.nan})
    assert verdict("a", broken) == "ties with 1"
    assert verdict("a", reporting.certain({"a": 0.9, "b": math.nan})) == "no other finite score"


def test_a_model_with_another_target_is_not_compared(compare):
    siamese = reporting.model("siamese", (0.9, 0.8), other_target="whether two images show the same class")
    comparison = compare(models=(siamese, reporting.model("lenet5", (0.5, 0.6))))
    assert result_tags(siamese, comparison)["Verdict"] == "not compared"
    assert result_tags(siamese, comparison)["Score"] == "0.850"


def test_settings_keep_their_long_names_where_the_short_ones_would_be_equal():
    names = ["model.weights", "model.options.weights", "model.options.units"]
    assert list(short_names(names).values()) == ["model.weights", "model.options.weights", "units"]


def test_a_lower_bound_of_the_cost_is_marked(compare):
    attention = reporting.model("attention", (0.9, 0.8), uncounted=("attention",))
    tags = result_tags(attention, compare(models=(attention,)))
    assert (tags["Cost/multiply_accumulates"], tags["Cost/parameters"]) == ("≥ 6.1 M", "824,201")
