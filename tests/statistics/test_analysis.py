"""Certainty agrees with published analyses, other packages and explicit loops."""

from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as formulas
from scipy import stats
from statsmodels.stats.multitest import multipletests

from pipeline.evaluation import metrics
from pipeline.evaluation.metrics import METRICS
from pipeline.evaluation.predictions import Predictions
from pipeline.statistics import inference, resampling
from pipeline.statistics.analysis import analyse, analyse_scores, score_of_one
from pipeline.statistics.verdicts import interval


def predictions(images, groups, truth, probabilities, trained_on):
    classes = np.arange(probabilities.shape[1]).astype(str)
    return Predictions(
        images=images,
        groups=groups,
        classes=classes,
        truth=truth,
        probabilities=probabilities,
        trained_on=trained_on,
    )


def simulated(models, replicates, *, groups=12, images=10, seed=0, gap=0.0, differ=0.2, classes=2):
    """Models whose signal increases by `gap` from one to the next, all tested on the same groups of images."""
    random = np.random.default_rng(seed)
    count = groups * images
    group, truth = np.repeat(np.arange(groups), images), random.integers(0, classes, count)

    def replicate(model):
        signal = 1 + gap * model + differ * random.normal() + 0.3 * random.normal(size=groups)[group]
        odds = np.exp(random.normal(size=(count, classes)) + signal[:, np.newaxis] * np.eye(classes)[truth])
        return predictions(np.arange(count), group, truth, odds / odds.sum(axis=1, keepdims=True), 3 * count)

    return {f"model {model}": [replicate(model) for _ in range(replicates)] for model in range(models)}


def on(one, kept):
    """The predictions for these images only."""
    return predictions(one.images[kept], one.groups[kept], one.truth[kept], one.probabilities[kept], one.trained_on)


@pytest.fixture(scope="module")
def readers(van_dyke):
    """Van Dyke's two methods as models, readers as replicates, and each case as one image and group."""
    truth, ratings = van_dyke
    numbers = np.arange(114)
    return {
        name: [
            predictions(numbers, numbers, truth, np.column_stack([1 - rating / 10, rating / 10]), 1000)
            for rating in ratings_by_reader
        ]
        for name, ratings_by_reader in zip(("spin echo", "cine"), ratings, strict=True)
    }


def test_van_dykes_readers_are_analysed_as_by_jafroc(readers):
    # JAFROC 4.2.1, random readers and random cases (RJafroc, inst/JAFROC/VanDykeROC.txt).
    resampled = resampling.resample("roc_auc", readers, drawings=1)
    areas = [[0.91964573, 0.85877615, 0.90386474, 0.97310787, 0.82979065]]
    areas += [[0.94782609, 0.90531403, 0.92173910, 0.99935585, 0.92995167]]
    assert resampled.scores == pytest.approx(np.array(areas), abs=1e-7)
    for model, error in enumerate((0.03317359, 0.02156635)):
        variance = inference.crossed(resampled.scores[model], resampled.left_out[model])
        assert variance.error == pytest.approx(error, abs=1e-7)
    differences, left_out = (values[0] - values[1] for values in (resampled.scores, resampled.left_out))
    variance = inference.crossed(differences, left_out)
    assert differences.mean() == pytest.approx(-0.04380023, abs=1e-7)
    assert variance.error == pytest.approx(0.02075, abs=5e-6)
    # Hillis' degrees of freedom ignore the variance of cases, which are numerous here.
    hillis = variance.of_mean(5) ** 2 / ((variance.own / 5) ** 2 / 4)
    assert hillis == pytest.approx(15.26, abs=0.005)
    assert hillis * 0.85 < variance.freedom(5) < hillis
    probability = 2 * stats.t.sf(abs(differences.mean()) / variance.error, hillis)
    assert probability == pytest.approx(0.0517, abs=5e-5)


def test_van_dykes_five_readers_cannot_make_a_verdict(readers):
    found = analyse("roc_auc", readers, margin=0.01)
    assert found.fewest == 6
    (pair,) = found.pairs
    assert (pair.first, pair.p_value, pair.verdict) == ("cine", 0.0625, "open")
    assert pair.needed is not None and pair.needed > 5


def test_the_variance_of_a_mean_over_images_is_that_of_the_two_way_analysis():
    random = np.random.default_rng(0)
    replicates, groups = 6, 9
    values = random.normal(size=(replicates, 1)) + 2 * random.normal(size=groups) + random.normal(size=(6, 9))
    left_out = (values.sum(axis=1, keepdims=True) - values) / (groups - 1)
    table = pd.DataFrame([(r, g, values[r, g]) for r, g in product(range(replicates), range(groups))])
    table.columns = ["replicate", "group", "value"]
    squares = formulas.ols("value ~ C(replicate) + C(group)", table).fit()
    rows = squares.model.data.frame.groupby("replicate").value.mean().var() * groups
    columns = table.groupby("group").value.mean().var() * replicates
    expected = (rows + columns - squares.mse_resid) / (replicates * groups)
    found = inference.crossed(values.mean(axis=1), left_out)
    assert float(found.of_mean(replicates)) == pytest.approx(expected)


def test_the_corrected_t_is_that_of_baycomp():
    # baycomp 1.0.3, CorrelatedTTest.probs(x, y, rope) of ten folds; its x is worse by these differences.
    differences = np.array([0.021, -0.004, 0.013, 0.032, 0.008, 0.017, -0.011, 0.025, 0.019, 0.006])
    variance = inference.redrawn(differences, 1 / 9)
    baycomps = float(differences.var(ddof=1) * (1 / 10 + 1 / 9))
    assert variance.of_mean(10) == pytest.approx(baycomps)
    assert baycomps == pytest.approx(3.6555061728395126e-05)
    freedom = variance.freedom(10)
    assert freedom == 9
    for margin, within in ((0.01, 0.33632311857363273), (0.03, 0.9908497498474682)):
        found = inference.probability_within(differences.mean(), variance.error, freedom, margin)
        assert found == pytest.approx(within)


@pytest.mark.parametrize("count", [3, 6, 9])
def test_the_sign_flip_test_tries_every_sign(count):
    differences = np.random.default_rng(count).normal(0.5, 1, count).round(1)
    sums = [abs(np.dot(signs, differences)) for signs in product((-1, 1), repeat=count)]
    expected = np.mean(np.array(sums) >= abs(differences.sum()) - 1e-9)
    assert inference.sign_flip_test(differences) == pytest.approx(expected)
    scipys = stats.permutation_test((differences,), np.sum, permutation_type="samples", n_resamples=np.inf)
    assert inference.sign_flip_test(differences) == pytest.approx(scipys.pvalue)


def test_random_signs_come_close_to_all_signs():
    differences = np.random.default_rng(3).normal(0.35, 1, 18)
    exact = stats.permutation_test((differences,), np.sum, permutation_type="samples", n_resamples=2**19)
    assert inference.sign_flip_test(differences) == pytest.approx(exact.pvalue, abs=0.005)


def test_the_bootstrap_is_the_loop_over_drawn_replicates_and_groups():
    models = simulated(2, 3, groups=5, seed=4)
    found = resampling.resample("accuracy", models, drawings=40, seed=5)
    generator = np.random.default_rng(5)
    blocks = generator.permutation(5)
    taken = generator.multinomial(3, [1 / 3] * 3, size=40)
    drawn = generator.multinomial(5, [1 / 5] * 5, size=40)[:, blocks]
    means = resampling.weighted_mean(found.drawn, found.taken)
    for (model, ones), drawing in product(enumerate(models.values()), range(40)):
        total = 0.0
        for replicate in np.repeat(np.arange(3), taken[drawing]):
            one = ones[replicate]
            kept = np.concatenate(
                [np.flatnonzero(one.groups == group) for group in np.repeat(range(5), drawn[drawing])]
            )
            total += dict(metrics.scores(one.truth[kept], one.probabilities[kept]))["accuracy"]
        assert means[model, drawing] == pytest.approx(total / 3)


def test_leaving_out_groups_equals_evaluating_the_other_images():
    models = simulated(1, 2, groups=6, seed=6, classes=3)
    found = resampling.resample("roc_auc", models, drawings=1, seed=0)
    blocks = np.random.default_rng(0).permutation(6)
    for replicate, group in product(range(2), range(6)):
        one = models["model 0"][replicate]
        rest = on(one, one.groups != group)
        expected = dict(metrics.scores(rest.truth, rest.probabilities))["roc_auc"]
        assert found.left_out[0, replicate, blocks[group]] == pytest.approx(expected)


def test_estimates_are_the_means_and_deviations_of_the_scores_best_first():
    models = simulated(3, 4, gap=0.5, classes=3)
    found = analyse("balanced_accuracy", models, margin=0.01)
    assert [one.model for one in found.estimates] == ["model 2", "model 1", "model 0"]
    for one in found.estimates:
        scores = [
            dict(metrics.scores(ones.truth, ones.probabilities))["balanced_accuracy"] for ones in models[one.model]
        ]
        assert one.mean == pytest.approx(np.mean(scores))
        assert one.deviation == pytest.approx(np.std(scores, ddof=1))
        assert 0 < one.low < one.mean < one.high < 1


def test_a_clear_difference_is_significant_with_enough_replicates_and_undecided_with_too_few():
    enough = analyse("accuracy", simulated(2, 8, gap=2.0), margin=0.01)
    assert (enough.pairs[0].verdict, enough.ties, enough.unbeaten) == (
        "better",
        (("model 1",), ("model 0",)),
        ("model 1",),
    )
    too_few = analyse("accuracy", simulated(2, 5, gap=2.0), margin=0.01)
    assert too_few.pairs[0].verdict == "open"
    assert too_few.pairs[0].needed == too_few.fewest == 6


def test_for_an_error_the_lower_model_is_first_and_the_difference_below_zero():
    (pair,) = analyse("log_loss", simulated(2, 8, gap=2.0), margin=0.01).pairs
    assert (pair.first, pair.verdict, pair.wins) == ("model 1", "better", 1)
    assert pair.low < pair.difference < pair.high < 0


def test_equal_predictions_and_differences_within_the_margin_are_the_same():
    models = simulated(1, 4)
    models["twin"] = models["model 0"]
    (pair,) = analyse("accuracy", models, margin=0.01).pairs
    assert (pair.difference, pair.low, pair.high, pair.p_value, pair.equivalence) == (0, 0, 0, 1, 1)
    assert (pair.verdict, pair.wins) == ("same", 0.5)
    assert analyse("accuracy", simulated(2, 4), margin=0.5).pairs[0].verdict == "same"


def test_holm_is_that_of_statsmodels_over_all_pairs():
    found = analyse("accuracy", simulated(4, 9, gap=0.15), margin=0.001)
    assert len(found.pairs) == 6
    expected = multipletests([pair.p_value for pair in found.pairs], method="holm")[1]
    assert [pair.adjusted for pair in found.pairs] == pytest.approx(expected)


def test_ties_are_the_largest_sets_in_which_no_model_is_better():
    found = analyse("accuracy", simulated(5, 10, gap=0.25, groups=40), margin=0.001)
    better = {frozenset((pair.first, pair.second)) for pair in found.pairs if pair.verdict == "better"}
    assert 0 < len(better) < 10
    names = [one.model for one in found.estimates]
    alike = [
        set(some)
        for size in range(1, 6)
        for some in combinations(names, size)
        if not any(pair <= set(some) for pair in better)
    ]
    largest = {frozenset(some) for some in alike if not any(some < other for other in alike)}
    assert {frozenset(tie) for tie in found.ties} == largest
    assert all(list(tie) == sorted(tie, key=names.index) for tie in found.ties)


def test_a_single_replicate_has_an_interval_but_no_verdict():
    found = analyse("accuracy", simulated(2, 1, gap=3.0), margin=0.01)
    (pair,) = found.pairs
    assert (pair.p_value, pair.adjusted, pair.verdict, pair.needed) == (1, 1, "open", 6)
    assert np.isfinite([one.low for one in found.estimates]).all()
    assert np.isnan(found.estimates[0].deviation)


def test_a_diverged_model_is_last_and_does_not_affect_others():
    models = simulated(3, 8, gap=2.0)
    broken = models["model 2"][3]
    models["model 2"][3] = predictions(
        broken.images, broken.groups, broken.truth, np.full_like(broken.probabilities, np.nan), 1
    )
    found = analyse("accuracy", models, margin=0.01)
    assert found.estimates[-1].model == "model 2" and np.isnan(found.estimates[-1].mean)
    assert found.pair("model 0", "model 1").verdict == "better"
    assert {found.pair("model 2", other).verdict for other in ("model 0", "model 1")} == {"open"}
    assert found.ties == (("model 1",), ("model 0",))


def test_redrawn_test_sets_are_detected_and_their_variance_is_that_of_nadeau_and_bengio():
    models = simulated(2, 6, gap=0.2, groups=20)
    kept = [np.sort(np.random.default_rng(number).permutation(200)[:50]) for number in range(6)]
    drawn = {name: [on(one, some) for one, some in zip(ones, kept, strict=True)] for name, ones in models.items()}
    found = analyse("accuracy", drawn, margin=0.01)
    assert (found.design, found.groups) == ("redrawn", 20)
    (pair,) = found.pairs
    of = {
        name: np.array([(one.probabilities.argmax(axis=1) == one.truth).mean() for one in ones])
        for name, ones in drawn.items()
    }
    differences = of[pair.first] - of[pair.second]
    half = stats.t.ppf(0.975, 5) * np.sqrt(differences.var(ddof=1) * (1 / 6 + 50 / 600))
    assert (pair.low, pair.high) == pytest.approx((differences.mean() - half, differences.mean() + half))


def test_without_single_images_the_test_is_the_paired_t_test():
    scores = {"a": [0.9, 0.91, 0.93, 0.92, 0.9, 0.95, 0.91], "b": [0.88, 0.9, 0.9, 0.91, 0.89, 0.9, 0.91]}
    found = analyse_scores("accuracy", scores, margin=0.01)
    (pair,) = found.pairs
    expected = stats.ttest_rel(*scores.values())
    assert (pair.low, pair.high) == pytest.approx(tuple(expected.confidence_interval(0.95)))
    assert pair.p_value == pytest.approx(max(expected.pvalue, inference.sign_flip_test(np.subtract(*scores.values()))))
    assert (found.design, found.groups, pair.wins) == ("replicates", 0, 6.5 / 7)


def test_needed_replicates_give_a_verdict_and_one_fewer_does_not():
    variance = inference.Variance(own=4e-4, shared=1e-5, replicates=4, shared_freedom=30)
    needed = inference.needed_replicates(0.02, variance, margin=0.001, pairs=3)

    def distinguished(count):
        error = np.sqrt(4e-4 / count + 1e-5)
        freedom = error**4 / ((4e-4 / count) ** 2 / (count - 1) + 1e-5**2 / 30)
        enough = 0.02 - stats.norm.ppf(0.8) * error > stats.t.ppf(1 - 0.05 / 6, freedom) * error
        return enough and 2 / 2**count <= 0.05 / 3

    assert distinguished(needed) and not distinguished(needed - 1)
    few_groups = inference.Variance(own=4e-4, shared=1e-3, replicates=4, shared_freedom=4)
    assert inference.needed_replicates(0.02, few_groups, margin=0.001, pairs=3) is None


def test_fewer_than_two_models_have_no_pair():
    assert analyse("accuracy", {}, margin=0.01).pairs == ()
    alone = analyse("accuracy", simulated(1, 3), margin=0.01)
    assert (alone.pairs, alone.ties, alone.fewest) == ((), (("model 0",),), 2)


def test_models_tested_on_different_images_raise_an_error():
    models = simulated(2, 3)
    models["model 1"] = [on(one, np.arange(50)) for one in models["model 1"]]
    with pytest.raises(ValueError, match="must be tested on the same images"):
        analyse("accuracy", models, margin=0.01)


def test_a_pair_is_compared_by_the_replicates_that_both_models_have():
    models = simulated(3, 9, gap=0.5)
    fewer = models | {"model 0": models["model 0"][:7]}
    found = analyse("accuracy", fewer, margin=0.01)
    assert {one.model: one.replicates for one in found.estimates} == {"model 0": 7, "model 1": 9, "model 2": 9}
    assert found.replicates == 7
    alone = analyse("accuracy", {name: ones[:7] for name, ones in models.items()}, margin=0.01)
    full = analyse("accuracy", models, margin=0.01)
    for pair, expected in (("model 0", alone), ("model 2", full)):
        one, other = found.pair("model 1", pair), expected.pair("model 1", pair)
        assert (one.replicates, one.difference, one.p_value) == (other.replicates, other.difference, other.p_value)
    scores = analyse_scores("accuracy", {"a": [0.5, 0.6], "b": [0.5, 0.6, 0.7]}, margin=0.01)
    assert (scores.pairs[0].replicates, scores.pairs[0].difference) == (2, 0)


def test_several_looks_share_the_level_and_need_more_replicates():
    models = simulated(2, 8, gap=0.4)
    one, five = (analyse("accuracy", models, margin=0.001, looks=looks) for looks in (1, 5))
    assert (one.level, five.level) == (0.95, pytest.approx(0.99))
    half = (one.pairs[0].high - one.pairs[0].low) / 2, (five.pairs[0].high - five.pairs[0].low) / 2
    error = one.pairs[0].error
    freedom = stats.t.ppf(0.975, np.arange(1, 2000) / 10)
    at = np.abs(freedom - half[0] / error).argmin() / 10 + 0.1
    assert half[1] / error == pytest.approx(stats.t.ppf(0.995, at), rel=0.01)
    assert (one.fewest, five.fewest) == (6, 8)
    assert one.pairs[0].p_value == five.pairs[0].p_value


def test_if_leaving_out_a_group_removes_a_class_no_model_is_called_better():
    left_out = np.array([[0.9, np.nan], [0.8, np.nan], [0.7, np.nan]])
    variance = inference.crossed(np.array([0.9, 0.8, 0.7]), left_out)
    assert np.isnan(variance.error)
    assert inference.t_test(0.8, variance) == 1


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.5, 0.99, 1.0])
def test_intervals_contain_the_mean_and_stay_within_the_bounds_of_the_metric(metric, share):
    lowest, highest = METRICS[metric].bounds
    mean = lowest + share * (min(highest, 30.0) - lowest)
    low, high = interval(mean, inference.of_replicates(mean + np.array([-0.1, 0.0, 0.1])), METRICS[metric])
    assert lowest <= low <= mean <= high <= highest


def test_the_interval_of_a_negative_correlation_is_not_clipped_at_zero():
    variance = inference.of_replicates(np.array([-0.3, -0.2, -0.1]))
    low, high = interval(-0.2, variance, METRICS["matthews"])
    # The log odds of (1 + r) / 2 are twice Fisher's z of r.
    half = variance.quantile() * variance.error / (1 - 0.2**2)
    assert (low, high) == pytest.approx((np.tanh(np.arctanh(-0.2) - half), np.tanh(np.arctanh(-0.2) + half)))
    assert low < -0.3


@pytest.mark.parametrize("metric", METRICS)
def test_models_can_be_compared_by_every_metric(metric):
    found = analyse(metric, simulated(2, 8, gap=2.0), margin=0.001, drawings=50)
    better, worse = found.estimates
    assert (found.pairs[0].first, found.pairs[0].second) == (better.model, worse.model)
    assert (better.mean < worse.mean) == METRICS[metric].lower_is_better


@pytest.mark.parametrize("folds", [0, 5])
def test_models_without_replicates_have_no_verdict_and_give_no_warning(folds):
    found = analyse("accuracy", {"a": [], "b": []}, margin=0.01, folds=folds)
    (pair,) = found.pairs
    assert (found.replicates, pair.verdict, pair.needed) == (0, "open", 5 if folds else 6)


@pytest.mark.parametrize(("metric", "sign"), [("accuracy", 1), ("log_loss", -1)])
def test_the_better_model_of_a_pair_is_the_better_one_in_the_replicates_that_both_have(metric, sign):
    """`long` has the better mean because of its last ten replicates, which `short` does not have."""
    noise = 0.001 * np.sin(np.arange(20))
    scores = {
        "long": 0.5 + sign * (np.where(np.arange(20) < 10, 0.2, 0.4) + noise),
        "short": np.full(10, 0.5 + sign * 0.25),
    }
    found = analyse_scores(metric, {model: ones.tolist() for model, ones in scores.items()}, margin=0.01)
    (pair,) = found.pairs
    assert [one.model for one in found.estimates] == ["long", "short"]
    assert (pair.first, pair.second, pair.verdict, pair.wins) == ("short", "long", "better", 1.0)
    assert sign * pair.difference == pytest.approx(0.05, abs=0.001)


def test_if_pairs_form_a_circle_every_model_remains():
    """In the first ten replicates, c is better than a, and a than b. In the further ones, b is better than c."""
    wave, later = 0.001 * np.sin(np.arange(40)), np.arange(40) >= 10
    scores = {"a": 0.68 + wave[:10], "b": 0.66 - wave + 0.3 * later, "c": 0.70 + wave**2}
    found = analyse_scores("accuracy", {model: ones.tolist() for model, ones in scores.items()}, margin=0.001)
    assert {(pair.first, pair.second) for pair in found.pairs} == {("c", "a"), ("a", "b"), ("b", "c")}
    assert {pair.verdict for pair in found.pairs} == {"better"}
    assert set(found.unbeaten) == {"a", "b", "c"}


@pytest.mark.parametrize("right", [40, 0])
def test_an_accuracy_of_one_network_without_spread_has_an_exact_interval(right):
    truth = np.arange(40) % 2
    label = truth if right else 1 - truth
    found = score_of_one("accuracy", predictions(np.arange(40), np.arange(40), truth, np.eye(2)[label], 100))
    expected = stats.binomtest(right, 40).proportion_ci(0.95, "exact")
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_the_score_of_one_network_with_errors_has_the_interval_of_the_jackknife():
    ((one,),) = simulated(1, 1).values()
    (expected,) = analyse("accuracy", {"network": [one]}, margin=0).estimates
    assert score_of_one("accuracy", one) == expected
