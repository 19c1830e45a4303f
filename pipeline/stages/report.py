"""Write the report of the comparison, and log to MLflow what is known only about all models together."""

from pipeline.comparison.choice_file import usable_networks, write_choice
from pipeline.comparison.choosing import with_champion
from pipeline.config.schema import ChampionConfig
from pipeline.console import say
from pipeline.data.prepared import read_prepared
from pipeline.reporting.report_files import write_report
from pipeline.reporting.sections import document
from pipeline.storage.folders import CHOICE, PREPARED, REPORT, InterpretationFolder, RunFolder
from pipeline.storage.home import temporary_experiment
from pipeline.tracking.publish.baselines import publish_baseline
from pipeline.tracking.publish.comparison import compare_published, publish_comparison
from pipeline.tracking.publish.interpretation import publish_interpretation
from pipeline.tracking.publish.training import publish_training
from pipeline.tracking.tracker import Tracker


def main(
    models: tuple[str, ...], baselines: tuple[str, ...], primary_metric: str, margin: float, champion: ChampionConfig
) -> None:
    """Write reports/comparison.md and .html, and reports/champion.json, from the results of the evaluations."""
    prepared = read_prepared(PREPARED)
    tracker = Tracker.open(prepared.manifest["name"])
    runs = {model: publish_training(tracker, RunFolder.of(model), prepared) for model in models}
    runs |= {name: publish_baseline(tracker, RunFolder.of(name), prepared) for name in baselines}
    for model in models:
        publish_interpretation(runs[model], InterpretationFolder.of(model))
    comparison = compare_published(runs, prepared, primary_metric=primary_metric, margin=margin)
    comparison = with_champion(comparison, champion, usable_networks(models))
    write_report(document(comparison))
    write_choice(CHOICE, comparison)
    experiment = temporary_experiment()
    if experiment is None:
        publish_comparison(tracker, runs, comparison, prepared.manifest["digest"])
    else:
        say(
            f"MLflow still shows the comparison of the project, because this is the experiment {experiment}. To show "
            f"this one: `dvc exp apply {experiment}`, then `convtrack publish`."
        )
    say(f"Report: {REPORT} and {REPORT.with_suffix('.md')}")
