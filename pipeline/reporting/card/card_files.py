"""The files of a model card: an HTML page, and Markdown with pictures in a folder."""

import shutil
from pathlib import Path

from pipeline.reporting import page
from pipeline.reporting.blocks import Document
from pipeline.storage.files import replacing, replacing_folder
from pipeline.storage.folders import CARD, CARD_FIGURES


def write_card(folder: Path, document: Document) -> None:
    """Write the card into an existing folder."""
    text, figures = page.markdown(document, CARD_FIGURES.name)
    (folder / CARD.name).write_text(page.html(document), encoding="utf-8")
    (folder / CARD.name).with_suffix(".md").write_text(text, encoding="utf-8")
    (folder / CARD_FIGURES.name).mkdir()
    for name, picture in figures.items():
        (folder / CARD_FIGURES.name / name).write_bytes(picture)
    if not figures:
        # Git cannot keep an empty folder, so DVC would make the card again in every clone.
        (folder / CARD_FIGURES.name / "no-figures.txt").write_text(
            "This model card has no figures.\n", encoding="utf-8"
        )


def copy_card(source: Path, target: Path) -> None:
    """Copy the card of one folder into another, and replace the card that is there."""
    target.mkdir(parents=True, exist_ok=True)
    for file in (CARD.name, CARD.with_suffix(".md").name):
        with replacing(target / file) as unfinished:
            shutil.copyfile(source / file, unfinished)
    with replacing_folder(target / CARD_FIGURES.name) as unfinished:
        shutil.copytree(source / CARD_FIGURES.name, unfinished, dirs_exist_ok=True)
