import numpy as np
import pytest
from matplotlib.figure import Figure

from pipeline.reporting.figures import learning_curves as curves
from pipeline.reporting.figures.style import line_styles


def test_a_curve_has_mean_minimum_and_maximum_of_each_epoch(comparison):
    one = curves.learning_curves(comparison.models[0])["val/accuracy"]
    np.testing.assert_allclose(one.mean, [0.5, 0.7, 0.7])
    np.testing.assert_allclose(one.low, [0.4, 0.6, 0.7])
    np.testing.assert_allclose(one.high, [0.6, 0.8, 0.7])
    assert one.epochs.tolist() == [1, 2, 3]


def test_a_curve_counts_the_replicates_that_reached_an_epoch(comparison):
    one = curves.learning_curves(comparison.models[0])["val/loss"]
    assert one.replicates.tolist() == [2, 2, 1]
    assert one.common() == 2


def test_values_that_are_not_finite_are_ignored(comparison):
    history = comparison.models[0].history.copy()
    history.loc[history["epoch"] == 2, "val/loss"] = [np.nan, np.inf]
    assert curves.curve(history, "val/loss").epochs.tolist() == [1, 3]


def test_the_limits_cover_all_means_except_the_loss_of_the_first_epoch(comparison):
    by_column = curves.learning_curves(comparison.models[0])
    low, high = curves.common_limits([by_column], "loss")
    # Means of epochs 2 and 3: training 0.4 and 0.3, validation 0.5 and 0.5.
    assert (low, high) == (pytest.approx(0.3 - 0.01), pytest.approx(0.5 + 0.01))
    low, high = curves.common_limits([by_column], "accuracy")
    assert low < 0.5 < 0.8 < high


def test_figures_of_one_comparison_have_the_same_limits(comparison):
    first, second = (curves.learning_curves(model) for model in comparison.models[:2])
    styles = line_styles(["a", "b"])
    one = curves.learning_curves_figure("a", first, styles["a"], others=[second])
    other = curves.learning_curves_figure("b", second, styles["b"], others=[first])
    assert isinstance(one, Figure)
    assert [axes.get_ylim() for axes in one.axes] == [axes.get_ylim() for axes in other.axes]
