import numpy as np

from pipeline.data.splits import TEST, TRAIN, VALIDATION

PUBLISHED_TEST, PUBLISHED_TRAIN = 656, 1968  # Deitsch et al. 2019


def test_both_splits_test_and_train_on_as_many_cells_as_the_published_one(splits):
    random, modules, four = splits
    for prepared, tolerance in ((random, 0), (modules, 14), (four, 1)):
        for split in prepared.splits:
            assert abs((split == TEST).sum() - PUBLISHED_TEST) <= tolerance
            assert abs((split != TEST).sum() - PUBLISHED_TRAIN) <= tolerance


def test_random_draws_have_the_class_shares_of_all_cells_and_differ(splits):
    for prepared in (splits[0], splits[2]):
        for replicate in range(len(prepared.splits)):
            rows = prepared.indices(replicate, TEST)
            whole = np.bincount(prepared.labels) / len(prepared.labels)
            assert np.abs(np.bincount(prepared.labels[rows]) / len(rows) - whole).max() < 0.002
        assert len({row.tobytes() for row in prepared.splits}) == len(prepared.splits)


def test_the_split_by_module_tests_every_module_once_per_repetition_except_the_tuning_modules(splits, prepared):
    from pipeline.studies.solar_cells.solar_candidates import DRAWS, FOLDS, compared_cells, tested_modules

    modules = splits[1]
    tuning = prepared(("model=logistic", "data=elpv", "split=tuning"), 1)
    searched = set(tuning.groups[tuning.splits[0] != TEST].tolist())
    for first in range(0, DRAWS, FOLDS):
        tested = [name for fold in range(first, first + FOLDS) for name in tested_modules(modules, fold)]
        assert len(tested) == len(set(tested)) == 33
        assert not searched & set(tested)
    assert set(modules.groups[~compared_cells(modules)].tolist()) == searched


def test_no_module_is_in_two_parts_of_the_split_by_module(splits):
    modules = splits[1]
    for split in modules.splits:
        parts = [set(modules.groups[split == part].tolist()) for part in (TRAIN, VALIDATION, TEST)]
        assert sum(map(len, parts)) == len(set.union(*parts)) == 44


def test_four_classes_are_tested_on_the_modules_of_the_folds_of_two_classes(splits, prepared):
    from pipeline.studies.solar_cells.solar_candidates import DRAWS, four_class_folds, tested_modules

    modules = splits[1]
    overrides = {one.label: one.overrides for one in four_class_folds(modules)}
    for fold in range(DRAWS):
        tested = f"data.options.tested=[{','.join(tested_modules(modules, fold))}]"
        assert tested in overrides[f"logistic regression, fold {fold}"]
    found = prepared(overrides["logistic regression, fold 2"], 1)
    assert len(found.classes) == 4
    np.testing.assert_array_equal(found.splits[0] == TEST, modules.splits[2] == TEST)


def test_the_searched_network_has_fewer_than_two_million_parameters():
    from pipeline.cli.composing import composed
    from pipeline.networks.describe import make_network

    model = composed("experiment", ("model=searched_elpv", "data=elpv"))["model"]
    manifest = {"input_shape": [96, 96, 1], "image_shape": [96, 96, 1], "classes": ["a", "b"], "subgroups": ["x", "y"]}
    assert make_network(model, manifest).parameters < 2_000_000
