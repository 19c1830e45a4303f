"""What the chapters are made from: the trained network, the reports, and the pictures that they add to the site."""

import inspect
import io
import keyword
import tokenize
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray
from PIL import Image

from pipeline.errors import UserError
from pipeline.lecture.trained_network import LectureNetwork

TRAIN = "convtrack lecture --train"
"""The command that reproduces the numbers of the trained network."""


class Chapter(NamedTuple):
    """One page of the site.

    Attributes:
        file: name of the page without `.html`; its template has the same name.
        title: of the page.
        idea: one sentence for the table of contents.
        values: compute the numbers and figures that the template uses.
    """

    file: str
    title: str
    idea: str
    values: Callable[["Material"], Mapping[str, Any]]


@dataclass(frozen=True)
class Material:
    """The inputs of all chapters; `files` collects the pictures by file name."""

    trained: LectureNetwork
    reports: Path
    files: dict[str, bytes] = field(default_factory=dict)

    def picture(self, name: str, pixels: NDArray[np.uint8], alternative: str, *, factor: int = 1) -> Markup:
        """Add an 8-bit grey picture to the site, enlarged by a whole factor, and return its `img` element."""
        enlarged = pixels.repeat(factor, axis=0).repeat(factor, axis=1)
        buffer = BytesIO()
        Image.fromarray(enlarged).save(buffer, "PNG", optimize=True)
        self.files[f"{name}.png"] = buffer.getvalue()
        height, width = enlarged.shape[:2]
        return _image(f"{name}.png", alternative, width, height)

    def learned(self, model: str, kind: str, alternative: str) -> Markup | None:
        """Add a picture of what a model of the comparison has learned: the first one of a kind, None without one."""
        found = sorted((self.reports / "comparison").glob(f"learned-{model}-*{kind}*.png"))
        return self.copied(f"report-{model}-{kind}", found[0], alternative) if found else None

    def copied(self, name: str, source: Path, alternative: str) -> Markup:
        """Add a picture of a report to the site, and return its `img` element.

        Raises:
            UserError: the file is not a picture.
        """
        self.files[f"{name}.png"] = content = source.read_bytes()
        try:
            with Image.open(BytesIO(content)) as image:
                image.load()
        except (OSError, SyntaxError, ValueError):
            raise UserError(
                f"{source} is damaged. Write it again, with `dvc repro` if it belongs to the comparison, with "
                "`convtrack study NAME` if it belongs to a study."
            ) from None
        return _image(f"{name}.png", alternative, *image.size)


def _image(file: str, alternative: str, width: int, height: int) -> Markup:
    return Markup('<img src="{}" alt="{}" width="{}" height="{}">').format(file, alternative, width, height)


def grey(values: NDArray[Any], largest: float | None = None) -> NDArray[np.uint8]:
    """Values from 0 to `largest` (by default that of the array) as grey levels from black to white."""
    scale = float(values.max() if largest is None else largest) or 1.0
    return np.clip(np.rint(values * (255 / scale)), 0, 255).astype(np.uint8)


def tiles(
    squares: Sequence[NDArray[np.uint8]], columns: int, *, factor: int = 1, gap: int = 4, between: int = 255
) -> NDArray[np.uint8]:
    """Enlarge grey squares by a whole factor and arrange them in rows, with a grey level (white) between them."""
    enlarged = [one.repeat(factor, axis=0).repeat(factor, axis=1) for one in squares]
    height, width = enlarged[0].shape
    rows = -(-len(enlarged) // columns)
    sheet = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap), between, np.uint8)
    for place, one in enumerate(enlarged):
        top, left = place // columns * (height + gap), place % columns * (width + gap)
        sheet[top : top + height, left : left + width] = one
    return sheet


def source_of(function: Any) -> Markup:
    """The source of a function as HTML, without its docstring."""
    code = inspect.getsource(function)
    documented = inspect.getdoc(function)
    if documented:
        start = code.index('"""')
        end = code.index('"""', start + 3) + 3
        code = code[: code.rindex("\n", 0, start)] + code[end:]
    return highlighted(code)


def highlighted(code: str) -> Markup:
    """Python code as HTML: keywords, strings and comments are marked.

    >>> print(highlighted("return x  # done"))
    <b>return</b> x  <em># done</em>
    """
    lines, parts, end = code.splitlines(keepends=True), [], (1, 0)
    tags = {tokenize.STRING: "i", tokenize.COMMENT: "em"}
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.start[0] > len(lines):
            break
        parts.append(escape(_between(lines, end, token.start)))
        tag = "b" if token.type == tokenize.NAME and keyword.iskeyword(token.string) else tags.get(token.type)
        content = escape(token.string)
        parts.append(Markup("<{0}>{1}</{0}>").format(tag, content) if tag else content)
        end = token.end
    return Markup("").join(parts).strip()


def _between(lines: Sequence[str], start: tuple[int, int], end: tuple[int, int]) -> str:
    """The text between two places (line, column), lines counted from 1."""
    if start[0] == end[0]:
        return lines[start[0] - 1][start[1] : end[1]]
    middle = lines[start[0] : end[0] - 1]
    return lines[start[0] - 1][start[1] :] + "".join(middle) + lines[end[0] - 1][: end[1]]
