"""How often a network predicts the same class for shifted or rotated copies of an image, and how often the right one.

Consistency (Zhang 2019, section 4) is the share of images of which two copies, moved by different random amounts, get
the same class. It needs no label. A network that predicts one class for every image is consistent for no good reason,
so all of its numbers are undefined.

The copies (`pipeline.interpretation.shifted_images`) are moved along each axis by up to
    shift: a whole number of pixels, at most an eighth of the shorter side; border pixels are repeated
    subpixel: the same number plus a fraction between −½ and ½, by bicubic interpolation
    phase: the same distance as `subpixel`, circularly, by phases of frequencies
    circular: the same distance as `shift`, circularly: the control, 1 for a network with exact invariance
    rotation: up to 30°, which moves a point half-way between centre and border by an eighth of the side

Amounts are drawn with a fixed seed. All models get the same images and the same amounts, so they compare in pairs.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.arithmetic.rules.by_class import NoRule
from pipeline.arithmetic.table import LayerRow, layer_table, totals
from pipeline.interpretation.shifted_images import (
    STEP,
    Floats,
    Pixels,
    bicubic_shift,
    circular_shift,
    edge_shift,
    phase_shift,
    rotated,
    uniform_border,
)

if TYPE_CHECKING:
    import keras

    from pipeline.interpretation.equivariance import LayerErrors
    from pipeline.interpretation.subject import Replicate, Subject

LARGEST_SHIFT = 1 / 8
"""Largest shift as a share of the shorter side. Of digits of 28 pixels it is 3; most have a border of 4. Images of one
row or column move along their length, which is their only side then."""
LARGEST_ANGLE = 30.0
FARTHEST_SHIFT, POINTS = 1 / 4, 9
"""Largest distance of the curve as a share of the shorter side, and its number of points at most."""
ANGLES = (10, 20, 30, 45, 60, 90)
"""Degrees of the curve, without 0."""
LAYER_IMAGES = 16
"""Images of each replicate for the equivariance errors of the layers, whose maps are large."""
SEED = 0
TOGETHER, BYTES = 256, 2**28
"""Images that are predicted at a time: at most this many, and at most this many bytes of activations."""

Classes = NDArray[np.int64]


class Moves(NamedTuple):
    """Random amounts for n images: pairs have the shape (2, n, …), and distances are in pixels."""

    shifts: NDArray[np.int64]  # 2, n, 2
    fractions: NDArray[np.floating[Any]]  # 2, n, 2
    angles: NDArray[np.float64]  # 2, n
    directions: NDArray[np.int64]  # n, 2: up, down, left or right
    senses: NDArray[np.int64]  # n: −1 or 1


def random_moves(images: int, sides: tuple[int, int]) -> Moves:
    """Draw the amounts for images of this height and width; equal arguments give equal amounts."""
    rng = np.random.default_rng(SEED)
    largest = largest_shift(sides)
    halves = round(0.5 / STEP)
    axes = np.array([np.eye(2, dtype=np.int64)[axis] * sense for axis in _axes(sides) for sense in (-1, 1)])
    return Moves(
        rng.integers(-largest, largest, (2, images, 2), endpoint=True),
        # Multiples of the step at which OpenCV interpolates.
        rng.integers(-halves, halves, (2, images, 2), endpoint=True) * STEP,
        rng.uniform(-LARGEST_ANGLE, LARGEST_ANGLE, (2, images)),
        rng.permutation(np.resize(axes, (images, 2))),
        rng.permutation(np.resize((-1, 1), images)),
    )


def largest_shift(sides: tuple[int, int]) -> int:
    """The largest shift of the consistencies in pixels, at least 1.

    >>> largest_shift((28, 28)), largest_shift((64, 96)), largest_shift((1, 40))
    (3, 8, 5)
    """
    return max(1, int(_shorter(sides) * LARGEST_SHIFT))


def distances(sides: tuple[int, int]) -> list[int]:
    """The distances of the curve in pixels, from 1.

    >>> distances((28, 28)), distances((64, 64))
    ([1, 2, 3, 4, 5, 6, 7], [2, 4, 6, 8, 10, 12, 14, 16])
    """
    farthest = max(1, int(_shorter(sides) * FARTHEST_SHIFT))
    return sorted(set(np.rint(np.linspace(0, farthest, min(POINTS, farthest + 1))).astype(int).tolist()) - {0})


def _axes(sides: tuple[int, int]) -> list[int]:
    """The axes along which images can move."""
    return [axis for axis in (0, 1) if sides[axis] > 1] or [0, 1]


def _shorter(sides: tuple[int, int]) -> int:
    return min(sides[axis] for axis in _axes(sides))


def pairs_of_copies(pixels: Pixels, moves: Moves) -> Iterator[tuple[str, tuple[Pixels, Pixels]]]:
    """Yield the name of each consistency and two moved copies of the images."""

    def both(change: Callable[[Pixels, Any], Pixels], amounts: NDArray[Any]) -> tuple[Pixels, Pixels]:
        return change(pixels, amounts[0]), change(pixels, amounts[1])

    yield "shift_consistency", both(edge_shift, moves.shifts)
    yield "subpixel_consistency", both(bicubic_shift, moves.shifts + moves.fractions)
    yield "phase_consistency", both(phase_shift, moves.shifts + moves.fractions)
    yield "circular_consistency", both(circular_shift, moves.shifts)
    yield "rotation_consistency", both(rotated, moves.angles)


CONSISTENCIES = (
    "shift_consistency",
    "subpixel_consistency",
    "phase_consistency",
    "circular_consistency",
    "rotation_consistency",
)
EQUIVARIANCE = "equivariance_error"


def measure_shifts(subject: "Subject") -> dict[str, Any]:
    """The numbers of all replicates of a model as JSON values.

    Returns:
        `setting`: largest shift in pixels, largest angle in degrees, the number of images of each replicate, and the
        share of images whose border has one grey level over the largest shift, so that no content leaves them.
        `replicates`: for each replicate its number, the consistencies, and the equivariance error of the deepest maps
        that it is defined for. None where a number is undefined.
        `curve`: `distances` in pixels and `angles` in degrees, both from 0, with one list of accuracies by replicate,
        or None for a network that always predicts one class.
        `layers`: for each layer its name, kind, depth (see `depths`), stride and receptive field, and its errors (see
        `pipeline.interpretation.equivariance`), each with one value by replicate.
    """
    from pipeline.interpretation.equivariance import KINDS, depths, measured_layers

    rows = _rows(subject.architecture)
    sides: tuple[int, int] = subject.best.pixels.shape[1:3]
    found = [_measured(replicate, rows) for replicate in subject.replicates()]
    depth = depths(rows)
    return {
        "setting": {
            "largest_shift": largest_shift(sides),
            "largest_angle": LARGEST_ANGLE,
            "inside": float((np.concatenate([one.borders for one in found]) >= largest_shift(sides)).mean()),
            "images": len(subject.best.pixels),
        },
        "replicates": [
            {"replicate": one.number, **one.scores.consistencies, EQUIVARIANCE: _deepest(one.errors)} for one in found
        ],
        "curve": {
            "shift": {"distances": [0, *distances(sides)], "accuracy": [one.scores.by_distance for one in found]},
            "rotation": {"angles": [0, *ANGLES], "accuracy": [one.scores.by_angle for one in found]},
        },
        "layers": [
            {
                "name": row.name,
                "kind": row.kind,
                "depth": depth[row.name],
                "stride": row.stride,
                "receptive_field": row.receptive_field,
                **{kind: [getattr(one.errors.get(row.name), kind, None) for one in found] for kind in KINDS},
            }
            for row in measured_layers(subject.best.network, rows)
        ],
    }


class Scores(NamedTuple):
    """The numbers of one network; all None if it predicts one class for every image."""

    consistencies: Mapping[str, float | None]
    by_distance: list[float] | None
    by_angle: list[float] | None


class Measured(NamedTuple):
    """The measurements of one replicate; `borders` are those of its images (`uniform_border`)."""

    number: int
    scores: Scores
    errors: "Mapping[str, LayerErrors]"
    borders: NDArray[np.int64]


def _measured(replicate: "Replicate", rows: tuple[LayerRow, ...]) -> Measured:
    from pipeline.interpretation.equivariance import layer_errors

    pixels, scores = replicate.pixels, _scores(replicate, rows)
    errors: dict[str, LayerErrors] = {}
    if scores.by_distance is not None:
        some = np.linspace(0, len(pixels) - 1, min(LAYER_IMAGES, len(pixels))).astype(int)
        errors = layer_errors(replicate.network, rows, replicate.standardise(pixels[some]))
    return Measured(replicate.number, scores, errors, uniform_border(pixels))


def _scores(replicate: "Replicate", rows: tuple[LayerRow, ...]) -> Scores:
    pixels = replicate.pixels
    sides: tuple[int, int] = pixels.shape[1:3]
    predict = _predictor(replicate.network, rows)

    def classes(changed: Pixels) -> Classes:
        return predict(replicate.standardise(changed))

    plain = classes(pixels)
    if (plain == plain[0]).all():
        return Scores(dict.fromkeys(CONSISTENCIES), None, None)

    def accuracy(found: Classes) -> float:
        return float((found == replicate.labels).mean())

    moves = random_moves(len(pixels), sides)
    copies = pairs_of_copies(pixels, moves)
    consistencies = {name: float((classes(one) == classes(other)).mean()) for name, (one, other) in copies}
    shifted = [accuracy(classes(edge_shift(pixels, distance * moves.directions))) for distance in distances(sides)]
    turned = [accuracy(classes(rotated(pixels, moves.senses * float(angle)))) for angle in ANGLES]
    unmoved = accuracy(plain)
    return Scores(consistencies, [unmoved, *shifted], [unmoved, *turned])


def _predictor(network: "keras.Model", rows: tuple[LayerRow, ...]) -> Callable[[Floats], Classes]:
    """A function from standardised images to classes, compiled once for every number of images."""
    import tensorflow as tf

    image = network.inputs[0]
    call = tf.function(
        lambda images: network(images, training=False),
        input_signature=[tf.TensorSpec(image.shape, image.dtype)],
    )
    together = max(1, min(TOGETHER, BYTES // totals(rows).largest_activation_bytes)) if rows else TOGETHER

    def classes(images: Floats) -> Classes:
        outputs = np.concatenate(
            [np.asarray(call(images[start : start + together])) for start in range(0, len(images), together)]
        )
        # Two classes have one output, the probability of the second.
        return outputs.argmax(axis=1) if outputs.shape[1] > 1 else (outputs[:, 0] > 0.5).astype(np.int64)

    return classes


def _rows(architecture: str) -> tuple[LayerRow, ...]:
    """The layer table, empty if arithmetic has no rule for a layer: then no layer's receptive field is known."""
    try:
        return layer_table(json.loads(architecture))
    except NoRule:
        return ()


def _deepest(errors: Mapping[str, "LayerErrors"]) -> float | None:
    """The error `shift` of the last layer that has one."""
    defined = [error.shift for error in errors.values() if error.shift is not None]
    return defined[-1] if defined else None
