"""Train more replicates until every pair of models has a verdict or the time is spent (`replicates: auto`).

Repeats `dvc repro`, and looks at the verdicts after each. Only models in an undecided pair that more replicates can
decide get more, from `auto.least` up to `auto.greatest` (conf/comparison.yaml). A pair that needs far more is given up.
After an interruption, run it again.
"""

import argparse
import math
from collections.abc import Mapping, Sequence
from functools import partial

from pipeline.cli.composing import composed
from pipeline.cli.dvc_command import run_dvc
from pipeline.cli.usage import parsed
from pipeline.comparison.deciding import decide
from pipeline.comparison.gather import gather_certainty
from pipeline.comparison.planned import read_plan, write_plan
from pipeline.config.reading import read_comparison
from pipeline.config.schedule import Schedule
from pipeline.config.schema import ComparisonConfig, RayConfig, Workers
from pipeline.console import say
from pipeline.data.prepared import read_manifest
from pipeline.data.watching import watch_comparison
from pipeline.errors import UserError
from pipeline.reporting.text.search import cannot_be_better
from pipeline.statistics.results import Certainty
from pipeline.statistics.sequential import Plan
from pipeline.storage.files import read_json
from pipeline.storage.folders import PLAN, PREPARED, RunFolder
from pipeline.training.pools import training_pool

COMMAND = "convtrack decide"


def parser() -> argparse.ArgumentParser:
    """The arguments of the command: none."""
    return argparse.ArgumentParser(
        "convtrack decide", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def main(arguments: Sequence[str]) -> None:
    """Run the search for verdicts."""
    parsed(parser().parse_args, arguments, help_command="convtrack decide --help")
    settings = read_comparison()
    if settings.replicates != "auto":
        raise UserError(
            f"`replicates` in conf/comparison.yaml is the fixed number {settings.replicates}, so there is nothing to "
            "decide: run `dvc repro`, or set `replicates: auto`."
        )
    composition = composed("prepare", [], settings=["workers", "ray"])
    split = composition["split"]
    schedule = Schedule.of(settings.auto, strategy=split.strategy, folds=split.folds)
    models = len(settings.models) + len(settings.baselines)
    warning = cannot_be_better(schedule, models=models, strategy=split.strategy)
    if warning:
        say(warning)
    watch_comparison()
    decide(
        reproduce=lambda: run_dvc("repro", again=COMMAND),
        read_plan=lambda: read_plan(settings.models),
        record=_record,
        look=lambda: _look(settings),
        seconds=partial(_seconds, workers=composition["workers"], ray=composition["ray"]),
        minutes=settings.auto.minutes,
    )


def _look(settings: ComparisonConfig) -> Certainty:
    return gather_certainty(
        [*settings.models, *settings.baselines],
        read_manifest(PREPARED)["settings"]["split"],
        metric=settings.primary_metric,
        margin=settings.margin,
    )


def _record(plan: Plan) -> None:
    """Write the plan and tell DVC; interrupted in between, DVC runs the stage `plan`, which keeps what is written."""
    write_plan(plan)
    run_dvc("commit", "--force", "--quiet", str(PLAN), again=COMMAND)


def _seconds(more: Mapping[str, int], *, workers: Workers, ray: RayConfig) -> float:
    """The estimated seconds of training so many more replicates of each model, from those already trained."""
    total = 0.0
    with training_pool(workers, ray, needed=False) as pool:
        for model, count in more.items():
            run = RunFolder.of(model)
            threads = read_json(run.replicates, "configuration")["configuration"]["training"]["threads"]
            times = [one["train_seconds"] for one in read_json(run.scores, "replicates")["replicates"]]
            rounds = math.ceil(count / pool.parallel(count, threads))
            total += rounds * sum(times) / len(times)
    return total
