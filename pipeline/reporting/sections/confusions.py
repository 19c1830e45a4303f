"""The confusion matrix of every model."""

from urllib.parse import quote

import numpy as np

from pipeline.reporting.blocks import Paragraph, Picture, Pictures, Section
from pipeline.reporting.content import Comparison
from pipeline.reporting.figures.confusion_matrix import ConfusionMatrix, confusion_figure, confusion_matrix
from pipeline.reporting.text.quantities import share


def section(comparison: Comparison) -> Section:
    """Return a confusion matrix per network."""
    matrices = {model.name: confusion_matrix(model.classes, model.confusion) for model in comparison.networks}
    return Section(
        "confusion",
        "Confusion matrices",
        (
            Paragraph(
                "Test images of all replicates together, one row per true class. The darker a square, the larger its "
                "share of the row."
            ),
            Pictures(
                tuple(
                    Picture(
                        f"confusion-{quote(name, safe='')}", _description(name, matrix), confusion_figure(name, matrix)
                    )
                    for name, matrix in matrices.items()
                )
            ),
        ),
    )


def _description(model: str, matrix: ConfusionMatrix) -> str:
    recalls = (f"{name} {share(part)}" for name, part in zip(matrix.classes, np.diag(matrix.shares), strict=True))
    return f"Confusion matrix of {model}; share of each class that is recognised: {', '.join(recalls)}."
