"""Fill the MLflow store from the run folders: for results that DVC restored, or a store that was lost."""

import argparse
from collections.abc import Sequence

from pipeline.comparison.gather import compared
from pipeline.config.reading import read_comparison
from pipeline.console import say
from pipeline.data.looks import test_set_digest
from pipeline.data.prepared import read_prepared
from pipeline.storage.folders import PREPARED, RunFolder, report_files
from pipeline.tracking.publish.comparison import address_of_models, publish_comparison, publish_lock
from pipeline.tracking.publish.evaluation import publish_evaluation
from pipeline.tracking.publish.training import publish
from pipeline.tracking.tracker import Tracker, shown_address


def main(arguments: Sequence[str]) -> None:
    """Log every model of the comparison that has been evaluated; what the store holds already stays as it is."""
    argparse.ArgumentParser("convtrack publish", description=__doc__).parse_args(arguments)
    settings = read_comparison()
    prepared = read_prepared(PREPARED)
    tracker = Tracker.open(prepared.manifest["name"])
    published = {}
    for model in settings.models:
        run = RunFolder.of(model)
        published[model] = publish(tracker, run, prepared.manifest["digest"])
        publish_evaluation(published[model], run, prepared)
        say(f"{model}: published to {shown_address()}")
    publish_lock(published)
    link = address_of_models(tracker, published)
    comparison = compared(
        settings.models,
        prepared.manifest,
        test_set=test_set_digest(prepared.splits, prepared.manifest),
        primary_metric=settings.primary_metric,
        margin=settings.margin,
        tracking_link=link,
    )
    publish_comparison(tracker, published, comparison, report_files())
    say(f"Runs side by side: {link}")
