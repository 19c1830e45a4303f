"""The calibration of every model."""

from urllib.parse import quote

from pipeline.reporting.blocks import Paragraph, Picture, Pictures, Section
from pipeline.reporting.content import Comparison, ModelResult
from pipeline.reporting.figures.reliability import reliability_panel
from pipeline.reporting.figures.style import line_styles
from pipeline.reporting.text.quantities import score, share


def section(comparison: Comparison) -> Section:
    """Return a reliability diagram per model."""
    styles = line_styles([model.name for model in comparison.models])
    chance = 1 / max(len(model.classes) for model in comparison.models)
    return Section(
        "calibration",
        "Calibration",
        (
            Paragraph(
                "Accuracy against the confidence of the predictions. On the dashed diagonal the two agree; below it a "
                "model is overconfident. The figures show the test images of all replicates together, and the area of "
                "a mark grows with their number. The error is the mean distance from the diagonal, weighted by that "
                "number."
            ),
            Pictures(
                tuple(
                    Picture(
                        f"calibration-{quote(model.name, safe='')}",
                        _description(model),
                        reliability_panel(model.name, model.calibration, styles[model.name], chance=chance),
                    )
                    for model in comparison.models
                ),
                small=True,
            ),
        ),
    )


def _description(model: ModelResult) -> str:
    values = model.calibration
    bins = (
        f"confidence {share(confidence)}, accuracy {share(accuracy)}"
        for confidence, accuracy in zip(values.confidence, values.accuracy, strict=True)
    )
    return f"Calibration of {model.name}, error {score(values.error)}: {'; '.join(bins)}."
