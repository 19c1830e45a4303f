"""Shared layers: the same layer on two images."""

from collections.abc import Mapping
from typing import Any

from pipeline.architectures import lecture_cnn, siamese
from pipeline.lecture.chapters.several_chapter import diagram
from pipeline.lecture.material import Chapter, Material, source_of

SHAPE, CLASSES = (28, 28, 1), 10


def _values(material: Material) -> Mapping[str, Any]:
    pair, single = siamese.build(SHAPE, CLASSES), lecture_cnn.build(SHAPE, CLASSES)
    shared = pair.count_params() - pair.layers[-1].count_params()
    one = single.count_params() - single.layers[-1].count_params()
    if shared != one:
        raise ValueError(f"Shared layers must be counted once. Received {shared} and {one} parameters.")
    return {
        "code": source_of(siamese.build),
        "diagram": diagram(pair, "Two images pass the same layers; their features are compared."),
        "shared": shared,
        "last": pair.layers[-1].count_params(),
        "total": pair.count_params(),
        "pixels": SHAPE[0],
    }


CHAPTER = Chapter(
    "shared-layers",
    "Shared layers",
    "Call one layer twice, and both calls use the same weights.",
    _values,
)
