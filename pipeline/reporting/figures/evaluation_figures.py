"""The figures of one evaluated model: curves of its replicates, and its most confident mistakes."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from pipeline.data.prepared import Prepared
from pipeline.evaluation import classification_curves
from pipeline.evaluation.predictions import Predictions
from pipeline.interpretation.mistakes import worst_mistakes
from pipeline.reporting.figures.captioned_images import CaptionedImages, captioned_images, captioned_images_figure
from pipeline.reporting.figures.rate_curves import precision_recall_figure, roc_figure
from pipeline.reporting.figures.reliability import reliability_figure
from pipeline.reporting.figures.style import line_styles, png_bytes, svg_text
from pipeline.reporting.text.quantities import share


def curve_figures(predictions: Mapping[int, Predictions]) -> dict[str, str]:
    """ROC, precision–recall and calibration as SVG by name, one curve per replicate.

    ROC and precision–recall are missing if the test images of a replicate are all of one class.
    """
    labelled = {f"replicate {replicate + 1}": one for replicate, one in predictions.items()}
    style = line_styles(list(labelled))
    figures = {
        "calibration": reliability_figure(
            {name: classification_curves.calibration(one.truth, one.probabilities) for name, one in labelled.items()},
            style,
        )
    }
    if all(len(np.unique(one.truth)) > 1 for one in predictions.values()):
        figures["roc"] = roc_figure(
            {name: classification_curves.roc(one.truth, one.probabilities) for name, one in labelled.items()}, style
        )
        figures["precision_recall"] = precision_recall_figure(
            {
                name: classification_curves.precision_recall(one.truth, one.probabilities)
                for name, one in labelled.items()
            },
            style,
        )
    return {name: svg_text(figure) for name, figure in figures.items()}


def mistakes_figure(predictions: Mapping[int, Predictions], prepared: Prepared, count: int) -> bytes | None:
    """The images of `mistakes` as PNG; None if there are none."""
    found = mistakes(predictions, prepared, count)
    return png_bytes(captioned_images_figure(found)) if found else None


def mistakes(predictions: Mapping[int, Predictions], prepared: Prepared, count: int) -> CaptionedImages | None:
    """The `count` test images with the most confident wrong mean prediction; None if all predictions are correct.

    The mean is over the replicates that predicted the image. The two images of a pair stand side by side.
    """
    probabilities = np.concatenate([one.probabilities for one in predictions.values()])
    tested = np.concatenate(
        [
            np.stack([one.images] if one.partners is None else [one.images, one.partners]).T
            for one in predictions.values()
        ]
    )
    examples, first, position = np.unique(tested, axis=0, return_index=True, return_inverse=True)
    mean = np.zeros((len(examples), probabilities.shape[1]))
    np.add.at(mean, position, probabilities)
    mean /= np.bincount(position)[:, np.newaxis]
    truth = np.concatenate([one.truth for one in predictions.values()])[first]
    worst = worst_mistakes(truth, mean, count)
    if not len(worst):
        return None
    classes = next(iter(predictions.values())).classes
    captions = [
        f"{' and '.join(Path(prepared.names[image]).name for image in examples[one])}: {classes[truth[one]]}, "
        f"taken for {classes[mean[one].argmax()]} ({share(mean[one].max())})"
        for one in worst
    ]
    pixels = np.concatenate([prepared.pixels[images] for images in examples[worst].T], axis=2)
    return captioned_images(pixels, captions, prepared.manifest["attribution"])
