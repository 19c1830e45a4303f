"""Write the report on the models of the comparison, and give their MLflow runs what only now is known."""

from pipeline.console import say
from pipeline.data.prepared import read_prepared
from pipeline.reporting import page
from pipeline.storage.files import replacing, replacing_folder
from pipeline.storage.folders import FIGURES, PREPARED, REPORT, RunFolder
from pipeline.tracking.publish.comparison import compare_published, publish_comparison
from pipeline.tracking.publish.training import publish_training
from pipeline.tracking.tracker import Tracker


def main(models: tuple[str, ...], primary_metric: str, margin: float) -> None:
    """Write reports/comparison.md and .html from what the evaluations found."""
    prepared = read_prepared(PREPARED)
    tracker = Tracker.open(prepared.manifest["name"])
    runs = {model: publish_training(tracker, RunFolder.of(model), prepared) for model in models}
    comparison = compare_published(runs, prepared, primary_metric=primary_metric, margin=margin)
    text, figures = page.markdown(comparison, FIGURES.name)
    with replacing_folder(FIGURES) as unfinished:
        for name, picture in figures.items():
            (unfinished / name).write_bytes(picture)
    for file, content in ((REPORT.with_suffix(".md"), text), (REPORT, page.html(comparison))):
        with replacing(file) as unfinished:
            unfinished.write_text(content, encoding="utf-8")
    publish_comparison(tracker, runs, comparison)
    say(f"The report is {REPORT} (and .md).")
