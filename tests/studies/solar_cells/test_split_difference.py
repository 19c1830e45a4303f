from dataclasses import replace

import numpy as np
import pytest

from pipeline.evaluation.predictions import Predictions

MODULES, CELLS = 33, 20


def predictions(correct, cells, *, groups=None):
    """Predictions of two classes for these cells, with these answers right."""
    truth = np.arange(len(cells)) % 2
    probabilities = np.full((len(cells), 2), 0.2)
    probabilities[np.arange(len(cells)), np.where(correct, truth, 1 - truth)] = 0.8
    return Predictions(
        images=cells,
        groups=cells // CELLS if groups is None else groups,
        classes=np.array(["a", "b"]),
        truth=truth,
        probabilities=probabilities,
        trained_on=100,
    )


def test_the_difference_is_that_of_the_mean_accuracies():
    from pipeline.studies.solar_cells.split_difference import split_difference

    generator, cells = np.random.default_rng(0), np.arange(MODULES * CELLS)
    right = generator.random((2, 3, len(cells))) < 0.8
    random, by_module = ([predictions(one, cells) for one in ones] for ones in right)
    found = split_difference("accuracy", random, by_module)
    assert found.mean == pytest.approx(right[0].mean() - right[1].mean())
    assert found.low < found.mean < found.high


def test_equal_predictions_have_no_difference_and_no_interval():
    from pipeline.studies.solar_cells.split_difference import split_difference

    cells = np.arange(MODULES * CELLS)
    same = [predictions(cells % 3 > 0, cells)] * 3
    found = split_difference("accuracy", same, same)
    assert (found.mean, found.low, found.high) == (0, 0, 0)


def test_the_interval_contains_the_true_difference_in_most_simulations():
    """Modules are unequally difficult, and profit unequally from a random split; folds test each module once."""
    from pipeline.studies.solar_cells.split_difference import split_difference

    generator, cells = np.random.default_rng(1), np.arange(MODULES * CELLS)
    contained = []
    for _ in range(200):
        difficulty = generator.normal(0.75, 0.1, MODULES).clip(0, 0.98)
        gain = generator.normal(0.05, 0.08, MODULES)
        random, by_module = [], []
        for replicate in range(6):
            if replicate % 3 == 0:
                fold = generator.permutation(MODULES) % 3
            drawn = np.sort(generator.permutation(cells)[: len(cells) // 3])
            tested = cells[fold[cells // CELLS] == replicate % 3]
            noise = generator.normal(0, 0.02, 2)
            for ones, rows, chance in (
                (random, drawn, difficulty + gain + noise[0]),
                (by_module, tested, difficulty + noise[1]),
            ):
                ones.append(predictions(generator.random(len(rows)) < chance[rows // CELLS], rows))
        found = split_difference("accuracy", random, by_module)
        contained.append(found.low <= 0.05 <= found.high)
    assert np.mean(contained) >= 0.92  # two standard errors below the nominal level


def test_restricted_predictions_keep_the_chosen_cells_and_take_other_groups():
    from pipeline.studies.solar_cells.split_difference import restricted

    one = replace(predictions(np.ones(3, bool), np.array([1, 4, 6])), subgroups=np.array(["x", "y", "z"]))
    chosen = np.isin(np.arange(8), [0, 4, 6])
    found = restricted(one, chosen, np.arange(8) * 10)
    assert (found.images.tolist(), found.groups.tolist(), found.subgroups.tolist()) == ([4, 6], [40, 60], ["y", "z"])
    np.testing.assert_array_equal(found.probabilities, one.probabilities[1:])


def test_the_rule_without_pixels_predicts_the_class_shares_of_the_module():
    from pipeline.studies.solar_cells.split_difference import rates_of_modules

    labels, modules = np.array([0, 0, 0, 1, 1, 0, 1]), np.array([0, 0, 0, 1, 1, 1, 2])
    train = np.array([0, 1, 3, 4])  # half of each class; none of module 2
    one = predictions(np.ones(3, bool), np.array([2, 5, 6]))
    found = rates_of_modules(one, labels, modules, train)
    np.testing.assert_allclose(found.probabilities, [[2.5 / 3, 0.5 / 3], [0.5 / 3, 2.5 / 3], [0.5, 0.5]])
