"""What a source of images returns: pixels, labels, and what a reader must know about them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UserError


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """Labelled images of one size, n × height × width × channels.

    Raises `UserError` for fewer than two classes or a class with no image, `ValueError` for shapes and types
    that do not belong together.
    """

    pixels: NDArray[np.uint8]  # n, height, width, channels
    labels: NDArray[np.int64]  # n: index into classes
    classes: tuple[str, ...]
    groups: NDArray[np.str_]  # n: images of one group must not be separated by a split
    subgroups: NDArray[np.str_] | None  # n: strata of a split, and what a network may be shown or asked beside
    names: NDArray[np.str_]  # n: what a message calls the image
    source: str
    licence: str
    attribution: str  # what the caption of a picture made from these must say
    notes: tuple[str, ...]  # what a reader of results must know
    test: NDArray[np.bool_] | None = None  # n: the test set, where the source gives one

    def __post_init__(self) -> None:
        """Check what every reader of the values relies on."""
        if self.pixels.dtype != np.uint8 or self.pixels.ndim != 4:
            raise ValueError(
                "`pixels` must be uint8 of shape (n, height, width, channels). "
                f"Received {self.pixels.dtype} of shape {self.pixels.shape}."
            )
        for field in ("labels", "groups", "subgroups", "names", "test"):
            values = getattr(self, field)
            if values is not None and values.shape != self.pixels.shape[:1]:
                raise ValueError(f"`{field}` must have shape ({len(self.pixels)},). Received {values.shape}.")
        if len(self.classes) < 2:
            raise UserError(
                f"Images of source '{self.source}' must have at least two classes. Received {list(self.classes)}."
            )
        if len(set(self.classes)) < len(self.classes):
            raise ValueError(f"`classes` must differ. Received {self.classes}.")
        if not set(np.unique(self.labels).tolist()) <= set(range(len(self.classes))):
            raise ValueError(
                f"`labels` must lie in 0..{len(self.classes) - 1}. Received {self.labels.min()}..{self.labels.max()}."
            )
        counts = np.bincount(self.labels, minlength=len(self.classes))
        for name, count in zip(self.classes, counts, strict=True):
            if count == 0:
                raise UserError(
                    f"Class '{name}' of source '{self.source}' has no image: add images or leave out the class."
                )
