"""The predictions of every model: their calibration, and the classes that are mistaken for each other."""

import numpy as np

from pipeline.reporting.blocks import Paragraph, Picture, Section
from pipeline.reporting.content import Comparison, ModelResult
from pipeline.reporting.figures.confusion_matrix import ConfusionMatrix, confusion_figure, confusion_matrix
from pipeline.reporting.figures.reliability import reliability_panels
from pipeline.reporting.text.quantities import score, share


def section(comparison: Comparison) -> Section:
    """Return a figure of all reliability diagrams and one of all confusion matrices of networks."""
    chance = 1 / max(len(model.classes) for model in comparison.models)
    curves = {model.name: model.calibration for model in comparison.networks}
    matrices = {model.name: confusion_matrix(model.classes, model.confusion) for model in comparison.networks}
    return Section(
        "predictions",
        "Calibration and confusions",
        (
            Paragraph(
                "Both figures show the test images of all replicates together. Calibration: accuracy against the "
                "confidence of the predictions. On the dashed diagonal the two agree; below it a model is "
                "overconfident. The area of a mark grows with its number of images. The error is the mean distance "
                "from the diagonal, weighted by that number."
            ),
            Picture(
                "calibration",
                f"Calibration. {' '.join(map(_calibration, comparison.networks))}",
                reliability_panels(curves, chance=chance),
            ),
            Paragraph(
                "Confusions: one row per true class. The stronger the colour of a square, the larger its share of the "
                "row."
            ),
            Picture(
                "confusions",
                f"Share of each class that is recognised. {' '.join(map(_recalls, matrices, matrices.values()))}",
                confusion_figure(matrices),
            ),
        ),
        "can the probabilities be trusted, and which classes are mixed up?",
    )


def _calibration(model: ModelResult) -> str:
    values = model.calibration
    bins = (
        f"confidence {share(confidence)}, accuracy {share(accuracy)}"
        for confidence, accuracy in zip(values.confidence, values.accuracy, strict=True)
    )
    return f"{model.name}, error {score(values.error)}: {'; '.join(bins)}."


def _recalls(model: str, matrix: ConfusionMatrix) -> str:
    recalls = (f"{name} {share(part)}" for name, part in zip(matrix.classes, np.diag(matrix.shares), strict=True))
    return f"{model}: {', '.join(recalls)}."
