"""Log the evaluated models of the comparison and its champion to MLflow: after `dvc pull`, or into a new store."""

import argparse
from collections.abc import Sequence

from pipeline.cli.usage import parsed
from pipeline.config.reading import read_comparison
from pipeline.console import say
from pipeline.counts import number_of
from pipeline.data.looks import restore_looks
from pipeline.data.prepared import Prepared, read_prepared
from pipeline.deployment.picture_model import SETTINGS, read_settings
from pipeline.storage.files import read_json
from pipeline.storage.folders import CHAMPION, PREPARED, InterpretationFolder, RunFolder, looks_file
from pipeline.tracking.address import shown_address
from pipeline.tracking.publish.baselines import publish_baseline
from pipeline.tracking.publish.champion import publish_champion
from pipeline.tracking.publish.comparison import compare_published, publish_comparison
from pipeline.tracking.publish.evaluation import publish_evaluation
from pipeline.tracking.publish.interpretation import publish_interpretation
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
    restored = restore_looks(looks_file(prepared.manifest["name"]))
    runs = {}
    for model in settings.models:
        runs[model] = publish_evaluation(tracker, RunFolder.of(model), prepared)
        publish_interpretation(runs[model], InterpretationFolder.of(model))
        say(f"{model}: published to {shown_address()}")
    for baseline in settings.baselines:
        runs[baseline] = publish_baseline(tracker, RunFolder.of(baseline), prepared)
        say(f"{baseline}: published to {shown_address()}")
    comparison = compare_published(runs, prepared, primary_metric=settings.primary_metric, margin=settings.margin)
    publish_comparison(tracker, runs, comparison, prepared.manifest["digest"])
    _publish_champion(tracker, prepared)
    if restored:
        say(
            f"{looks_file(prepared.manifest['name'])} lacked {number_of(restored, 'use')} of these images by other "
            "experiments: they are added. Run `dvc repro` to update the report."
        )
    say(f"Compare the runs: {comparison.tracking_link}")


def _publish_champion(tracker: Tracker, prepared: Prepared) -> None:
    """Register the packaged network, unless there is none or its trainings are not those of the run folder."""
    if not (CHAMPION / SETTINGS).is_file():
        return
    settings = read_settings(CHAMPION)
    run = RunFolder.of(settings["model"])
    records = [run.result(replicate).record for replicate in settings["replicates"]]
    trained = [read_json(one, "fingerprint")["fingerprint"] for one in records if one.is_file()]
    if settings["data"] != prepared.manifest["name"] or trained != settings["trained"]:
        say(f"{CHAMPION}/ does not belong to these runs and is not published: make it again with `dvc repro package`.")
        return
    version = publish_champion(tracker, run, prepared, CHAMPION)
    say(f"Champion: {settings['model']}, version {version.number} of {version.name}")
