import math

import pytest

from pipeline.reporting.costs import COSTS, DECISIVE
from pipeline.reporting.figures import scores_and_costs as drawn
from pipeline.reporting.sections import lead

BY_KEY = {one.key: one for one in COSTS}


def texts(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_rows_are_ordered_by_cost_and_hold_interval_replicates_and_costs(comparison):
    values = drawn.scores_and_costs(comparison, (DECISIVE, BY_KEY["train_seconds"]))
    assert [row.model for row in values.rows] == ["lenet5", "fully_connected", "resnet8"]
    first = values.rows[0]
    assert (first.mean, first.low, first.high) == (pytest.approx(0.91), pytest.approx(0.88), pytest.approx(0.94))
    assert (first.scores, first.costs, first.beaten) == ((0.90, 0.92), (416_520.0, 41.0), False)


def test_ties_are_the_positions_of_the_models_that_share_a_letter(compare, known, two):
    certainty = known(
        {"lenet5": 0.91, "resnet8": 0.905, "fully_connected": 0.76},
        pairs=(
            two("lenet5", "resnet8", 0.005),
            two("lenet5", "fully_connected", 0.15, "better"),
            two("resnet8", "fully_connected", 0.145, "open"),
        ),
        ties=(("lenet5", "resnet8"), ("resnet8", "fully_connected")),
    )
    values = drawn.scores_and_costs(compare(certainty=certainty), (DECISIVE,))
    assert values.ties == {"a": (0, 2), "b": (1, 2)}
    assert [row.beaten for row in values.rows] == [False, True, False]


def test_the_recommended_model_and_baselines_are_marked(compare, result):
    models = (
        result("guess", (0.5, 0.5), multiply_accumulates=(0,), baseline="always predicting dog"),
        result("network", (0.9, 0.9)),
    )
    values = drawn.scores_and_costs(compare(models=models), (DECISIVE,))
    figure = drawn.scores_and_costs_figure(values, recommended="network")
    assert {"guess – baseline", "network – recommended", "0", "6.1 M"} <= set(texts(figure))


def test_a_model_without_a_finite_score_keeps_its_row(compare, result):
    models = (result("diverged", (math.nan, math.nan)), result("fine", (0.9, 0.9)))
    values = drawn.scores_and_costs(compare(models=models), (DECISIVE,))
    assert [row.model for row in values.rows] == ["diverged", "fine"]
    assert "diverged" in texts(drawn.scores_and_costs_figure(values))


def test_only_models_with_comparable_scores_are_drawn(compare, result):
    models = (result("a", (0.5, 0.6)), result("siamese", (0.9, 0.9), other_target="whether two images are alike"))
    assert [row.model for row in drawn.scores_and_costs(compare(models=models), (DECISIVE,)).rows] == ["a"]


def test_a_lower_bound_is_marked_in_the_figure_and_in_its_description(compare, result):
    models = (result("known", (0.9, 0.9)), result("attention", (0.8, 0.8), uncounted=("attention",)))
    values = drawn.scores_and_costs(compare(models=models), (DECISIVE, BY_KEY["parameters"]))
    shown = texts(drawn.scores_and_costs_figure(values))
    assert (shown.count("≥ 6.1 M"), shown.count("6.1 M"), shown.count("≥ 824,201")) == (1, 1, 0)
    assert "at ≥ 6.1 M multiply–accumulates and 824,201 parameters" in lead.description(values)


def row(name, mean, note=""):
    return drawn.ScoreRow(name, mean, mean - 0.01, mean + 0.01, (mean,), (1.0,), beaten=False, note=note)


def test_baselines_far_below_the_networks_do_not_widen_the_axis():
    networks = (row("a", 0.99), row("b", 0.95))
    low, high = drawn.score_limits((row("guess", 0.1, "baseline"), *networks))
    assert (low, high) == (pytest.approx(0.937), pytest.approx(1.003))
    assert drawn.score_limits((row("close", 0.93, "baseline"), *networks)) == (pytest.approx(0.92), pytest.approx(1.0))
    assert drawn.score_limits((row("guess", 0.1, "baseline"),)) == (pytest.approx(0.09), pytest.approx(0.11))
    assert drawn.score_limits(()) is None


@pytest.mark.parametrize(
    ("scores", "metric", "expected"), [((0.1, 0.1), "accuracy", "← 0.100"), ((3.0, 3.0), "log_loss", "3.000 →")]
)
def test_a_baseline_outside_the_axis_is_an_arrow_with_its_score(compare, result, scores, metric, expected):
    models = (
        result("guess", (0.1, 0.1), baseline="always predicting dog", scores={"accuracy": scores, "log_loss": scores}),
        result("a", (0.95, 0.94)),
        result("b", (0.91, 0.92)),
    )
    values = drawn.scores_and_costs(compare(models=models, primary_metric=metric), (DECISIVE,))
    figure = drawn.scores_and_costs_figure(values)
    assert expected in texts(figure)
    low, high = figure.axes[0].get_xlim()
    assert high - low < 0.2
