"""The site: a contents page and one page per chapter, as files."""

from collections.abc import Sequence
from pathlib import Path

from pipeline.lecture.chapters import (
    connectivity_chapter,
    convolution_chapter,
    depth_chapter,
    equivariance_chapter,
    example_chapter,
    kernels_chapter,
    maps_chapter,
    pooling_chapter,
    prediction_chapter,
    several_chapter,
    siamese_chapter,
    sizes_chapter,
    studies_chapter,
    training_chapter,
)
from pipeline.lecture.material import Chapter, Material
from pipeline.lecture.trained_network import read
from pipeline.reporting.templates.rendering import template
from pipeline.storage.files import replacing

CHAPTERS: Sequence[Chapter] = (
    connectivity_chapter.CHAPTER,
    convolution_chapter.CHAPTER,
    sizes_chapter.CHAPTER,
    maps_chapter.CHAPTER,
    kernels_chapter.CHAPTER,
    pooling_chapter.CHAPTER,
    equivariance_chapter.CHAPTER,
    depth_chapter.CHAPTER,
    example_chapter.CHAPTER,
    several_chapter.CHAPTER,
    siamese_chapter.CHAPTER,
    training_chapter.CHAPTER,
    prediction_chapter.CHAPTER,
    studies_chapter.CHAPTER,
)
NETWORK = "network.npz"
TEMPLATES = "pipeline.lecture.page_templates"


def pages(network: Path, reports: Path) -> dict[str, bytes]:
    """The files of the site by name: pages, style and pictures.

    `network` is the file of the trained network, `reports` the folder of the reports that the pages quote.
    """
    material = Material(read(network), reports)
    texts = {"index.html": template("index.html.j2", autoescape=True, package=TEMPLATES).render(chapters=CHAPTERS)}
    for place, chapter in enumerate(CHAPTERS):
        page = template(f"{chapter.file}.html.j2", autoescape=True, package=TEMPLATES)
        texts[f"{chapter.file}.html"] = page.render(
            chapter=chapter,
            number=place + 1,
            before=CHAPTERS[place - 1] if place else None,
            after=CHAPTERS[place + 1] if place + 1 < len(CHAPTERS) else None,
            **chapter.values(material),
        )
    texts["style.css"] = template("style.css.j2", autoescape=False, package=TEMPLATES).render()
    return {name: text.encode() for name, text in texts.items()} | material.files


def write_site(folder: Path, reports: Path) -> list[Path]:
    """Write the site into its folder, which holds the trained network; delete pages and pictures of earlier ones."""
    files = pages(folder / NETWORK, reports)
    for name, content in files.items():
        with replacing(folder / name) as unfinished:
            unfinished.write_bytes(content)
    for file in folder.iterdir():
        if file.suffix in (".html", ".css", ".png") and file.name not in files:
            file.unlink()
    return [folder / name for name in files]
