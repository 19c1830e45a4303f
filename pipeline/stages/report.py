"""Write the report on the models of the comparison, and give their MLflow runs what only now is known."""

from pipeline.comparison.gather import compared
from pipeline.console import say
from pipeline.data.looks import test_set_digest
from pipeline.data.prepared import read_prepared
from pipeline.reporting import page
from pipeline.storage.files import replacing, replacing_folder
from pipeline.storage.folders import FIGURES, PREPARED, REPORT, RunFolder, report_files
from pipeline.tracking.publish.comparison import address_of_models, publish_comparison, publish_lock
from pipeline.tracking.publish.training import publish
from pipeline.tracking.tracker import Tracker


def main(models: tuple[str, ...], primary_metric: str, margin: float) -> None:
    """Write reports/comparison.md and .html from what the evaluations found."""
    prepared = read_prepared(PREPARED)
    manifest = prepared.manifest
    tracker = Tracker.open(manifest["name"])
    published = {model: publish(tracker, RunFolder.of(model), manifest["digest"]) for model in models}
    link = address_of_models(tracker, published)
    comparison = compared(
        models,
        manifest,
        test_set=test_set_digest(prepared.splits, manifest),
        primary_metric=primary_metric,
        margin=margin,
        tracking_link=link,
    )
    text, figures = page.markdown(comparison, FIGURES.name)
    with replacing_folder(FIGURES) as unfinished:
        for name, picture in figures.items():
            (unfinished / name).write_bytes(picture)
    for file, content in ((REPORT.with_suffix(".md"), text), (REPORT, page.html(comparison))):
        with replacing(file) as unfinished:
            unfinished.write_text(content, encoding="utf-8")
    publish_lock(published)
    publish_comparison(tracker, published, comparison, report_files())
    say(f"The report is {REPORT} (and .md).")
