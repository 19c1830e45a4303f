"""Labelled images, as a data source returns them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UserError


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """Labelled images of one size, with their origin and licence.

    Raises:
        UserError: fewer than two classes, or a class without images.
        ValueError: shapes or types that do not match.
    """

    pixels: NDArray[np.uint8]  # n, height, width, channels
    labels: NDArray[np.int64]  # n: index into classes
    classes: tuple[str, ...]
    groups: NDArray[np.str_]  # n: images of one group must not be separated by a split
    subgroups: NDArray[np.str_] | None  # n: strata of a split, and an additional input or output of some networks
    names: NDArray[np.str_]  # n: the names of images in messages
    source: str
    licence: str
    attribution: str  # the credit that a figure with these images must show
    notes: tuple[str, ...]  # limitations that a reader of results must know
    test: NDArray[np.bool_] | None = None  # n: the test set, if the source defines one

    def __post_init__(self) -> None:
        """Check shapes, types and classes."""
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
            raise ValueError(f"`classes` must not contain a name twice. Received {self.classes}.")
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
