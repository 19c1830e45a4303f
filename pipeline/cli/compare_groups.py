"""`convtrack compare --group-by`: verdicts for groups of runs that any program has logged."""

import argparse

from pipeline.cli.groups_text import comparison_lines
from pipeline.errors import UserError
from pipeline.evaluation import foreign_metrics
from pipeline.evaluation.metrics import Metric
from pipeline.statistics.run_groups import compare_groups
from pipeline.tracking.grouped_runs import GroupedRuns, grouped_runs
from pipeline.tracking.run_attributes import attributes
from pipeline.tracking.store import Store


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments that belong to `--group-by`."""
    groups = command.add_argument_group("runs of any program, grouped by a parameter or tag")
    groups.add_argument("--group-by", metavar="NAME", help="compare groups of runs, as in params.model or tags.host")
    groups.add_argument(
        "--pair-by",
        metavar="NAME",
        help="what pairs runs of two groups, as in params.seed; none for independent samples (default: a parameter or "
        "tag called seed, random_state, fold or the like)",
    )
    groups.add_argument("--where", metavar="FILTER", default="", help="an MLflow search filter for the runs")
    groups.add_argument("--experiment", metavar="NAME", help="the experiment of the runs, if there are several")
    groups.add_argument(
        "--lower-is-better",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="direction of the metric (default: by its name)",
    )


def group_lines(options: argparse.Namespace, default_margin: float) -> list[str]:
    """The lines to print. Without `--margin`, metrics from 0 to 1 have the default margin and others none.

    Raises:
        UserError: the arguments do not fit together, or the store has no such runs.
    """
    if options.run:
        raise UserError(f"--group-by finds its runs itself. Received RUN {options.run[0]!r}: use --where for a filter.")
    if not options.metric:
        raise UserError("--group-by needs the name of a logged metric: add --metric, as in --metric val_accuracy.")
    if options.figure:
        raise UserError("--figure draws ranks over data sets, and --group-by compares runs of one: leave one out.")
    by, pair_by = attributes(options.group_by), None
    if options.pair_by is not None:
        pair_by = () if options.pair_by == "none" else attributes(options.pair_by)
    found = grouped_runs(
        Store.open(options.store),
        options.metric,
        by,
        pair_by=pair_by,
        where=options.where,
        experiment=options.experiment,
    )
    lower = options.lower_is_better
    lower = foreign_metrics.lower_is_better(options.metric) if lower is None else lower
    if lower is None:
        raise UserError(
            f"The name '{options.metric}' does not show whether higher or lower is better: add --lower-is-better or "
            "--no-lower-is-better."
        )
    metric = _bounded(options.metric, lower, found)
    margin = options.margin or (default_margin if metric is not None and metric.bounds[1] == 1 else 0.0)
    compared = compare_groups(
        found.values, lower_is_better=lower, margin=margin, tested_share=found.tested_share, metric=metric
    )
    names = ", ".join(map(str, by))
    return comparison_lines(found, compared, metric=options.metric, by=names, margin=margin, lower_is_better=lower)


def _bounded(name: str, lower: bool, found: GroupedRuns) -> Metric | None:
    """The metric that the name means; None if direction or values contradict it, as accuracies in per cent do."""
    metric = foreign_metrics.known_metric(name)
    if metric is None or metric.lower_is_better != lower:
        return None
    lowest, highest = metric.bounds
    values = [value for own in found.values.values() for value in own.values()]
    return None if any(value < lowest or value > highest for value in values) else metric
