import re
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedShuffleSplit

from pipeline.data.balanced_draws import deal_folds, draw_test
from pipeline.data.splits import (
    OWN_TESTS,
    SPLITS,
    STRATEGIES,
    TEST,
    TRAIN,
    VALIDATION,
    deviations,
    replicate_splits,
)
from pipeline.errors import UserError

BY_GROUP = [strategy for strategy in STRATEGIES if strategy != "random"]


def some(seed=0, *, groups=40, classes=3):
    """Labels, groups and strata of groups of 1 to 19 images with very different class shares."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 20, size=groups)
    group = np.repeat(np.arange(groups), sizes)
    shares = rng.dirichlet(np.ones(classes), size=groups)
    labels = np.array([rng.choice(classes, p=shares[number]) for number in group])
    return labels, group.astype(str), np.where(group % 3, "poly", "mono")


def splits(strategy, data, **settings):
    tuning = {"tuning_share": 0.25} if strategy == "tuning" else {}
    return replicate_splits(strategy, *data, **{"replicates": 6, "seed": 0} | tuning | settings)


def drawn(data, **settings):
    with pytest.raises(UserError) as caught:
        splits(settings.pop("strategy", "group"), data, **settings)
    return str(caught.value)


@pytest.mark.parametrize("strategy", BY_GROUP)
def test_no_split_separates_a_group(strategy):
    data = some()
    for split in splits(strategy, data):
        for group in set(data[1].tolist()):
            assert len(set(split[data[1] == group].tolist())) == 1


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_class_is_in_train_validation_and_test(strategy):
    data = some()
    for split in splits(strategy, data):
        for part in (TRAIN, VALIDATION, TEST):
            assert set(data[0][split == part].tolist()) == {0, 1, 2}


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_more_replicates_do_not_change_the_earlier_ones(strategy):
    data = some()
    np.testing.assert_array_equal(splits(strategy, data, replicates=12)[:7], splits(strategy, data, replicates=7))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_seed_determines_the_splits(strategy):
    data = some()
    np.testing.assert_array_equal(splits(strategy, data), splits(strategy, data))
    assert (splits(strategy, data) != splits(strategy, data, seed=1)).any(axis=1).all()


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_replicates_have_different_validation_sets(strategy):
    rows = splits(strategy, some(groups=160))
    assert len({(split == VALIDATION).tobytes() for split in rows}) == 6


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_test_set_is_shared_unless_the_strategy_redraws_it(strategy):
    tests = {(split == TEST).tobytes() for split in splits(strategy, some(), replicates=5)}
    assert len(tests) == (5 if strategy in OWN_TESTS else 1)


def test_in_each_repetition_of_kfold_every_image_is_tested_once():
    tested = splits("kfold", some(), folds=4, replicates=8) == TEST
    assert (tested[:4].sum(axis=0) == 1).all() and (tested[4:].sum(axis=0) == 1).all()
    assert {row.tobytes() for row in tested[:4]} != {row.tobytes() for row in tested[4:]}


@pytest.mark.parametrize("strategy", ["kfold", "tuning"])
def test_tuning_groups_are_never_tested_and_are_the_only_ones_that_tuning_uses(strategy, elpv):
    data = (elpv.labels, elpv.groups, elpv.subgroups)
    tuning = splits("tuning", data)[0] != TEST
    assert tuning.mean() == pytest.approx(0.25, abs=0.015)
    assert abs(elpv.labels[tuning].mean() - elpv.labels.mean()) < 0.01
    rows = splits(strategy, data, tuning_share=0.25, replicates=10)
    assert ((rows == TEST).any(axis=0) == ~tuning).all()
    if strategy == "tuning":
        assert ((rows == TEST) == ~tuning).all()
        assert (rows == VALIDATION).mean(axis=1) == pytest.approx(0.25 * 0.15, abs=0.015)
    else:
        assert ((rows == TEST)[:5].sum(axis=0) == ~tuning).all() and ((rows == TEST)[5:].sum(axis=0) == ~tuning).all()


@pytest.mark.parametrize("strategy", sorted(set(STRATEGIES) - {"tuning"}))
def test_shares_are_of_all_images(strategy, elpv):
    data = (elpv.labels, elpv.groups, elpv.subgroups)
    for split in splits(strategy, data, folds=4):
        assert (split == TEST).mean() == pytest.approx(0.25, abs=0.03)
        assert (split == VALIDATION).mean() == pytest.approx(0.15, abs=0.015)


def test_the_random_split_of_elpv_has_the_published_656_test_images_stratified(elpv):
    split = splits("random", (elpv.labels, elpv.groups, elpv.subgroups), replicates=1)[0]
    sklearns = StratifiedShuffleSplit(1, test_size=0.25, random_state=0).split(elpv.labels, elpv.labels)
    _, test = next(sklearns)
    assert (split == TEST).sum() == 656
    np.testing.assert_array_equal(np.bincount(elpv.labels[split == TEST]), np.bincount(elpv.labels[test]))


def test_modules_of_elpv_are_split_with_class_shares_within_one_point_of_the_whole(elpv):
    rows = splits("group", (elpv.labels, elpv.groups, elpv.subgroups), replicates=8)
    for balance in deviations(rows, elpv.labels, 2):
        assert all(part.deviation < 0.01 for part in balance.values())


@pytest.mark.parametrize("seed", range(5))
def test_the_draw_is_better_balanced_than_most_random_draws(elpv, seed):
    labels = elpv.labels
    found = abs(labels[draw_test(labels, elpv.groups, elpv.subgroups, share=0.25, seed=seed)].mean() - labels.mean())
    rng = np.random.default_rng(seed)
    modules = np.unique(elpv.groups)
    random = [
        abs(labels[np.isin(elpv.groups, rng.choice(modules, 11, replace=False))].mean() - labels.mean())
        for _ in range(200)
    ]
    assert found < np.quantile(random, 0.25)


def test_folds_of_elpv_are_better_balanced_than_the_median_random_deal(elpv):
    labels = elpv.labels
    modules, module = np.unique(elpv.groups, return_inverse=True)

    def largest(fold):
        return max(abs(labels[fold == value].mean() - labels.mean()) for value in range(5))

    rng = np.random.default_rng(0)
    random = [largest((rng.permutation(len(modules)) % 5)[module]) for _ in range(200)]
    found = largest(deal_folds(labels, elpv.groups, elpv.subgroups, folds=5, seed=0))
    assert found < np.median(random) / 2


def test_a_class_with_three_groups_is_in_every_part_of_every_split():
    labels, groups = np.repeat(np.arange(50), 30), np.repeat(np.arange(150), 10).astype(str)
    for split in splits("group", (labels, groups, None)):
        assert all(len(set(labels[split == part].tolist())) == 50 for part in (TRAIN, VALIDATION, TEST))


@pytest.mark.parametrize("strategy", ["group", "random"])
def test_classes_of_three_images_among_many_others_are_in_every_part_of_every_split(strategy):
    labels = np.concatenate([np.repeat(np.arange(30), 3), np.full(20_000, 30)])
    for split in splits(strategy, (labels, np.arange(len(labels)).astype(str), None), replicates=2):
        assert all(len(set(labels[split == part].tolist())) == 31 for part in (TRAIN, VALIDATION, TEST))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(15, 60), st.sampled_from(BY_GROUP))
def test_for_any_data_a_split_keeps_groups_together_or_an_error_is_raised(seed, groups, strategy):
    data = some(seed, groups=groups)
    try:
        rows = splits(strategy, data, replicates=3, seed=seed)
    except UserError:
        return
    for split in rows:
        assert set(split.tolist()) == {TRAIN, VALIDATION, TEST}
        assert len(set(zip(data[1].tolist(), split.tolist(), strict=True))) == groups


def test_a_given_test_set_is_kept():
    labels, groups, strata = some()
    test = np.isin(groups, ["3", "4", "5", "6", "7"])
    for strategy in ("group", "random"):
        rows = splits(strategy, (labels, groups, strata), test=test)
        assert ((rows == TEST) == test).all()


@pytest.mark.parametrize("strategy", [*OWN_TESTS, "tuning"])
def test_a_given_test_set_with_a_strategy_that_redraws_it_is_rejected(strategy):
    data = some()
    assert "the source defines one" in drawn(data, strategy=strategy, test=data[1] == "3")


def test_a_given_test_set_that_divides_a_group_is_rejected():
    data = some()
    test = np.zeros(len(data[0]), bool)
    test[:20:2] = True
    assert "has images in the test set and outside it" in drawn(data, test=test)


def test_a_class_in_too_few_groups_is_named_with_the_number_needed():
    labels, groups = np.repeat([0, 1], [100, 20]), np.repeat(np.arange(12), 10).astype(str)
    message = drawn((labels, groups, None), classes=("sound", "cracked"))
    assert message.startswith(
        "Class 'cracked' has too few groups for train, validation and test: it has 2 and needs 3."
    )
    assert message.endswith("Add images, or merge the class with another.")


def test_tuning_groups_do_not_count_for_the_folds_of_a_class():
    """Six groups have the class; at least one of them is a tuning group."""
    labels = np.repeat([0, 0, 1], 10 * np.array([6, 6, 6]))
    data = (labels, np.repeat(np.arange(18), 10).astype(str), None)
    assert replicate_splits("kfold", *data, replicates=1, folds=6, seed=0).shape == (1, 180)
    message = drawn(data, strategy="kfold", folds=6, tuning_share=0.25, classes=("sound", "cracked"))
    assert re.fullmatch(
        r"Class 'cracked' has too few groups for 6 folds with train and validation: it has [45] \(not "
        r"counting [12] in the reserved tuning groups\) and needs 6\. Add images, use split=kfold, which reserves no "
        r"tuning groups, or merge the class with another\.",
        message,
    )


def test_a_class_of_too_few_images_is_named_with_the_number_needed():
    labels = np.repeat([0, 1], [100, 2])
    names = np.arange(102).astype(str)
    assert "'1' has too few images for train, validation and test" in drawn((labels, names, None), strategy="random")
    assert "too few images for 5 folds" in drawn((labels, names, None), strategy="kfold")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"strategy": "grouped"}, "Unknown split strategy 'grouped'. Did you mean 'group'?"),
        ({"test_share": 0}, "`split.test_share` must be a number greater than 0 and less than 1. Received 0."),
        ({"test_share": None}, "`split.test_share` must be a number greater"),
        ({"validation_share": 1.0}, "`split.validation_share` must be a number greater"),
        ({"test_share": 0.5, "validation_share": 0.5}, "so that training images remain"),
        (
            {"strategy": "kfold", "folds": None},
            "`split.folds` must be an integer at least 2 for split=kfold. Received None.",
        ),
        ({"strategy": "kfold", "folds": 1}, "`split.folds` must be an integer at least 2"),
        ({"strategy": "tuning", "tuning_share": None}, "`split.tuning_share` must be a number greater"),
        ({"strategy": "kfold", "tuning_share": 1.0}, "`split.tuning_share` must be a number greater"),
        ({"tuning_share": 0.25}, "`split.tuning_share` must be null for split=group"),
        ({"seed": -1}, "`split.seed` must be an integer at least 0. Received -1."),
    ],
)
def test_invalid_split_settings_are_reported(settings, message):
    assert message in drawn(some(), **settings)


def test_deviations_are_those_worked_by_hand():
    labels = np.array([0, 0, 0, 1, 0, 1, 1, 0])  # 5 of 8 are 0
    split = np.array([[0, 0, 0, 0, 1, 1, 2, 2]], np.uint8)
    (balance,) = deviations(split, labels, 2)
    assert tuple(balance) == SPLITS
    assert balance["train"] == (4, (0.75, 0.25), 0.125)
    assert balance["validation"] == (2, (0.5, 0.5), 0.125)


def test_a_hundred_thousand_images_without_groups_are_split():
    labels = np.arange(100_000) % 7
    rows = splits("group", (labels, np.arange(100_000).astype(str), None), replicates=1)
    assert (rows == TEST).sum() == 25_000


def test_memory_does_not_grow_with_the_product_of_classes_and_groups():
    labels = np.arange(50_000) % 1000
    tracemalloc.start()
    replicate_splits("group", labels, np.arange(50_000).astype(str), None, replicates=1, seed=0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # A table of all classes and groups would take 400 MB.
    assert peak < 100e6


def test_a_class_without_images_in_a_predefined_part_is_rejected():
    labels, groups, _ = some()
    groups = np.arange(len(labels)).astype(str)
    test = (np.arange(len(labels)) % 3 == 0) & (labels != labels.max())
    assert "no test image in the predefined split" in drawn((labels, groups, None), test=test)
    test = np.arange(len(labels)) % 3 == 0
    validation = ~test & (labels == labels.max())
    assert "no training image in the predefined split" in drawn(
        (labels, groups, None), test=test, validation=validation
    )
