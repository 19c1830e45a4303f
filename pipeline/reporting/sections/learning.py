"""The learning curves of every model."""

from collections.abc import Mapping

from pipeline.reporting.blocks import Paragraph, Picture, Section
from pipeline.reporting.content import Comparison
from pipeline.reporting.figures.learning_curves import Curve, learning_curves, learning_curves_figure
from pipeline.reporting.text.quantities import score


def section(comparison: Comparison) -> Section | None:
    """Return one figure with a column per model that was trained in epochs."""
    curves = {model.name: learning_curves(model) for model in comparison.networks}
    if not curves:
        return None
    return Section(
        "curves",
        "Learning curves",
        (
            Paragraph(
                "Lines are means over replicates, bands range from the lowest to the highest replicate. A line is thin "
                "where only some replicates trained that long."
            ),
            Picture(
                "learning-curves",
                f"Learning curves, means over replicates. {' '.join(map(_description, curves, curves.values()))}",
                learning_curves_figure(curves),
            ),
        ),
        "loss and accuracy by epoch",
    )


def _description(model: str, by_column: Mapping[str, Curve]) -> str:
    ends = (
        f"{column} {score(curve.mean[curve.common() - 1])}" for column, curve in by_column.items() if len(curve.mean)
    )
    epochs = max((curve.common() for curve in by_column.values()), default=0)
    return f"{model} after {epochs} epochs: {', '.join(ends)}."
