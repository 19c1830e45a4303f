"""A sample of picture files: their sizes, colours, transparency and values, and the options that fit them."""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pipeline.data.images import Skipped, printable
from pipeline.data.pictures.decode import DEEP_MODES, Decoding, Facts, decode
from pipeline.data.pictures.decoded import Picture
from pipeline.data.pictures.opening import Unreadable
from pipeline.data.survey.surveyed import Option

MOST = 200
"""At most this many pictures are decoded."""
SECONDS = 8.0
"""After this time, no further picture is decoded."""
SIDE = 64
"""The proposed side length in pixels, unless the pictures are smaller."""
EXACT = 96
"""Pictures of one size with at most this side length keep it."""
ALIKE = 1.05
"""Aspect ratios that differ by less than this factor are the same."""


@dataclass
class PictureSample:
    """Facts about the decoded pictures of a sample, one value each, and the unreadable ones."""

    of: int
    facts: list[Facts] = field(default_factory=list)
    coloured: int = 0
    needs_black: int = 0  # transparent pictures that are blank on white
    unreadable: list[Skipped] = field(default_factory=list)

    @property
    def size(self) -> int:
        """The number of pictures."""
        return len(self.facts) + len(self.unreadable)

    @property
    def deep(self) -> list[Facts]:
        """The pictures with a single channel of more than 8 bits."""
        return [fact for fact in self.facts if fact.mode.startswith(DEEP_MODES)]


def sample_pictures(root: Path, pictures: Sequence[Picture], *, report: Callable[[str], None]) -> PictureSample:
    """Decode a random sample of pictures below `root`; the same pictures give the same order."""
    chosen = random.Random(0).sample(pictures, min(MOST, len(pictures)))
    sample = PictureSample(len(pictures))
    began = said = time.monotonic()
    for number, picture in enumerate(chosen):
        now = time.monotonic()
        if now - began > SECONDS:
            break
        if now - said > 2:
            said = now
            report(f"Looking at pictures: {number} of {len(chosen)}")
        _look_at(root, picture, sample)
    return sample


def _look_at(root: Path, picture: Picture, sample: PictureSample) -> None:
    file = root / picture.name
    black = False
    try:
        try:
            pixels, facts = decode(file, Decoding(SIDE, SIDE, 3))
        except Unreadable as problem:
            # A range shows the values of deep pictures, and another background those of white drawings.
            if "background" in str(problem):
                pixels, facts = decode(file, Decoding(SIDE, SIDE, 3, background="black"))
                black = True
            elif "value_range" in str(problem):
                pixels, facts = decode(file, Decoding(SIDE, SIDE, 3, value_range=(0, 1)))
            else:
                raise
    except Unreadable as problem:
        sample.unreadable.append(Skipped(printable(picture.name), str(problem)))
        return
    sample.facts.append(facts)
    sample.needs_black += black
    # JPEG files of grey pictures have slightly different channels.
    sample.coloured += bool(np.ptp(pixels.astype(np.int16), axis=2).mean() > 1)


def sample_facts(sample: PictureSample) -> Iterator[str]:
    """Sentences about the pictures of a sample."""
    count = len(sample.facts)
    if not count:
        return
    sizes = Counter((fact.width, fact.height) for fact in sample.facts)
    (width, height), frequent = sizes.most_common(1)[0]
    looked = f"{sample.size:,} pictures" if sample.size == sample.of else f"{sample.size:,} of {sample.of:,} pictures"
    chosen = ", a random sample" if sample.size < sample.of else ""
    damaged = f"; {len(sample.unreadable)} cannot be read" if sample.unreadable else ""
    yield f"Decoded {looked}{chosen}{damaged}."
    if len(sizes) == 1:
        yield f"Size (width × height): {width} × {height} pixels."
    else:
        widths, heights = zip(*sizes, strict=True)
        yield (
            f"Sizes (width × height): {min(widths)} to {max(widths)} × {min(heights)} to {max(heights)} pixels, most "
            f"often {width} × {height} ({frequent} of {count})."
        )
        ratios = sorted(fact.width / fact.height for fact in sample.facts)
        if ratios[-1] > ALIKE * ratios[0]:
            yield f"Aspect ratios (width / height): {ratios[0]:.2f} to {ratios[-1]:.2f}."
    if sample.coloured in (0, count):
        yield f"All are {'in colour' if sample.coloured else 'grey'}."
    else:
        yield f"{sample.coloured} of {count} are in colour, the others are grey."
    if sample.deep:
        low, high = _values(sample.deep)
        yield f"{len(sample.deep)} of {count} have more than 8 bits per value, with values from {low:g} to {high:g}."
    transparent = sum(fact.transparent for fact in sample.facts)
    if transparent:
        blank = f"; {sample.needs_black} of them are blank on a white background" if sample.needs_black else ""
        yield f"{transparent} of {count} have transparent pixels{blank}."
    paged = sum(fact.frames > 1 for fact in sample.facts)
    if paged:
        yield f"{paged} of {count} have several pages or frames; only the first is used."


def sample_options(sample: PictureSample) -> Iterator[Option]:
    """The options that fit the pictures of a sample."""
    yield _size_option(sample.facts)
    if sample.coloured:
        yield Option("channels", 3, "3 for colour, 1 for grey")
    else:
        yield Option("channels", 1, "the pictures are grey; 3 for colour")
    ratios = [fact.width / fact.height for fact in sample.facts]
    if ratios and max(ratios) > ALIKE * min(ratios):
        yield Option(
            "resize", "stretch", "stretch, crop (keep the centre) or pad (add a border), because aspect ratios differ"
        )
    if any(fact.transparent for fact in sample.facts):
        colour = "black" if sample.needs_black else "white"
        yield Option("background", colour, "the colour behind transparent pixels, as a name or #rrggbb")
    if sample.deep:
        yield _range_option(sample.deep)


def _size_option(facts: Sequence[Facts]) -> Option:
    sides = {(fact.height, fact.width) for fact in facts}
    smallest = min((min(side) for side in sides), default=SIDE)
    if len(sides) == 1 and max(max(side) for side in sides) <= EXACT:
        ((height, width),) = sides
        return Option(
            "size",
            width if height == width else [height, width],
            "[height, width] in pixels, or one number for squares; here: the size of the pictures",
        )
    ratios = np.array([fact.width / fact.height for fact in facts] or [1.0])
    low, middle, high = np.quantile(ratios, [0.1, 0.5, 0.9])
    side = min(SIDE, smallest) if len(sides) == 1 else SIDE
    if high < ALIKE * low and not 1 / ALIKE < middle < ALIKE:
        height, width = (max(8, round(side * scale / 8) * 8) for scale in (middle**-0.5, middle**0.5))
        return Option("size", [height, width], "[height, width] in pixels; larger is slower but shows finer details")
    return Option(
        "size", side, "[height, width] in pixels, or one number for squares; larger is slower but shows finer details"
    )


def _values(deep: Sequence[Facts]) -> tuple[float, float]:
    return min(fact.lowest for fact in deep), max(fact.highest for fact in deep)


def _range_option(deep: Sequence[Facts]) -> Option:
    """The range of deep values: from 0 to a power of two less one, from 0 to 1, or what the sample holds."""
    low, high = _values(deep)
    if all(fact.mode == "F" for fact in deep):
        limits = [0, 1] if low >= 0 and high <= 1 else [low, high]
    elif low >= 0:
        bits = max(8, int(high).bit_length())
        limits = [0, 2 ** (bits + bits % 2) - 1]
    else:
        limits = [low, high]
    return Option(
        "value_range", limits, f"the values that become black and white; the sample holds {low:g} to {high:g}"
    )
