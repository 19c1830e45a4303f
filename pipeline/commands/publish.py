"""Fill the MLflow store from the run folders: for results that DVC restored, or a store that was lost."""

import argparse
from collections.abc import Sequence

from pipeline.config import read_comparison
from pipeline.console import say
from pipeline.data.prepared import read_prepared
from pipeline.publishing.comparison import address_of_models, publish_lock, share_table
from pipeline.publishing.evaluation import publish_evaluation
from pipeline.publishing.training import publish
from pipeline.runs import PREPARED, RunFolder
from pipeline.tracking import Tracker, shown_address


def main(arguments: Sequence[str]) -> None:
    """Log every model of the comparison that has been evaluated; what the store holds already stays as it is."""
    argparse.ArgumentParser("convtrack publish", description=__doc__).parse_args(arguments)
    comparison = read_comparison()
    prepared = read_prepared(PREPARED)
    tracker = Tracker.open(prepared.manifest["name"])
    published = {}
    for model in comparison.models:
        run = RunFolder.of(model)
        published[model] = publish(tracker, run, prepared.manifest["digest"])
        publish_evaluation(published[model], run, prepared)
        say(f"{model}: published to {shown_address()}")
    publish_lock(published)
    share_table(tracker, comparison.primary_metric)
    say(f"Runs side by side: {address_of_models(tracker, published)}")
