"""The figures of `convtrack predict --explain`, one per picture."""

from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.console import say
from pipeline.deployment.picture_model import PictureModel
from pipeline.deployment.runtimes import KERAS_FILE, keras_network
from pipeline.errors import UserError
from pipeline.reporting.figures.explanation import explanation, explanation_figure
from pipeline.reporting.figures.style import png_bytes
from pipeline.storage.files import existing, replacing

SUFFIX = ".explained.png"


class Explainer:
    """Writes explanations of a packaged network's predictions into a folder."""

    def __init__(self, model: PictureModel, package: Path, folder: Path) -> None:
        """Load the network of a package for Keras, which computes gradients. `folder` exists.

        Raises:
            UserError: the file of the network is missing.
        """
        self._model, self._folder = model, folder
        self._written: Counter[str] = Counter()
        self._network = keras_network(existing(package / KERAS_FILE), model.settings["modules"])

    def write(
        self, picture: Path, pixels: NDArray[np.uint8], probabilities: NDArray[np.float64], confidence: float
    ) -> Path:
        """Explain the most probable class of a picture, and return the file.

        The file has the name of the picture. Pictures of the same name in different folders get numbers.
        """
        label = int(probabilities.argmax())
        values = explanation(
            pixels,
            self._model.probabilities,
            label,
            name=self._model.classes[label],
            confidence=confidence,
            fill=self._model.settings["mean_pixel"],
            grad_cam=self._grad_cam(pixels, label),
        )
        self._written[picture.name.lower()] += 1
        number = self._written[picture.name.lower()]
        name = picture.name if number == 1 else f"{picture.name}.{number}"
        with replacing(self._folder / f"{name}{SUFFIX}") as unfinished:
            unfinished.write_bytes(png_bytes(explanation_figure(values)))
        return self._folder / f"{name}{SUFFIX}"

    def _grad_cam(self, pixels: NDArray[np.uint8], label: int) -> NDArray[np.float32] | None:
        from pipeline.interpretation.grad_cam import grad_cam

        if self._network is None:
            return None
        try:
            return grad_cam(self._network, pixels, label)
        except UserError as problem:
            say(f"{problem} The figures show occlusion only.")
            self._network = None
            return None
