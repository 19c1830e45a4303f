from types import SimpleNamespace

import pytest

from pipeline.config.schedule import Schedule
from pipeline.statistics.sequential import Plan, Search, growing, outcome, seen

SCHEDULE = Schedule(10, 20, 5)
SEARCH = Search(SCHEDULE, {})
MEAN = 0.9


def certainty(**verdicts):
    """Verdicts by pair, as in `ab="better"`; a number is an open pair that needs so many replicates."""
    return SimpleNamespace(
        metric="accuracy",
        margin=0.01,
        estimates=[SimpleNamespace(model="a", mean=MEAN)],
        pairs=[
            SimpleNamespace(
                first=first,
                second=second,
                verdict=value if isinstance(value, str) else "open",
                needed=value if isinstance(value, int) else None,
            )
            for (first, second), value in verdicts.items()
        ],
    )


def plan(**replicates):
    return Plan(replicates, SEARCH)


def test_only_the_models_of_a_pair_that_can_be_decided_get_more_replicates():
    found = certainty(ab=14, ac="better", bc="same", ad="open", cd="better")
    assert growing(plan(a=10, b=10, c=10, d=10), found, SCHEDULE) == {"a": 5, "b": 5}


def test_a_model_that_is_behind_catches_up_with_the_other_model_of_its_pair():
    assert growing(plan(a=20, b=10), certainty(ab=14), SCHEDULE) == {"b": 5}
    assert growing(plan(a=15, b=10, c=15), certainty(ab=30, ac=18), SCHEDULE) == {"a": 5, "b": 5, "c": 5}


def test_a_baseline_has_all_replicates_and_does_not_hold_its_pair_back():
    """`z` is no model of the plan."""
    assert growing(plan(a=10), certainty(az=14, zy=14), SCHEDULE) == {"a": 5}
    assert growing(plan(a=20), certainty(az=30, zy=14), SCHEDULE) == {}


def test_no_model_gets_more_than_the_greatest_number():
    assert growing(plan(a=20, b=20), certainty(ab=30), SCHEDULE) == {}


def test_a_pair_that_needs_more_than_twice_the_greatest_number_gets_no_replicates():
    assert growing(plan(a=10, b=10), certainty(ab=41), SCHEDULE) == {}
    assert growing(plan(a=10, b=10), certainty(ab=40), SCHEDULE) == {"a": 5, "b": 5}


@pytest.mark.parametrize(
    ("replicates", "verdicts", "expected"),
    [
        ({"a": 10, "b": 10}, {"ab": "better"}, "decided"),
        ({"a": 10}, {}, "decided"),
        ({"a": 10, "b": 10, "c": 10}, {"ab": "open", "ac": "same", "bc": "better"}, "undecidable"),
        ({"a": 20, "b": 20}, {"ab": 30}, "greatest"),
        ({"a": 10, "b": 10}, {"ab": 30}, "unfinished"),
        ({"a": 10, "b": 10}, {"ab": 40}, "unfinished"),
        ({"a": 10, "b": 10}, {"ab": 41}, "hopeless"),
        ({"a": 10, "b": 10, "c": 10}, {"ab": "open", "ac": 500, "bc": "same"}, "hopeless"),
        ({"a": 10}, {"az": "better", "zy": 14}, "decided"),
        ({"a": 10}, {"az": "open", "zy": 14}, "undecidable"),
    ],
)
def test_the_search_ends_for_one_reason(replicates, verdicts, expected):
    assert outcome(plan(**replicates), certainty(**verdicts), SEARCH) == expected


def test_the_budget_is_the_reason_only_if_the_search_could_continue():
    spent = Search(SCHEDULE, {}, spent=30.0, seen=seen(certainty()))
    assert outcome(plan(a=10, b=10), certainty(ab=30), spent) == "budget"
    assert outcome(plan(a=10, b=10), certainty(ab="same"), spent) == "decided"


@pytest.mark.parametrize("change", [{"metric": "f1"}, {"margin": 0.02}, {"estimates": []}])
def test_an_end_by_the_budget_does_not_outlive_a_change_of_what_is_compared(change):
    """For instance after a change of a model's options, which changes its scores."""
    spent = Search(SCHEDULE, {}, spent=30.0, seen=seen(certainty()))
    changed = SimpleNamespace(**vars(certainty(ab=30)) | change)
    assert outcome(plan(a=10, b=10), changed, spent) == "unfinished"
