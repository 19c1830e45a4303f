"""A report as one self-contained HTML file, and as Markdown with separate picture files."""

import base64
import re
from collections.abc import Iterator, Sequence
from io import BytesIO
from urllib.parse import quote

from markupsafe import Markup
from PIL import Image

from pipeline.reporting.blocks import Beside, Block, Document, Fold, Images, Picture
from pipeline.reporting.figures.style import BLUE, GROUND, INK, MUTED, RULE, png_bytes, svg_text
from pipeline.reporting.templates.rendering import template

SHOWN_WIDTH = 540
"""The largest width of an image in pixels."""
ADDRESS_CHARACTERS = "%:/?#[]@!$&'()*+,;="
"""Characters that stay in an address in Markdown; brackets and spaces would end the link."""


def html(document: Document) -> str:
    """Return the report as one HTML file that contains its style, its figures and its images."""
    return template("comparison.html.j2", autoescape=True).render(
        document=document, inline=inline, data_address=_data_address
    )


def markdown(document: Document, figures_folder: str) -> tuple[str, dict[str, bytes]]:
    """Return the report as Markdown, and its pictures as file name → PNG bytes.

    `figures_folder` is the path of the pictures relative to the Markdown file: `figures` or `../figures`.
    """
    blocks = [*document.lead, *(block for section in document.sections for block in section.blocks)]
    pictures = {f"{name}.png": content for name, content in _pictures(blocks)}
    return markdown_text(document, figures_folder), pictures


def markdown_text(document: Document, figures_folder: str) -> str:
    """Return the report as Markdown without its pictures, whose drawing takes seconds."""
    return template("comparison.md.j2", autoescape=False).render(
        document=document,
        picture_address=lambda name: quote(f"{figures_folder.rstrip('/')}/{name}.png"),
        link_address=lambda address: quote(address, safe=ADDRESS_CHARACTERS),
    )


def _pictures(blocks: Sequence[Block]) -> Iterator[tuple[str, bytes]]:
    """The names and the PNG bytes of all pictures in the blocks."""
    for block in blocks:
        if isinstance(block, Picture):
            yield block.name, png_bytes(block.figure)
        elif isinstance(block, Images):
            yield from ((image.name, image.png) for image in block.images)
        elif isinstance(block, Fold | Beside):
            yield from _pictures(block.blocks)


def _data_address(png: bytes) -> Markup:
    """The image as WebP at the size at which the page shows it, which needs a fifth of the space."""
    buffer = BytesIO()
    with Image.open(BytesIO(png)) as image:
        shown = image.convert("RGB")
        shown.thumbnail((SHOWN_WIDTH, 4 * SHOWN_WIDTH))
        shown.save(buffer, "WEBP", quality=60)
    return Markup("data:image/webp;base64,") + base64.b64encode(buffer.getvalue()).decode()


def _shortened(tag: re.Match[str]) -> str:
    """The tag of an SVG without ids of groups and without the font, and with two decimals: a hundredth of a point."""
    short = re.sub(r' font-family: [^;]*;|(?<=<g) id="[^"]*"', "", " ".join(tag.group().split()))
    return re.sub(r"(\d\.\d\d)\d+", r"\1", short)


def inline(picture: Picture) -> Markup:
    """Return the figure as an SVG element with a label for screen readers, unique ids and the colours of the page."""
    svg = re.sub(r"<[^>]*>", _shortened, svg_text(picture.figure))
    svg = re.sub(r"\s*\n\s*", "\n", svg).replace("<g/>\n", "")
    prefix = re.sub(r"\W", "-", picture.name)
    svg = re.sub(r'\bid="', f'id="{prefix}-', svg)
    svg = re.sub(r'((?:xlink:)?href="|url\()#', rf"\1#{prefix}-", svg)
    for colour, variable in (
        (INK, "currentColor"),
        (MUTED, "var(--muted)"),
        (RULE, "var(--rule)"),
        (BLUE, "var(--accent)"),
        (GROUND, "var(--ground)"),
    ):
        svg = svg.replace(colour, variable)
    opening = Markup('<svg role="img" aria-label="{}" ').format(picture.alternative)
    return opening + Markup(svg.removeprefix("<svg "))
