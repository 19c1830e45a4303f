import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.reporting.costs import COSTS
from pipeline.reporting.figures import cost, style

BY_KEY = {one.key: one for one in COSTS}


def plot_of(comparison, key):
    return cost.cost_plot(comparison, BY_KEY[key])


def test_a_point_holds_the_cost_and_every_replicate(comparison):
    point = plot_of(comparison, "train_seconds").points[1]
    assert (point.model, point.cost, point.costs, point.scores) == ("lenet5", 41.0, (40.0, 42.0), (0.90, 0.92))
    assert point.mean == pytest.approx(0.91)
    assert point.deviation == pytest.approx(np.std([0.90, 0.92], ddof=1))


def test_parameters_are_the_same_in_every_replicate(comparison):
    assert plot_of(comparison, "parameters").points[1].costs == (61_706.0, 61_706.0)


def test_a_model_without_cost_has_no_place_on_a_logarithmic_axis(compare, result):
    models = (result("free", (0.9, 0.9), multiply_accumulates=(0,)), result("expensive", (0.9, 0.9)))
    points = plot_of(compare(models=models), "multiply_accumulates").points
    assert [point.model for point in points] == ["expensive"]


def front_of(*points, lower_is_better=False):
    made = [cost.CostPoint(name, price, mean, 0.0, (price,), (mean,)) for name, price, mean in points]
    return [one.model for one in cost.pareto_front(made, lower_is_better=lower_is_better)]


def test_the_front_holds_the_models_that_no_other_dominates():
    points = (("expensive", 9, 0.9), ("cheap", 1, 0.5), ("dominated", 9, 0.4), ("middle", 3, 0.7), ("worse", 4, 0.6))
    assert front_of(*points) == ["cheap", "middle", "expensive"]
    assert front_of(*points, lower_is_better=True) == ["cheap", "dominated"]


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 5)), min_size=1, max_size=8))
def test_the_front_matches_a_brute_force_search(values):
    points = [(str(place), float(price), float(mean)) for place, (price, mean) in enumerate(values)]
    free = [
        name
        for name, price, mean in points
        if not any(p <= price and m >= mean and (p < price or m > mean) for _, p, m in points)
    ]
    assert sorted(front_of(*points)) == sorted(free)


def test_only_models_with_comparable_scores_are_drawn(compare, result):
    models = (result("a", (0.5, 0.6)), result("siamese", (0.9, 0.9), other_target="whether two images are alike"))
    assert [point.model for point in plot_of(compare(models=models), "parameters").points] == ["a"]


def test_the_legend_names_every_model_and_marks_the_front_in_bold(comparison):
    plot = plot_of(comparison, "parameters")
    figure = cost.cost_figure(plot, style.line_styles([point.model for point in plot.points]))
    (legend,) = figure.legends
    weights = {text.get_text(): text.get_fontweight() for text in legend.get_texts()}
    assert set(weights) == {"fully_connected", "lenet5", "resnet8", "Pareto front"}
    assert [name for name, weight in weights.items() if weight == "bold"] == ["lenet5"]
    assert figure.axes[0].get_xscale() == "log"
