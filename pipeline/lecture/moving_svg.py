"""Moving figures as SVG: frames that a style sheet shows one after the other, without a script.

Where nothing may move, on paper and for readers who prefer reduced motion, the figure shows its frame `rest`.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from markupsafe import Markup, escape


class Moving(NamedTuple):
    """A moving figure.

    Attributes:
        name: unique on the page; it becomes the id of the SVG element.
        label: what the figure shows, for readers who do not see it.
        size: width and height in the units of the drawing.
        still: SVG elements that every frame shows.
        frames: the SVG elements of each frame.
        seconds: how long a frame is shown.
        rest: index of the frame that is shown where nothing may move.
    """

    name: str
    label: str
    size: tuple[float, float]
    still: str
    frames: Sequence[str]
    seconds: float = 1.0
    rest: int = -1

    def __html__(self) -> str:
        """The SVG element with its own style."""
        count = len(self.frames)
        rest = self.rest % count
        cycle = count * self.seconds
        style = (
            f"#{self.name} .frame {{ visibility: hidden; }} #{self.name} .rest {{ visibility: visible; }}\n"
            f"@media screen and (prefers-reduced-motion: no-preference) {{ #{self.name} .frame {{ "
            f"animation: {self.name} {cycle:g}s step-end infinite; "
            f"animation-delay: calc(var(--frame) * {self.seconds:g}s - {cycle:g}s); }} }}\n"
            # Every frame has the same keyframes and a delay of its own.
            f"@keyframes {self.name} {{ 0% {{ visibility: visible; }} {100 / count:.4g}% {{ visibility: hidden; }} "
            "100% { visibility: hidden; } }"
        )
        groups = "\n".join(
            f'<g class="frame{" rest" if place == rest else ""}" style="--frame: {place}">{content}</g>'
            for place, content in enumerate(self.frames)
        )
        return drawing(f"<style>{style}</style>\n{self.still}\n{groups}", self.label, self.size, name=self.name)


def drawing(content: str, label: str, size: tuple[float, float], *, name: str = "") -> Markup:
    """An SVG element as wide as its place allows, with a label for readers who do not see it."""
    width, height = size
    identity = f'id="{name}" ' if name else ""
    return Markup(
        f'<svg {identity}role="img" aria-label="{escape(label)}" viewBox="0 0 {width:g} {height:g}" '
        f'style="--width: {width:g}">\n{content}\n</svg>'
    )


def rectangle(x: float, y: float, width: float, height: float, kind: str) -> str:
    """A rectangle of a class of the style sheet."""
    return f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"/>'


def text(x: float, y: float, content: object, kind: str = "") -> str:
    """Text around the point (x, y), or from it on with the class `left`."""
    return f'<text x="{x:g}" y="{y:g}"{f" class={chr(34)}{kind}{chr(34)}" if kind else ""}>{escape(content)}</text>'


def circle(x: float, y: float, radius: float, kind: str) -> str:
    """A circle of a class of the style sheet."""
    return f'<circle class="{kind}" cx="{x:g}" cy="{y:g}" r="{radius:g}"/>'


def line(start: tuple[float, float], end: tuple[float, float], kind: str) -> str:
    """A line of a class of the style sheet."""
    return f'<line class="{kind}" x1="{start[0]:g}" y1="{start[1]:g}" x2="{end[0]:g}" y2="{end[1]:g}"/>'


def squares(
    cells: Iterable[tuple[int, int]], origin: tuple[float, float], side: float, kind: str, style: str = ""
) -> str:
    """Equal squares (row, column) of a grid as one path."""
    x, y = origin
    path = "".join(f"M{x + column * side:g} {y + row * side:g}h{side:g}v{side:g}h{-side:g}z" for row, column in cells)
    shown = f' style="{style}"' if style else ""
    return f'<path class="{kind}"{shown} d="{path}"/>' if path else ""
