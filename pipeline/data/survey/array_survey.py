"""Survey images that are stored as arrays: npz, HDF5 and IDX files, and data sets of packages on disk."""

from collections.abc import Mapping
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.data.sources import load_images
from pipeline.data.survey.surveyed import Option, Survey, positive_option


def survey_arrays(source: str, path: Path, layout: str, *, options: Mapping[str, Any] | None = None) -> Survey:
    """Survey the images that a source reads from a path.

    Raises:
        UserError: the files have another layout than the source expects.
    """
    given = dict(options or {})
    images = load_images(source, {"path": str(path), **given})
    counts = np.bincount(images.labels, minlength=len(images.classes)).tolist()
    classes = dict(zip(images.classes, counts, strict=True))
    _, height, width, channels = images.pixels.shape
    proposed = [Option(name, value) for name, value in given.items()]
    accepted = signature(import_module(f"pipeline.data.sources.{source}").load).parameters
    if "classes" in accepted:
        proposed.append(Option("classes", [], "names of the classes in the order of the labels; []: the labels"))
    if "size" in accepted:
        proposed.append(Option("size", None, f"side length in pixels; null: {width} × {height} as in the file"))
    positive = positive_option(classes)
    if positive and "positive" in accepted:
        proposed.append(positive)
    return Survey(
        source=source,
        path=path,
        layout=layout,
        classes=classes,
        parts=_parts(images.test, images.validation),
        facts=(f"Size: {width} × {height} pixels, {'grey' if channels == 1 else 'colour'}.", *images.notes),
        skipped=images.skipped,
        options=tuple(proposed),
    )


def _parts(test: Any, validation: Any) -> dict[str, int]:
    if test is None:
        return {}
    held = {"validation": 0 if validation is None else int(validation.sum()), "test": int(test.sum())}
    return {"train": len(test) - sum(held.values()), **{name: count for name, count in held.items() if count}}
