import numpy as np
import pytest
from scipy import stats

from pipeline.evaluation.metrics import METRICS
from pipeline.statistics import unpaired
from pipeline.statistics.analysis import analyse_scores
from pipeline.statistics.run_groups import compare_groups, unbeaten


def keyed(values, prefix=""):
    """Values by key; groups with the same prefix have partners."""
    return {f"{prefix}{number}": float(value) for number, value in enumerate(values)}


def only_pair(one, other, *, paired=False, lower_is_better=False, margin=0.0, tested_share=0.0):
    groups = {"one": keyed(one), "other": keyed(other, prefix="" if paired else "x")}
    (pair,) = compare_groups(groups, lower_is_better=lower_is_better, margin=margin, tested_share=tested_share).pairs
    return pair


OFFSETS = (("a", 0), ("b", 0.001), ("c", 0.1))


def test_runs_with_a_partner_get_the_verdicts_of_replicates():
    random = np.random.default_rng(0)
    common = random.normal(0, 0.02, 9)
    values = {name: 0.8 + offset + common + random.normal(0, 0.003, 9) for name, offset in OFFSETS}
    expected = analyse_scores("accuracy", values, margin=0.01)
    found = compare_groups(
        {name: keyed(own) for name, own in values.items()},
        lower_is_better=False,
        margin=0.01,
        metric=METRICS["accuracy"],
    )
    assert [one.name for one in found.groups] == [one.model for one in expected.estimates]
    assert [(one.low, one.high) for one in found.groups] == [(one.low, one.high) for one in expected.estimates]
    assert {pair.verdict for pair in found.pairs} == {"same", "better"}
    for pair in found.pairs:
        other = expected.pair(pair.first, pair.second)
        assert (pair.first, pair.verdict, pair.paired) == (other.first, other.verdict, True)
        measured = (pair.difference, pair.low, pair.high, pair.adjusted, pair.equivalence, pair.wins)
        assert measured == pytest.approx(
            (other.difference, other.low, other.high, other.adjusted, other.equivalence, other.wins)
        )


def test_independent_runs_get_the_interval_of_scipy_and_the_larger_p_value():
    random = np.random.default_rng(1)
    one, other = random.normal(1, 1, 7), random.normal(0, 3, 12)
    pair = only_pair(one, other)
    welch = stats.ttest_ind(one, other, equal_var=False)
    ends = welch.confidence_interval()
    sign = 1 if pair.first == "one" else -1
    assert sorted((sign * pair.low, sign * pair.high)) == pytest.approx([ends.low, ends.high])
    assert not pair.paired and pair.runs == ((7, 12) if sign > 0 else (12, 7))
    assert pair.p_value >= welch.pvalue
    wins = stats.mannwhitneyu(one, other).statistic / (7 * 12)
    assert pair.wins == pytest.approx(wins if sign > 0 else 1 - wins)


def test_few_runs_are_not_decidable_however_large_the_difference():
    for count, decidable in ((3, False), (4, True)):
        pair = only_pair(np.arange(count) / 100 + 0.9, np.arange(count) / 100)
        assert (pair.decidable, pair.verdict) == (decidable, "better" if decidable else "open")
    for count, decidable in ((5, False), (6, True)):
        pair = only_pair(np.arange(count) / 100 + 0.9, np.arange(count) / 90, paired=True)
        assert (pair.decidable, pair.verdict) == (decidable, "better" if decidable else "open")


def test_a_lower_value_is_better_where_asked_for():
    pair = only_pair([1, 2, 3, 4, 5], [11, 12, 13, 14, 15], lower_is_better=True)
    assert (pair.first, pair.verdict, pair.wins, pair.difference) == ("one", "better", 1, -10)


@pytest.mark.parametrize("paired", [True, False])
def test_equal_values_are_practically_the_same_and_a_constant_difference_is_judged_by_the_number_of_runs(paired):
    assert only_pair([0.5] * 5, [0.5] * 5, paired=paired).verdict == "same"
    assert only_pair([0.9] * 7, [0.5] * 7, paired=paired).verdict == "better"
    assert only_pair([0.9] * 3, [0.5] * 3, paired=paired).verdict == "open"


def test_a_group_of_one_run_has_a_mean_and_no_verdict():
    found = compare_groups(
        {"one": keyed([0.9]), "other": keyed([0.5, 0.6, 0.7], "x")}, lower_is_better=False, margin=0.01
    )
    assert found.groups[0].mean == 0.9 and np.isnan(found.groups[0].low)
    assert [(pair.verdict, pair.decidable) for pair in found.pairs] == [("open", False)]


def test_a_group_with_a_value_that_is_not_finite_stands_last_and_in_no_pair():
    groups = {"one": keyed([np.nan, 0.99]), "other": keyed([0.5, 0.6]), "third": keyed([0.5, 0.7])}
    found = compare_groups(groups, lower_is_better=False, margin=0.01)
    assert [one.name for one in found.groups] == ["third", "other", "one"]
    assert [(pair.first, pair.second) for pair in found.pairs] == [("third", "other")]
    assert unbeaten(found) == ["third", "other"]


def test_folds_share_training_images_so_that_their_intervals_are_wider():
    one, other = [0.9, 0.91, 0.92, 0.9, 0.93], [0.88, 0.9, 0.9, 0.89, 0.91]
    plain = only_pair(one, other, paired=True)
    corrected = only_pair(one, other, paired=True, tested_share=1 / 4)
    # Nadeau & Bengio (2003): 1/5 + 1/4 in place of 1/5.
    assert (corrected.high - corrected.low) / (plain.high - plain.low) == pytest.approx((0.45 / 0.2) ** 0.5)


def test_partners_are_used_only_if_most_runs_have_one():
    one = {str(number): 0.5 + number / 100 for number in range(10)}
    few = {str(number): 0.4 + number / 100 for number in range(8, 18)}
    most = {str(number): 0.4 + number / 100 for number in range(3, 13)}
    paired = [
        compare_groups({"one": one, "other": other}, lower_is_better=False, margin=0).pairs[0].paired
        for other in (few, most)
    ]
    assert paired == [False, True]


def test_many_runs_are_compared_without_a_permutation_test(monkeypatch):
    monkeypatch.setattr(unpaired, "permutation_test", None)
    random = np.random.default_rng(0)
    assert only_pair(random.normal(2, 1, 1500), random.normal(0, 1, 1500)).verdict == "better"


DRAWS = {
    "normal": lambda random, count: random.normal(size=count),
    "skewed": lambda random, count: 1 - random.exponential(size=count),
    "one in ten collapses": lambda random, count: random.normal(size=count) - 10 * (random.random(count) < 0.1),
}


@pytest.mark.parametrize("draw", DRAWS)
@pytest.mark.parametrize(("one", "other"), [(4, 4), (5, 8), (4, 12)])
def test_equal_groups_are_rarely_called_different(draw, one, other):
    """At most 5 % of the comparisons; 400 of them give a standard error of 1.1 %."""
    random = np.random.default_rng(0)
    verdicts = [only_pair(DRAWS[draw](random, one), DRAWS[draw](random, other)).verdict == "better" for _ in range(400)]
    assert np.mean(verdicts) <= 0.05 + 0.022


@pytest.mark.parametrize(("one", "other", "ratio"), [(5, 5, 4), (4, 12, 4), (12, 4, 4), (10, 10, 4)])
def test_normal_groups_of_different_spread_are_rarely_called_different(one, other, ratio):
    random = np.random.default_rng(0)
    verdicts = [
        only_pair(random.normal(size=one), random.normal(scale=ratio, size=other)).verdict == "better"
        for _ in range(400)
    ]
    assert np.mean(verdicts) <= 0.05 + 0.022


@pytest.mark.parametrize("power", [-1000, -300, 300, 1020])
@pytest.mark.parametrize("margin", [0.0, 0.5])
def test_verdicts_do_not_depend_on_the_unit_of_the_metric(power, margin):
    random, unit = np.random.default_rng(0), 2.0**power
    groups = {name: keyed(mean + random.normal(0, 0.1, 8)) for name, mean in (("a", 1), ("b", 1.05), ("c", 2))}
    scaled = {name: {key: value * unit for key, value in own.items()} for name, own in groups.items()}
    small = compare_groups(groups, lower_is_better=True, margin=margin)
    large = compare_groups(scaled, lower_is_better=True, margin=margin * unit)
    for one, other in zip(small.pairs, large.pairs, strict=True):
        assert (one.first, one.second, one.verdict) == (other.first, other.second, other.verdict)
        assert other.adjusted == pytest.approx(one.adjusted)
        assert (other.difference / unit, other.low / unit) == pytest.approx((one.difference, one.low))
    assert [one.deviation / unit for one in large.groups] == pytest.approx([one.deviation for one in small.groups])
