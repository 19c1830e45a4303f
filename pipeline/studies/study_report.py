"""Write the report of a study: a Markdown file and its figures."""

from collections.abc import Mapping

from matplotlib.figure import Figure

from pipeline.reporting.figures.style import png_bytes
from pipeline.storage.files import replacing
from pipeline.storage.folders import REPORTS


def write_study_report(name: str, text: str, figures: Mapping[str, Figure]) -> None:
    """Write `text` to `reports/NAME/report.md`, and each figure to the same folder as a PNG named by its key."""
    folder = REPORTS / name
    for key, figure in figures.items():
        with replacing(folder / f"{key}.png") as unfinished:
            unfinished.write_bytes(png_bytes(figure))
    with replacing(folder / "report.md") as unfinished:
        unfinished.write_text(text, encoding="utf-8")
