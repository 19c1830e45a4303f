"""Log the evaluated models of the comparison to MLflow: after `dvc pull`, or into a new store."""

import argparse
from collections.abc import Sequence

from pipeline.cli.usage import parsed
from pipeline.config.reading import read_comparison
from pipeline.console import say
from pipeline.data.prepared import read_prepared
from pipeline.storage.folders import PREPARED, RunFolder
from pipeline.tracking.address import shown_address
from pipeline.tracking.publish.baselines import publish_baseline
from pipeline.tracking.publish.comparison import compare_published, publish_comparison
from pipeline.tracking.publish.evaluation import publish_evaluation
from pipeline.tracking.tracker import Tracker


def parser() -> argparse.ArgumentParser:
    """The arguments of the command: none."""
    return argparse.ArgumentParser("convtrack publish", description=__doc__)


def main(arguments: Sequence[str]) -> None:
    """Log from the run folders what the store lacks. Runs that are complete stay as they are."""
    parsed(parser().parse_args, arguments, help_command="convtrack publish --help")
    settings = read_comparison()
    prepared = read_prepared(PREPARED)
    tracker = Tracker.open(prepared.manifest["name"])
    runs = {}
    for model in settings.models:
        runs[model] = publish_evaluation(tracker, RunFolder.of(model), prepared)
        say(f"{model}: published to {shown_address()}")
    for baseline in settings.baselines:
        runs[baseline] = publish_baseline(tracker, RunFolder.of(baseline), prepared)
        say(f"{baseline}: published to {shown_address()}")
    comparison = compare_published(runs, prepared, primary_metric=settings.primary_metric, margin=settings.margin)
    publish_comparison(tracker, runs, comparison)
    say(f"Compare the runs: {comparison.tracking_link}")
