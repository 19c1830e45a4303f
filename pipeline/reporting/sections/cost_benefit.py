"""The primary metric against each cost."""

from pipeline.evaluation.metrics import LOWER_IS_BETTER
from pipeline.reporting.blocks import Block, Bullets, Paragraph, Picture, Pictures, Section
from pipeline.reporting.content import Comparison, metric_label
from pipeline.reporting.costs import DRAWN
from pipeline.reporting.figures.cost import CostPlot, cost_figure, cost_plot
from pipeline.reporting.figures.style import line_styles
from pipeline.reporting.text.pareto import front_sentence
from pipeline.reporting.text.quantities import capitalized, score


def section(comparison: Comparison) -> Section:
    """Return the Pareto fronts as text, and a figure per cost."""
    metric = comparison.primary_metric
    plots = [cost_plot(comparison, cost) for cost in DRAWN]
    styles = line_styles([model.name for model in comparison.models])
    fronts = tuple(front_sentence(plot.front, plot.cost, comparison.certainty) for plot in plots if plot.front)
    best = "bottom" if metric in LOWER_IS_BETTER else "top"
    blocks: list[Block] = []
    if fronts:
        blocks += [
            Paragraph("The Pareto-optimal models: no other model is both cheaper and better on average."),
            Bullets(fronts),
        ]
    blocks += [
        Paragraph(
            "Large marks are means, small marks are replicates, and bars are ± one standard deviation. The best models "
            f"are at the {best} left. The dashed line is the Pareto front; its models are bold in the legend."
        ),
        Pictures(
            tuple(
                Picture(f"cost-{plot.cost.key.replace('_', '-')}", _description(plot), cost_figure(plot, styles))
                for plot in plots
            )
        ),
    ]
    return Section("cost", f"{capitalized(metric_label(metric))} against cost", tuple(blocks))


def _description(plot: CostPlot) -> str:
    points = (f"{one.model} {score(one.mean)} at {plot.cost.write(one.cost)}" for one in plot.points)
    return f"{capitalized(metric_label(plot.metric))} against {plot.cost.label}: {'; '.join(points)}."
