"""Padding and stride: the size of a feature map."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from pipeline.arithmetic.sizes import (
    keras_output_size,
    keras_transposed_size,
    output_size,
    same_padding,
    transposed_size,
)
from pipeline.lecture.material import Chapter, Material
from pipeline.lecture.moving_svg import Moving
from pipeline.lecture.sliding_figure import convolution, sliding_figure, transposed


class Case(NamedTuple):
    """A moving figure: title, explanation, the relationship in the paper, and its numbers put into the formula."""

    title: str
    explanation: str
    relationship: str
    calculation: str
    figure: Moving


CASES = (
    ("No padding", 4, 1, 0, 1, "1", "The kernel stays inside the image. The map is smaller than the image."),
    ("Padding that keeps the size", 5, 1, 1, 1, "3", "A kernel of side 3 with one zero on each side keeps the size."),
    (
        "Full padding",
        4,
        1,
        2,
        1,
        "4",
        "The kernel visits every position where it overlaps the image. The map is larger.",
    ),
    ("Stride 2", 5, 2, 0, 1, "5", "The kernel moves by two pixels. The map has about half the side."),
    ("Stride 2 with padding", 5, 2, 1, 1, "6", "A network can halve its maps in this way, without pooling."),
    (
        "Dilation 2",
        7,
        1,
        0,
        2,
        "15",
        "The weights are two pixels apart. The window is larger, with the same number of weights.",
    ),
)
"""Title, side of the image, stride, padding, dilation, relationship in Dumoulin & Visin 2016, explanation."""

SIDES, KERNEL = (28, 27, 64), 3


def _case(title: str, size: int, stride: int, padding: int, dilation: int, relationship: str, explanation: str) -> Case:
    geometry = convolution(size, KERNEL, stride=stride, padding=padding, dilation=dilation)
    span = (KERNEL - 1) * dilation + 1
    wide = f"{size} + 2·{padding} − {span}"
    calculation = (
        f"⌊({wide}) / {stride}⌋ + 1 = {output_size(size, KERNEL, stride=stride, padding=padding, dilation=dilation)}"
    )
    label = (
        f"{title}: a kernel of side {KERNEL} moves over an image of side {size}; the map has side {geometry.output}."
    )
    return Case(title, explanation, relationship, calculation, sliding_figure(_name(title), label, geometry))


def _transposed_case() -> Case:
    size, stride = 2, 2
    geometry = transposed(size, KERNEL, stride=stride)
    result = transposed_size(size, KERNEL, stride=stride)
    return Case(
        "Transposed convolution, stride 2",
        "Zeros between the pixels make the map larger than the image. A convolution leads back to the size.",
        "13",
        f"{stride}·({size} − 1) + {KERNEL} = {result}",
        sliding_figure("transposed", f"A transposed convolution: from side {size} to side {result}.", geometry),
    )


def _name(title: str) -> str:
    return "-".join(title.lower().split())


def _values(material: Material) -> Mapping[str, Any]:
    return {
        "cases": [*(_case(*case) for case in CASES), _transposed_case()],
        "kernel": KERNEL,
        "keras": [
            (
                size,
                stride,
                keras_output_size(size, KERNEL, stride=stride),
                keras_output_size(size, KERNEL, stride=stride, padding="same"),
                same_padding(size, KERNEL, stride=stride),
                keras_transposed_size(size, KERNEL, stride=stride, padding="same"),
            )
            for size in SIDES
            for stride in (1, 2)
        ],
        "odd": same_padding(SIDES[0], KERNEL, stride=2),
    }


CHAPTER = Chapter(
    "padding-and-stride",
    "Padding and stride",
    "One formula gives the size of every feature map.",
    _values,
)
