"""Write how many replicates each model gets: a fixed number, or as many as `convtrack decide` has found necessary."""

from pipeline.comparison.planned import continued, read_search, write_plan
from pipeline.config.schedule import Schedule
from pipeline.config.schema import AutoConfig, Replicates
from pipeline.console import say
from pipeline.counts import number_of
from pipeline.data.prepared import read_manifest
from pipeline.reporting.text.search import cannot_be_better, restarted
from pipeline.statistics.sequential import Plan
from pipeline.storage.folders import PREPARED


def main(models: tuple[str, ...], baselines: tuple[str, ...], replicates: Replicates, auto: AutoConfig) -> None:
    """Plan the replicates of every model of the comparison."""
    if replicates != "auto":
        write_plan(Plan(dict.fromkeys(models, replicates)))
        say(f"{number_of(replicates, 'replicate')} of each model")
        return
    manifest = read_manifest(PREPARED)
    split = manifest["settings"]["split"]
    schedule = Schedule.of(auto, strategy=split["strategy"], folds=split["folds"])
    before = read_search()
    plan = continued(models, schedule, {"digest": manifest["digest"], "split": split})
    write_plan(plan)
    if before is not None and before.schedule != schedule:
        say(restarted(before.schedule, schedule))
    warning = cannot_be_better(schedule, models=len(models) + len(baselines), strategy=split["strategy"])
    if warning:
        say(warning)
    say("Replicates: " + ", ".join(f"{number} of {model}" for model, number in plan.replicates.items()))
    say("`convtrack decide` trains more replicates where a verdict needs them.")
