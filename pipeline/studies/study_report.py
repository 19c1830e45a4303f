"""Write the report of a study: a Markdown file, its figures and its numbers."""

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from pipeline.reporting.figures.style import png_bytes
from pipeline.storage.files import replacing, write_json
from pipeline.storage.folders import REPORTS


def write_study_report(
    name: str, text: str, figures: Mapping[str, Figure], *, results: Mapping[str, Any] | None = None
) -> None:
    """Write `text` to `reports/NAME/report.md`, and each figure to the same folder as a PNG named by its key.

    `results` are the numbers of the report for `results.json`, if it has any that other pages show.
    """
    folder = REPORTS / name
    for key, figure in figures.items():
        with replacing(folder / f"{key}.png") as unfinished:
            unfinished.write_bytes(png_bytes(figure))
    if results is not None:
        write_json(folder / "results.json", dict(results))
    with replacing(folder / "report.md") as unfinished:
        unfinished.write_text(text, encoding="utf-8")
