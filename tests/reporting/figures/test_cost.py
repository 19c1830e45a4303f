import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.reporting.figures import cost
from pipeline.reporting.figures import style as figures


def test_a_point_holds_the_cost_and_every_replicate(comparison):
    point = cost.cost_points(comparison, "train_seconds")[1]
    assert (point.model, point.cost, point.costs, point.scores) == ("lenet5", 41.0, (40.0, 42.0), (0.90, 0.92))
    assert point.mean == pytest.approx(0.91)
    assert point.deviation == pytest.approx(np.std([0.90, 0.92], ddof=1))


def test_parameters_cost_every_replicate_the_same(comparison):
    assert cost.cost_points(comparison, "parameters")[1].costs == (61_706.0, 61_706.0)


def test_what_costs_nothing_has_no_place_on_a_logarithmic_axis(compare, result):
    models = (result("free", (0.9, 0.9), multiply_accumulates=0), result("dear", (0.9, 0.9)))
    assert [p.model for p in cost.cost_points(compare(models=models), "multiply_accumulates")] == ["dear"]


def front_of(*points, lower_is_better=False):
    made = [cost.CostPoint(name, price, mean, 0.0, (price,), (mean,)) for name, price, mean in points]
    return [one.model for one in cost.pareto_front(made, lower_is_better=lower_is_better)]


def test_the_front_holds_those_than_which_none_is_both_cheaper_and_better():
    points = (("dear", 9, 0.9), ("cheap", 1, 0.5), ("dominated", 9, 0.4), ("middle", 3, 0.7), ("worse", 4, 0.6))
    assert front_of(*points) == ["cheap", "middle", "dear"]
    assert front_of(*points, lower_is_better=True) == ["cheap", "dominated"]


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 5)), min_size=1, max_size=8))
def test_the_front_is_the_one_found_by_trying_every_pair(values):
    points = [(str(place), float(price), float(mean)) for place, (price, mean) in enumerate(values)]
    free = [
        name
        for name, price, mean in points
        if not any(p <= price and m >= mean and (p < price or m > mean) for _, p, m in points)
    ]
    assert sorted(front_of(*points)) == sorted(free)


def test_the_front_in_words_calls_none_better_that_is_not_known_to_be(comparison, compare, known, two):
    points = cost.cost_points(comparison, "parameters")
    front = cost.pareto_front(points, lower_is_better=False)
    (only,) = front
    assert cost.front_in_words(front, "parameters", comparison.certainty).endswith(
        "It is known to be better than none of the 2 others."
    )
    step = (only._replace(model="resnet8", cost=1000.0, mean=0.8), only)
    assert cost.front_in_words(step, "parameters", comparison.certainty) == (
        "By parameters: resnet8 (1.0 k) and lenet5 (61.7 k). "
        "lenet5 takes 62 times as much as resnet8 and is not known to be better."
    )
    proved = known({"lenet5": 0.9, "resnet8": 0.8}, (two("lenet5", "resnet8", 0.1, "better"),))
    assert cost.front_in_words(step, "parameters", proved).endswith("and is better.")


def test_who_was_asked_something_else_is_not_drawn_among_the_others(compare, result):
    models = (result("a", (0.5, 0.6)), result("siamese", (0.9, 0.9), question="whether two images are alike"))
    changed = compare(models=models)
    assert [one.model for one in cost.cost_points(changed, "parameters")] == ["a"]
    assert cost.spread(changed).models == ("a",)


def overlap(one, other):
    sides = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    return (sides > 1e-6).all()


def test_labels_of_five_models_close_together_do_not_overlap():
    anchors = np.array([[100, 100], [102, 104], [110, 96], [96, 108], [250, 100]], float)
    sizes = np.array([[70, 10]] * 5, float)
    obstacles = np.hstack([anchors - 4, anchors + 4])
    corners = cost.label_positions(anchors, sizes, (300, 220), obstacles=obstacles)
    boxes = np.hstack([corners, corners + sizes])
    assert not any(overlap(boxes[a], boxes[b]) for a in range(5) for b in range(a))
    assert (boxes >= 0).all()
    assert (boxes <= [300, 220, 300, 220]).all()


@given(st.floats(0, 300), st.floats(0, 200))
def test_a_label_stays_inside_the_drawing_wherever_its_point_is(x, y):
    anchors, sizes = np.array([[x, y]]), np.array([[60.0, 10.0]])
    (corner,) = cost.label_positions(anchors, sizes, (300, 200), obstacles=np.empty((0, 4)))
    assert (corner >= -1e-9).all()
    assert (corner + sizes[0] <= np.array([300, 200]) + 1e-9).all()


def test_a_label_is_written_for_every_model(comparison):
    points = cost.cost_points(comparison, "parameters")
    look = figures.line_styles([point.model for point in points])
    figure = cost.cost_figure(points, "parameters", "accuracy", look)
    assert {text.get_text() for text in figure.axes[0].texts} == {"fully_connected", "lenet5", "resnet8"}
    assert figure.axes[0].get_xscale() == "log"


def test_the_spread_has_a_row_per_model_and_gaps_where_replicates_are_missing(compare, result):
    models = (result("a", (0.5, 0.6, 0.7), train_seconds=(1.0, 1.0, 1.0)), result("b", (0.9,), train_seconds=(1.0,)))
    values = cost.spread(compare(models=models))
    assert values.models == ("b", "a")
    np.testing.assert_array_equal(values.scores, [[0.9, np.nan, np.nan], [0.5, 0.6, 0.7]])
