"""The learning curves of every model."""

from collections.abc import Mapping
from urllib.parse import quote

from pipeline.reporting.blocks import Paragraph, Picture, Pictures, Section
from pipeline.reporting.content import Comparison
from pipeline.reporting.figures.learning_curves import Curve, learning_curves, learning_curves_figure
from pipeline.reporting.figures.style import line_styles
from pipeline.reporting.text.quantities import score


def section(comparison: Comparison) -> Section:
    """Return a figure per model, all with the same axes."""
    curves = {model.name: learning_curves(model) for model in comparison.networks}
    styles = line_styles(list(curves))
    return Section(
        "curves",
        "Learning curves",
        (
            Paragraph(
                "Lines are means over replicates, bands range from the lowest to the highest replicate. A line is thin "
                "where only some replicates trained that long. All figures have the same axes, and the validation "
                "curves of the other models are grey."
            ),
            Pictures(
                tuple(
                    Picture(
                        f"curves-{quote(name, safe='')}",
                        _description(name, own),
                        learning_curves_figure(
                            name, own, styles[name], others=[curves[other] for other in curves if other != name]
                        ),
                    )
                    for name, own in curves.items()
                )
            ),
        ),
    )


def _description(model: str, by_column: Mapping[str, Curve]) -> str:
    ends = (
        f"{column} {score(curve.mean[curve.common() - 1])}" for column, curve in by_column.items() if len(curve.mean)
    )
    epochs = max((curve.common() for curve in by_column.values()), default=0)
    return f"Learning curves of {model}; mean over replicates after {epochs} epochs: {', '.join(ends)}."
