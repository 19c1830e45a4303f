"""The files of the comparison's report."""

from pipeline.reporting import page
from pipeline.reporting.blocks import Document
from pipeline.storage.files import replacing, replacing_folder
from pipeline.storage.folders import FIGURES, REPORT


def write_report(report: Document) -> None:
    """Write the report in HTML and in Markdown, with its pictures as separate files."""
    text, figures = page.markdown(report, FIGURES.name)
    with replacing_folder(FIGURES) as unfinished:
        for name, picture in figures.items():
            (unfinished / name).write_bytes(picture)
    for file, content in ((REPORT.with_suffix(".md"), text), (REPORT, page.html(report))):
        with replacing(file) as unfinished:
            unfinished.write_text(content, encoding="utf-8")
