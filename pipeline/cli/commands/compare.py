"""Compare finished runs in the store: which model is better, by how much, and how certain that is.

RUN is one of
  ID       the id of a run, or its first six or more characters
  NAME     the name of a run, such as resnet8_mnist; of several runs with this name, the newest of this project on the
           images prepared here, or else the newest of this project, or else the newest in the store
  FILTER   an MLflow search filter; all finished models that satisfy it

Replicates with the same test images are compared in pairs, by number. Experiments and trials have no test predictions:
they are compared by the validation metrics of their replicates. Models that occur on several data sets are ranked over
these (Demšar 2006).

With --group-by, groups of runs that any program has logged are compared by the last value of a logged metric. The best
value over epochs is not offered: it makes every run look better than it is. The store is only read.

  convtrack compare lecture_cnn_mnist resnet8_mnist
  convtrack compare 3f2a9c 81d0e4 --metric accuracy --margin 0.02
  convtrack compare "params.model.name='lecture_cnn_mnist'" resnet8_mnist
  convtrack compare "params.training.epochs='10' AND metrics.parameters < 100000"
  convtrack compare "tags.convtrack.kind='model'" --figure ranks.png
  convtrack compare --group-by params.model --metric val_accuracy --store sqlite:///their.db
"""

import argparse
import itertools
import math
from collections.abc import Sequence
from pathlib import Path

from pipeline.cli.compare_groups import add_arguments, group_lines
from pipeline.cli.compare_text import (
    difference_lines,
    pair_lines,
    rank_lines,
    runs_lines,
    separation_lines,
    value_lines,
)
from pipeline.cli.usage import parsed
from pipeline.config.reading import CONF, read_comparison
from pipeline.config.schema import ComparisonConfig
from pipeline.console import say
from pipeline.errors import UserError, unknown
from pipeline.evaluation.metrics import METRICS, metric_named
from pipeline.reporting.content import metric_label
from pipeline.statistics.rank_tests import Ranking, ranking
from pipeline.tracking.find import Candidate, candidates, find
from pipeline.tracking.paired_runs import PairedRuns, paired_runs, scores_by_data, shared_metrics
from pipeline.tracking.store import Store

MARGIN = 0.01
"""The margin outside a project; a project has its own in conf/comparison.yaml."""


def parser() -> argparse.ArgumentParser:
    """The arguments of the command."""
    command = argparse.ArgumentParser(
        "convtrack compare", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    command.add_argument("run", nargs="*", metavar="RUN", help="an id, a name or a filter")
    command.add_argument(
        "--metric",
        metavar="NAME",
        help=f"one of {', '.join(METRICS)} (default: that of conf/comparison.yaml); with --group-by, any logged metric",
    )
    command.add_argument(
        "--margin",
        type=_margin,
        metavar="X",
        help="largest difference that is practically irrelevant (default: that of conf/comparison.yaml; "
        f"with --group-by, {MARGIN} for metrics from 0 to 1, else none)",
    )
    command.add_argument(
        "--figure", type=_figure_file, metavar="FILE", help="draw the ranks over data sets into a PNG or SVG file"
    )
    command.add_argument(
        "--store", metavar="URI", help="URI of an MLflow store, or an SQLite file (default: the project's store)"
    )
    add_arguments(command)
    return command


def main(arguments: Sequence[str]) -> None:
    """Print the runs, the parameters in which they differ, a verdict per pair, and the conclusion."""
    given = parsed(parser().parse_args, arguments, help_command="convtrack compare --help")
    if given.group_by:
        for line in group_lines(given, MARGIN):
            say(line)
        return
    _check_without_groups(given)
    settings = None if given.metric and given.margin else _settings(given.metric)
    metric = given.metric or (settings.primary_metric if settings else "")
    margin = given.margin or (settings.margin if settings else MARGIN)
    store = Store.open(given.store)
    runs, remarks = find(store, given.run)
    if len(runs) < 2:
        raise UserError(f"compare needs at least two runs. Received one: {runs[0].info.run_name}.")
    found = candidates(store, runs)
    ours = [run for run in found if run.predictions or run.validated]
    others = [run for run in found if run not in ours]
    metric, remark = _available(metric, ours, others, chosen=given.metric is not None)
    groups = paired_runs(ours, metric, margin)
    ranks = _ranking(metric, groups, given.figure)
    remarks = [*remarks, *remark]
    for line in (
        *runs_lines(found, store.address, metric, margin),
        *(["", *remarks] if remarks else []),
        *difference_lines(found),
        *itertools.chain.from_iterable(pair_lines(group, metric) for group in groups),
        *separation_lines(groups),
        *value_lines(others, metric),
        *(rank_lines(ranks) if ranks else ()),
    ):
        say(line)


def _check_without_groups(given: argparse.Namespace) -> None:
    if not given.run:
        raise UserError("compare needs runs: name at least two of them, or groups of them with --group-by.")
    if given.pair_by or given.where or given.experiment or given.lower_is_better is not None:
        raise UserError(
            "--pair-by, --where, --experiment and --lower-is-better belong to --group-by: add it, as in --group-by "
            "params.model."
        )


def _margin(text: str) -> float:
    try:
        margin = float(text)
    except ValueError:
        margin = math.nan
    if not (math.isfinite(margin) and margin > 0):
        raise UserError(f"`--margin` must be a number above 0, in units of the metric. Received {text!r}.")
    return margin


def _figure_file(text: str) -> Path:
    file = Path(text)
    if file.suffix not in (".png", ".svg"):
        raise UserError(f"`--figure` must name a .png or .svg file. Received '{file}'.")
    return file


def _settings(metric: str | None) -> ComparisonConfig | None:
    """The settings of the project; None outside a project if the metric is known."""
    if metric is not None and not (CONF / "comparison.yaml").is_file():
        return None
    try:
        settings = read_comparison()
        metric_named(settings.primary_metric)
    except UserError as problem:
        missing = f"--margin, as in --margin {MARGIN}" if metric else f"--metric, as in --metric {next(iter(METRICS))}"
        raise UserError(f"{problem} Or add {missing}.") from None
    return settings


def _available(
    metric: str, ours: Sequence[Candidate], others: Sequence[Candidate], *, chosen: bool
) -> tuple[str, list[str]]:
    """The metric if all runs have it, else one that they have, with a remark.

    Raises:
        UserError: the user has `chosen` a metric that the runs do not have, or they have none in common.
    """
    if ours:
        available = shared_metrics(ours)
    else:
        available = sorted({name.removeprefix("test/") for run in others for name in run.values})
    if metric in available:
        return metric, []
    if chosen or not ours or not available:
        raise unknown("metric of these runs", metric, available)
    return available[0], [
        f"Runs without test predictions have no {metric_label(metric)}: compared by {metric_label(available[0])}."
    ]


def _ranking(metric: str, groups: Sequence[PairedRuns], figure: Path | None) -> Ranking | None:
    """The ranks of models over several data sets, if there are several; drawn into the file `figure`."""
    scores = scores_by_data(groups)
    if scores is not None:
        found = ranking(metric, scores)
        if figure is not None:
            _draw(found, figure)
        return found
    if figure is not None:
        raise UserError("--figure draws the ranks of two or more models on two or more data sets: name their runs.")
    return None


def _draw(found: Ranking, file: Path) -> None:
    # Importing Matplotlib takes longer than the rest of the command.
    from pipeline.reporting.figures.critical_difference import rank_diagram, rank_diagram_figure
    from pipeline.reporting.figures.style import png_bytes, svg_text

    figure = rank_diagram_figure(rank_diagram(found))
    content = png_bytes(figure) if file.suffix == ".png" else svg_text(figure).encode()
    try:
        file.write_bytes(content)
    except OSError as problem:
        raise UserError(f"{file} cannot be written ({problem.strerror}): name a file in an existing folder.") from None
