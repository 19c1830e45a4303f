from pipeline.reporting.costs import COSTS
from pipeline.reporting.figures.cost import cost_plot
from pipeline.reporting.text.pareto import front_sentence

PARAMETERS = COSTS[0]


def test_the_front_calls_a_model_better_only_if_the_difference_is_significant(comparison, known, two):
    front = cost_plot(comparison, PARAMETERS).front
    (only,) = front
    assert front_sentence(front, PARAMETERS, comparison.certainty) == (
        "By parameters: lenet5 (61,706). No other model is cheaper or has a better mean. "
        "It is not shown to be better than any other model."
    )
    step = (only._replace(model="resnet8", cost=1000.0, mean=0.8), only)
    assert front_sentence(step, PARAMETERS, comparison.certainty) == (
        "By parameters: resnet8 (1,000) and lenet5 (61,706). "
        "lenet5 costs 62 times as much as resnet8 and is not shown to be better."
    )
    shown = known({"lenet5": 0.9, "resnet8": 0.8}, (two("lenet5", "resnet8", 0.1, "better"),))
    assert front_sentence(step, PARAMETERS, shown).endswith("and is better.")
