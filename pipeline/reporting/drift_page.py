"""The comparison of new pictures with the images of a model as a document."""

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from pipeline.counts import number_of
from pipeline.deployment.drift.new_pictures import NewPictures, Shown
from pipeline.deployment.drift.verdict import NOT_EXPECTED, Drift
from pipeline.deployment.reference import Reference
from pipeline.reporting.blocks import (
    Block,
    Bullets,
    Document,
    Fold,
    Image,
    Images,
    Paragraph,
    Picture,
    Section,
    TableBlock,
)
from pipeline.reporting.figures.compared_distributions import compared_distributions, compared_distributions_figure
from pipeline.reporting.tables.text_table import Table
from pipeline.reporting.text.drift_text import answer, checks_table, compared_with, estimate_sentence
from pipeline.reporting.text.quantities import count, share

HEIGHT = 128
"""Smallest height of a picture in pixels."""
LIMITS = (
    "The true classes are unknown. A change that affects neither pixels nor predictions cannot be found, "
    "such as another definition of the classes.",
    "The estimated accuracy assumes that mistakes have low confidence. A network can be confidently wrong about "
    "pictures of another kind.",
    "Tests assume that pictures are independent of each other. Many pictures of one object differ from the training "
    "images more often by chance.",
    "Copies are found if their pixels are the same after decoding; changed or recompressed copies are not.",
)


def drift_document(
    drift: Drift, new: NewPictures, reference: Reference, classes: tuple[str, ...], model: str
) -> Document:
    """The page: the verdict, its reasons, and what it is based on."""
    lead: list[Block] = [
        Paragraph(answer(drift), role="warning" if drift.verdict == NOT_EXPECTED else "answer"),
        Paragraph(f"{compared_with(new, reference, model)} {estimate_sentence(drift)}", role="support"),
    ]
    if drift.reasons or drift.not_judged:
        lead.append(Bullets((*drift.reasons, *drift.not_judged)))
    sections = [
        Section(
            "checks", "Checks", (TableBlock(checks_table(drift)),), f"{number_of(len(drift.found), 'difference')} found"
        ),
        _distributions(new, reference),
        _classes(new, reference, classes),
        _unusual(new),
        *_names(new),
        Section("limits", "Limits", (Bullets(LIMITS),), "what this comparison cannot detect"),
    ]
    return Document("New pictures compared with the training data", tuple(lead), tuple(sections))


def _distributions(new: NewPictures, reference: Reference) -> Section:
    figure = compared_distributions_figure(compared_distributions(new, reference))
    text = (
        "Share of images by measure. Known images are the training images; for the confidence, the images of the "
        "reported score."
    )
    picture = Picture("distributions", "Distributions of measures of new pictures and of known images", figure)
    return Section("distributions", "Distributions", (Paragraph(text), picture), "pixels and confidence")


def _classes(new: NewPictures, reference: Reference, classes: tuple[str, ...]) -> Section:
    columns = (
        np.bincount(new.labels, minlength=len(classes)),
        np.bincount(reference.scored.labels, minlength=len(classes)),
        reference.class_counts,
    )
    shares = np.stack([values / max(values.sum(), 1) for values in columns], axis=1)
    table = Table(
        caption="Shares of the classes: predicted for the new pictures, predicted for the images of the reported "
        "score, and true in training.",
        header=("class", "new pictures", "images of the reported score", "training images"),
        rows=tuple(
            (name, *(share(value, decimals=1) for value in row)) for name, row in zip(classes, shares, strict=True)
        ),
        keys=tuple((None, *map(float, row)) for row in shares),
    )
    return Section("classes", "Predicted classes", (TableBlock(table),), f"{len(classes)} classes")


def _unusual(new: NewPictures) -> Section:
    unusual = int(new.unusual.sum())
    blocks: list[Block] = [Paragraph("Pictures that look unlike the training images, one by one.")]
    if new.flags:
        blocks.append(Bullets(tuple(f"{name}: {count(number)}" for name, number in new.flags)))
    if new.shown:
        blocks.append(Images(tuple(_image(number, one) for number, one in enumerate(new.shown))))
    return Section("unusual", "Unusual pictures", tuple(blocks), f"{count(unusual)} of {count(new.size)}")


def _image(number: int, shown: Shown) -> Image:
    title = f"{shown.name}: {', '.join(shown.flags)}"
    return Image(title, f"unusual-{number}", f"Picture {title}", _png(shown.pixels))


def _png(pixels: NDArray[np.uint8]) -> bytes:
    """PNG of one picture (height, width, channels), enlarged if it is small."""
    factor = max(1, -(-HEIGHT // pixels.shape[0]))
    enlarged = pixels.repeat(factor, axis=0).repeat(factor, axis=1)
    buffer = BytesIO()
    PillowImage.fromarray(enlarged[..., 0] if enlarged.shape[2] == 1 else enlarged).save(buffer, "PNG")
    return buffer.getvalue()


def _names(new: NewPictures) -> list[Section]:
    """The names of copies and of unreadable pictures, if there are any."""
    unreadable = tuple(f"{name}: {problem}" for name, problem in new.unreadable)
    return [
        Section(anchor, heading, (Fold(f"Names ({count(len(names))})", (Bullets(names),)),), count(len(names)))
        for anchor, heading, names in (
            ("copies", "Copies of training images", new.copies),
            ("unreadable", "Unreadable pictures, left out", unreadable),
        )
        if names
    ]
