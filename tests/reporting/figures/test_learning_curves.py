import numpy as np
import pytest

from pipeline.reporting.figures import learning_curves as curves


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


def test_the_limits_show_every_epoch_of_every_replicate(comparison):
    by_column = curves.learning_curves(comparison.models[0])
    # The first validation losses are 1.0 and 0.8, the lowest loss is 0.3.
    assert curves.limits([by_column], "loss") == ("linear", pytest.approx(0.3 - 0.035), pytest.approx(1.0 + 0.035))
    _, low, high = curves.limits([by_column], "accuracy")
    assert low < 0.4 < 0.8 < high


def test_a_high_first_loss_makes_the_axis_logarithmic_instead_of_leaving_the_figure(comparison):
    history = comparison.models[0].history.copy()
    history.loc[history["epoch"] == 1, "val/loss"] = 40.0
    by_column = {name: curves.curve(history, name) for name in history.columns if "/" in name}
    scale, low, high = curves.limits([by_column], "loss")
    assert (scale, low < 0.3, high > 40) == ("log", True, True)
    figure = curves.learning_curves_figure({"a": by_column})
    top, _ = (axes for axes in figure.axes if axes.get_visible())
    assert (top.get_yscale(), top.get_ylim()) == ("log", (pytest.approx(low), pytest.approx(high)))


def test_all_models_share_the_axes(comparison):
    figure = curves.learning_curves_figure({str(i): curves.learning_curves(comparison.models[0]) for i in range(7)})
    drawn = [axes for axes in figure.axes if axes.get_visible()]
    assert len(drawn) == 2 * 7
    assert len({axes.get_ylim() for axes in drawn}) == 2
