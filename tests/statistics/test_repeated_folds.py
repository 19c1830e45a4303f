"""Repeated cross-validation: every group is tested once per repetition."""

import numpy as np
import pytest

from pipeline.evaluation.predictions import Predictions
from pipeline.statistics import repeated_folds
from pipeline.statistics.analysis import analyse

FOLDS = 5


def folded(
    models, repetitions, groups=20, *, images=6, gap=0.0, noise=0.3, trainings=0.0, seed=0, sizes=None, last=None
):
    """Predictions of models whose logits have group effects, each repetition with new folds of whole groups."""
    random = np.random.default_rng(seed)
    of_group = np.repeat(np.arange(groups), images if sizes is None else sizes)
    truth = random.permutation(len(of_group)) % 2
    effects = 0.3 * random.normal(size=(models, groups))[:, of_group] + random.normal(size=(models, len(of_group)))
    replicates = {f"model {model}": [] for model in range(models)}
    for number in range(repetitions * FOLDS if last is None else last):
        repetition, fold = divmod(number, FOLDS)
        if fold == 0:
            dealt = np.random.default_rng([seed, repetition]).permutation(groups) % FOLDS
        tested = dealt[of_group] == fold
        for model, ones in enumerate(replicates.values()):
            logit = (2 * truth - 1) * (0.7 + model * gap + trainings * random.normal())
            logit += effects[model]
            logit = (logit + noise * random.normal(size=len(truth)))[tested]
            second = 1 / (1 + np.exp(-logit))
            ones.append(predicted(np.flatnonzero(tested), of_group[tested], truth[tested], second))
    return replicates


def predicted(images, groups, truth, second):
    return Predictions(
        images=images,
        groups=groups,
        classes=np.array(["no", "yes"]),
        truth=truth,
        probabilities=np.column_stack([1 - second, second]),
        trained_on=100,
    )


def test_what_groups_contribute_to_a_mean_over_images_are_their_own_means():
    random = np.random.default_rng(0)
    group_means = random.normal(size=(2, 6))
    tested = np.array([[1, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1], [1, 0, 1, 0, 1, 0], [0, 1, 0, 1, 0, 1]], bool)
    repetition = np.array([0, 0, 1, 1])
    of_replicate = group_means[repetition]
    values = np.array([ones[inside].mean() for ones, inside in zip(of_replicate, tested, strict=True)])
    left_out = np.array(
        [
            [ones[inside & (np.arange(6) != group)].mean() for group in range(6)]
            for ones, inside in zip(of_replicate, tested, strict=True)
        ]
    )
    sums, weights = repeated_folds.contributions(values, left_out, repetition, tested)
    assert sums == pytest.approx(group_means / 6)
    assert weights == pytest.approx(np.full((2, 6), 1 / 6))
    assert sums.sum(axis=1) == pytest.approx(group_means.mean(axis=1))


def test_a_fold_without_a_value_if_a_group_is_left_out_counts_as_a_whole():
    tested = np.array([[True, True, False, False], [False, False, True, True]])
    left_out = np.array([[np.nan, 0.8, 0.6, 0.6], [0.9, 0.9, 1.0, 0.8]])
    sums, _ = repeated_folds.contributions(np.array([0.6, 0.9]), left_out, np.array([0, 0]), tested)
    assert sums[0] == pytest.approx(np.array([0.6, 0.4, 0.8, 1.0]) / 4)


def test_the_shared_part_is_the_variance_of_groups_and_the_own_part_that_of_trainings():
    random = np.random.default_rng(1)
    groups, repetitions, found = 50, 4, []
    repetition = np.repeat(np.arange(repetitions), FOLDS)
    for _ in range(300):
        effects = random.normal(size=groups)
        tested, values, left_out = [], [], []
        for _ in range(repetitions):
            dealt = random.permutation(groups) % FOLDS
            for fold in range(FOLDS):
                inside = dealt == fold
                group = effects + 0.5 * random.normal()
                tested.append(inside)
                values.append(group[inside].mean())
                left_out.append([group[inside & (np.arange(groups) != one)].mean() for one in range(groups)])
        found.append(
            repeated_folds.variance(
                np.array(values),
                np.array(left_out),
                repetition=repetition,
                tested=np.array(tested),
                folds=FOLDS,
            )
        )
    factor = repeated_folds.overlap_factor(FOLDS, groups)
    assert np.mean([one.shared for one in found]) == pytest.approx(factor / groups, rel=0.1)
    assert np.mean([one.own for one in found]) == pytest.approx(0.5**2 / FOLDS, rel=0.15)


def test_folds_are_analysed_by_repetition_and_group():
    models = folded(2, 2, gap=0.8)
    found = analyse("accuracy", models, margin=0.01, folds=FOLDS)
    assert (found.design, found.groups, found.images, found.replicates) == ("folds", 20, 120, 10)
    scores = [np.mean(one.probabilities.argmax(axis=1) == one.truth) for one in models["model 1"]]
    assert found.estimates[0].mean == pytest.approx(np.mean(scores))
    assert found.pairs[0].verdict == "better"


def test_incomplete_repetitions_are_ignored_unless_there_is_no_other():
    thirteen = folded(2, 3, last=13)
    ten = {model: ones[:10] for model, ones in thirteen.items()}
    assert analyse("roc_auc", thirteen, margin=0.01, folds=FOLDS) == analyse("roc_auc", ten, margin=0.01, folds=FOLDS)
    three = {model: ones[:3] for model, ones in thirteen.items()}
    assert analyse("roc_auc", three, margin=0.01, folds=FOLDS).design == "redrawn"


def test_models_with_different_numbers_of_repetitions_are_compared_by_those_that_both_have():
    models = folded(3, 3, gap=0.3)
    models["model 0"] = models["model 0"][:5]
    found = analyse("accuracy", models, margin=0.01, folds=FOLDS)
    assert [one.replicates for one in found.estimates] == [15, 15, 5]
    assert found.pair("model 0", "model 2").replicates == 5
    assert found.pair("model 1", "model 2").replicates == 15


def test_needed_replicates_are_whole_repetitions_and_none_if_groups_are_lacking():
    once = analyse("accuracy", folded(2, 1, gap=0.1), margin=0.01, folds=FOLDS)
    assert (once.fewest, once.pairs[0].needed) == (5, 10)
    noisy = analyse("accuracy", folded(2, 2, groups=60, gap=0.5, trainings=0.5, seed=2), margin=0.001, folds=FOLDS)
    (pair,) = noisy.pairs
    assert pair.verdict == "open" and pair.needed is not None and pair.needed > 10 and pair.needed % FOLDS == 0
    few = analyse("accuracy", folded(2, 3, groups=11, gap=0.02, noise=0.0), margin=0.001, folds=FOLDS)
    assert few.pairs[0].verdict == "open"
    assert few.pairs[0].needed is None


def test_a_fold_without_a_class_is_skipped_for_a_metric_that_needs_all_classes():
    models = folded(2, 2)
    for ones in models.values():
        ones[3] = predicted(ones[3].images, ones[3].groups, np.zeros_like(ones[3].truth), ones[3].probabilities[:, 1])
    found = analyse("roc_auc", models, margin=0.01, folds=FOLDS)
    assert (found.skipped, found.replicates) == (1, 9)
    assert np.isfinite([(one.mean, one.low, one.high) for one in found.estimates]).all()
    assert analyse("accuracy", models, margin=0.01, folds=FOLDS).skipped == 0


@pytest.mark.parametrize("repetitions", [1, 2])
def test_equal_models_are_the_same(repetitions):
    models = folded(1, repetitions)
    (pair,) = analyse("roc_auc", models | {"twin": models["model 0"]}, margin=0.01, folds=FOLDS).pairs
    assert (pair.verdict, pair.p_value, pair.equivalence, pair.error) == ("same", 1, 1, 0)


def test_perfect_models_have_no_error():
    models = folded(1, 2)
    perfect = [predicted(one.images, one.groups, one.truth, one.truth * 0.8 + 0.1) for one in models["model 0"]]
    found = analyse("accuracy", {"a": perfect, "b": perfect}, margin=0.01, folds=FOLDS)
    assert (found.estimates[0].low, found.estimates[0].high) == pytest.approx((1, 1))
    assert found.pairs[0].verdict == "same"


def test_a_diverged_fold_leaves_its_pairs_undecided():
    models = folded(3, 2, gap=1.5)
    broken = models["model 2"][4]
    models["model 2"][4] = predicted(broken.images, broken.groups, broken.truth, np.full(len(broken.truth), np.nan))
    found = analyse("roc_auc", models, margin=0.01, folds=FOLDS)
    assert [one.model for one in found.estimates] == ["model 1", "model 0", "model 2"]
    assert found.pair("model 0", "model 1").verdict == "better"
    for other in ("model 0", "model 1"):
        pair = found.pair("model 2", other)
        assert (pair.verdict, pair.p_value, pair.needed) == ("open", 1, None)


def test_a_group_with_most_images_cannot_decide_alone():
    sizes = np.full(11, 4)
    sizes[0] = 200
    models = folded(2, 2, groups=11, sizes=sizes)
    for one in models["model 1"]:
        one.probabilities[one.groups == 0] = np.eye(2)[one.truth[one.groups == 0]]
    found = analyse("accuracy", models, margin=0.01, folds=FOLDS)
    assert found.pairs[0].verdict != "better"


def test_groups_that_are_tested_twice_in_a_repetition_raise_an_error():
    models = folded(2, 1)
    models = {model: ones[:4] + ones[:1] for model, ones in models.items()}
    with pytest.raises(ValueError, match="replicates 1 to 5 with groups that are tested repeatedly"):
        analyse("accuracy", models, margin=0.01, folds=FOLDS)


def test_a_model_without_replicates_is_undecided():
    found = analyse("accuracy", {"a": [], "b": folded(1, 2)["model 0"]}, margin=0.01, folds=FOLDS)
    assert [(pair.verdict, pair.p_value) for pair in found.pairs] == [("open", 1)]


def test_a_metric_that_no_fold_defines_leaves_models_undecided():
    ones = [
        predicted(one.images, one.groups, np.zeros_like(one.truth), one.probabilities[:, 1])
        for one in folded(1, 2)["model 0"]
    ]
    found = analyse("roc_auc", {"a": ones, "b": ones}, margin=0.01, folds=FOLDS)
    assert (found.pairs[0].verdict, found.pairs[0].p_value, found.skipped) == ("open", 1, 0)
    assert np.isnan(found.estimates[0].mean)


def test_with_too_few_groups_for_the_sign_flip_test_no_number_of_replicates_is_promised():
    # Six models make 15 pairs: seven groups give p-values of at least 15 · 2 / 2⁷ = 0.23.
    few = analyse("accuracy", folded(6, 4, groups=7, images=30, gap=0.5), margin=0.001, folds=FOLDS)
    assert (few.fewest_groups, few.lacks_groups) == (10, True)
    assert {(pair.verdict, pair.needed) for pair in few.pairs} <= {("open", None), ("same", None)}
    assert sum(pair.verdict == "open" for pair in few.pairs) > 10
    enough = analyse("accuracy", folded(2, 4, groups=7, images=30, gap=0.5), margin=0.001, folds=FOLDS)
    assert (enough.fewest_groups, enough.lacks_groups) == (6, False)


def test_with_too_few_groups_models_can_still_be_called_practically_the_same():
    few = analyse("accuracy", folded(2, 2, groups=5, images=200), margin=0.15, folds=FOLDS)
    (pair,) = few.pairs
    assert few.lacks_groups and pair.verdict == "same"


@pytest.mark.parametrize("last", [1, 3])
def test_less_than_one_repetition_needs_complete_repetitions(last):
    found = analyse("accuracy", folded(2, 1, last=last), margin=0.001, folds=FOLDS)
    assert (found.fewest, found.fewest_groups) == (FOLDS, 0)
    assert all(pair.needed is None or pair.needed % FOLDS == 0 for pair in found.pairs)
    assert found.design == ("folds" if last == 1 else "redrawn")
    if last == 1:
        assert [pair.needed for pair in found.pairs] == [FOLDS]
