"""Equivariance of convolution and invariance by pooling, on a shape that moves and on a trained network."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.lecture.chapters.maps_chapter import KERNELS, correlated
from pipeline.lecture.material import TRAIN, Chapter, Material
from pipeline.lecture.moving_svg import Moving, line, rectangle, squares, text
from pipeline.lecture.study_answers import study_answer
from pipeline.lecture.trained_network import LectureNetwork

SHAPE = np.array([[1, 1, 1, 1], [0, 0, 0, 1], [0, 0, 1, 0], [0, 0, 1, 0], [0, 1, 0, 0], [0, 1, 0, 0]])
"""A digit 7."""
SIDE, SHIFTS, CELL, GAP = 12, 5, 16, 36
DISTANCES, ANGLES = range(9), (0, 15, 30, 45, 60, 90, 180)


def shifted(image: NDArray[Any], by: int) -> NDArray[Any]:
    """The image moved to the right by a number of pixels, with zeros from the left; columns are axis 1."""
    moved = np.zeros_like(image)
    moved[:, by:] = image[:, : image.shape[1] - by]
    return moved


def pooled(values: NDArray[Any]) -> NDArray[Any]:
    """Max pooling over 2 × 2 values with stride 2."""
    side = len(values) // 2
    maxima: NDArray[Any] = values.reshape(side, 2, side, 2).max(axis=(1, 3))
    return maxima


def relative_error(found: NDArray[Any], expected: NDArray[Any]) -> float:
    """‖found − expected‖ / ‖expected‖, the equivariance error."""
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


class _Layers:
    """Image, map and pooled map for one shift."""

    def __init__(self, by: int) -> None:
        image = np.zeros((SIDE, SIDE), int)
        image[3 : 3 + len(SHAPE), 2 : 2 + SHAPE.shape[1]] = SHAPE
        self.image = shifted(image, by)
        self.map = correlated(self.image, KERNELS["vertical"])
        self.pooled = pooled(self.map)


def _values(material: Material) -> Mapping[str, Any]:
    layers = [_Layers(by) for by in range(SHIFTS)]
    start = layers[0]
    rows = [
        (
            by,
            relative_error(now.map, shifted(start.map, by)),
            relative_error(now.pooled, shifted(start.pooled, by // 2)) if by % 2 == 0 else None,
            min(relative_error(now.pooled, shifted(start.pooled, half)) for half in (by // 2, by // 2 + by % 2)),
            int(now.map.max()),
        )
        for by, now in enumerate(layers)
    ]
    return {
        "moving": _figure(layers),
        "rows": rows,
        "train": TRAIN,
        "accuracies": _accuracies(material),
        "turned": _turned_accuracies(material),
        "quarter": relative_error(correlated(np.rot90(start.image), KERNELS["vertical"]), np.rot90(start.map)),
        "images": len(material.trained.labels),
        "studies": [study_answer(material, "pooling", pictured=False)],
    }


def _figure(layers: list[_Layers]) -> Moving:
    titles = ("image", "map of edges", "after pooling")
    sides = (CELL, CELL, 2 * CELL)
    width = SIDE * CELL
    lefts = [place * (width + GAP) + 1 for place in range(3)]
    still = "".join(
        text(left, 14, title, "left large") + rectangle(left, 24, width, width, "ground")
        for left, title in zip(lefts, titles, strict=True)
    )
    largest = max(int(one.map.max()) for one in layers)
    frames = []
    for by, one in enumerate(layers):
        parts = [text(1, width + 50, f"shift: {by} pixel{'' if by == 1 else 's'}", "left large")]
        for left, cell, values, most in zip(
            lefts, sides, (one.image, one.map, one.pooled), (1, largest, largest), strict=True
        ):
            for value in np.unique(values[values > 0]):
                cells = [(int(row), int(column)) for row, column in np.argwhere(values == value)]
                parts.append(squares(cells, (left, 24), cell, "value", f"opacity: {value / most:.2g}"))
        frames.append("".join(parts))
    borders = "".join(
        line((left + place * 2 * CELL, 24), (left + place * 2 * CELL, 24 + width), "grid")
        + line((left, 24 + place * 2 * CELL), (left + width, 24 + place * 2 * CELL), "grid")
        for left in lefts
        for place in range(SIDE // 2 + 1)
    )
    label = (
        "A digit 7 moves to the right, one pixel per frame. The map of its vertical edges moves by the same distance. "
        "After pooling, the map moves by one cell for every two pixels and changes in between."
    )
    frames = [frame + borders for frame in frames]
    return Moving("equivariance", label, (lefts[-1] + width + 1, width + 58), still, frames, seconds=1.5, rest=0)


def _accuracies(material: Material) -> list[tuple[int, float]]:
    """Accuracy of the trained network by the distance in pixels by which all test images are moved to the right."""
    trained = material.trained
    found = []
    for by in DISTANCES:
        images = np.zeros_like(trained.pixels)
        images[:, :, by:] = trained.pixels[:, :, : trained.pixels.shape[2] - by]
        found.append((by, _accuracy(trained, images)))
    return found


def _turned_accuracies(material: Material) -> list[tuple[int, float]]:
    """Accuracy by the angle in degrees by which all test images are turned to the left, bilinear interpolation."""
    trained, found = material.trained, []
    for angle in ANGLES:
        turned = [Image.fromarray(one[..., 0]).rotate(angle, Image.Resampling.BILINEAR) for one in trained.pixels]
        found.append((angle, _accuracy(trained, np.stack([np.asarray(one) for one in turned])[..., np.newaxis])))
    return found


def _accuracy(trained: LectureNetwork, images: NDArray[np.uint8]) -> float:
    predicted = trained.network.predict_on_batch(trained.standardise(images)).argmax(axis=1)
    return float((predicted == trained.labels).mean())


CHAPTER = Chapter(
    "equivariance",
    "Equivariance and invariance",
    "If the image moves, the map moves with it. Pooling makes the answer change less.",
    _values,
)
