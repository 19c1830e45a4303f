"""Say which of the finished runs in the store is better, and how sure that is.

RUN is one of
  ID       a run's id, or how it begins (six characters or more)
  NAME     a run's name, such as lenet5; of several the newest
  FILTER   a condition in MLflow's language; every finished model that satisfies it

Replicates of models that were asked about the same test images are compared in pairs, by number. Experiments and trials
have looked at no test images: they are compared by what their replicates reached on validation images. Where the same
models are found on several data sets, they are ranked over these (Demšar 2006).

  convtrack compare lenet5 resnet8
  convtrack compare 3f2a9c 81d0e4 --metric accuracy --margin 0.02
  convtrack compare "params.model.name='lenet5'" resnet8
  convtrack compare "params.training.epochs='10' AND metrics.parameters < 100000"
  convtrack compare "tags.convtrack.kind='model'" --figure ranks.png
"""

import argparse
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.config.reading import CONF, read_comparison
from pipeline.config.schema import ComparisonConfig
from pipeline.console import columns, say
from pipeline.errors import UserError, unknown
from pipeline.evaluation.metrics import METRICS, metric_named
from pipeline.reporting.content import metric_label
from pipeline.reporting.costs import COLUMNS
from pipeline.reporting.tables.settings import differing
from pipeline.reporting.text.conclusions import answer, sentence
from pipeline.reporting.text.quantities import count, interval, listed, p_value, score
from pipeline.statistics.analysis import analyse, analyse_scores
from pipeline.statistics.rank_tests import Ranking, ranking
from pipeline.statistics.results import Certainty
from pipeline.tracking.connection import shown_address
from pipeline.tracking.find import Candidate, candidates, find, same_images
from pipeline.tracking.store import Store

MARGIN = 0.01
"""Outside a project, whose conf/comparison.yaml has its own."""
WIDEST = 28  # characters of a parameter's value
NONE = "–"


@dataclass(frozen=True)
class Judged:
    """Runs whose replicates can be compared in pairs, and what can be said of them.

    `images` says what they were asked: `test` or `validation`. Of a single run, or where runs have no replicate in
    common, there is no certainty.
    """

    runs: tuple[Candidate, ...]
    images: str
    certainty: Certainty | None


def main(arguments: Sequence[str]) -> None:
    """Print what is compared, where it differs, every verdict, and the answer."""
    parser = argparse.ArgumentParser(
        "convtrack compare", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", nargs="+", metavar="RUN", help="an id, a name or a filter")
    parser.add_argument("--metric", metavar="NAME", help="what to compare by (default: that of conf/comparison.yaml)")
    parser.add_argument(
        "--margin", metavar="X", help="a difference that does not matter (default: that of conf/comparison.yaml)"
    )
    parser.add_argument("--figure", metavar="FILE", help="draw the ranks over several data sets into a PNG or SVG file")
    given = parser.parse_args(arguments)
    settings = None if given.metric and given.margin else _settings(given.metric)
    metric = given.metric or (settings.primary_metric if settings else "")
    margin = _margin(given.margin, settings)
    store = Store.open()
    runs, remarks = find(store, given.run)
    if len(runs) < 2:
        raise UserError(f"To compare takes two runs or more. Received one: {runs[0].info.run_name}.")
    found = candidates(store, runs)
    ours = [run for run in found if run.predictions or run.validated]
    others = [run for run in found if run not in ours]
    metric = _known_metric(metric, found, ours, remarks, chosen=given.metric is not None)
    judged = _judged(ours, metric, margin)
    for line in (
        *_what(found, metric, margin),
        *(["", *remarks] if remarks else []),
        *_differences(found),
        *itertools.chain.from_iterable(_verdicts(group, metric) for group in judged),
        *_apart(judged),
        *(_values(others, metric) if others else ()),
        *_ranked(judged, metric, given.figure),
    ):
        say(line)


def _settings(metric: str | None) -> ComparisonConfig | None:
    if metric is not None and not (CONF / "comparison.yaml").is_file():
        return None
    try:
        settings = read_comparison()
        metric_named(settings.primary_metric)
    except UserError as problem:
        missing = f"--margin, as in --margin {MARGIN}" if metric else "--metric, as in --metric roc_auc"
        raise UserError(f"{problem} Or give {missing}.") from None
    return settings


def _margin(text: str | None, settings: ComparisonConfig | None) -> float:
    if text is None:
        return settings.margin if settings else MARGIN
    try:
        margin = float(text)
    except ValueError:
        margin = math.nan
    if not (math.isfinite(margin) and margin > 0):
        raise UserError(f"`--margin` must be a number above 0, in units of the metric. Received {text!r}.")
    return margin


def _known_metric(
    metric: str, found: Sequence[Candidate], ours: Sequence[Candidate], remarks: list[str], *, chosen: bool
) -> str:
    """The metric, if it is known of the runs; where nobody has chosen it, else one that is."""
    if ours:
        parts = [run.tested if all(one.predictions for one in ours) else run.validated for run in ours]
        available = [name for name in METRICS if all(name in part for part in parts)]
    else:
        available = sorted({_bare(name) for run in found for name in run.values})
    if metric in available:
        return metric
    if chosen or not ours or not available:
        raise unknown("metric of these runs", metric, available)
    remarks.append(
        f"{metric_label(metric)} is not known of runs that have looked at no test images: compared by "
        f"{metric_label(available[0])}."
    )
    return available[0]


def _bare(name: str) -> str:
    return name.removeprefix("test/")


def _value(run: Candidate, metric: str) -> float | None:
    return run.values.get(f"test/{metric}", run.values.get(metric))


def _judged(runs: Sequence[Candidate], metric: str, margin: float) -> list[Judged]:
    """The runs in groups that can be compared in pairs, the largest first."""
    tested = all(run.predictions for run in runs)
    groups: list[list[Candidate]] = []
    for run in runs:
        own = next((group for group in groups if all(_comparable(run, other, tested=tested) for other in group)), None)
        if own is None:
            groups.append([run])
        else:
            own.append(run)
    judged = []
    for group in groups:
        known = [set(run.predictions if tested else run.validated[metric]) for run in group]
        common = sorted(set.intersection(*known))
        found = None
        if len(group) > 1 and common and tested:
            predictions = {run.name: [run.predictions[number] for number in common] for run in group}
            found = analyse(metric, predictions, margin=margin)
        elif len(group) > 1 and common:
            scores = {run.name: [run.validated[metric][number] for number in common] for run in group}
            found = analyse_scores(metric, scores, margin=margin)
        judged.append(Judged(tuple(group), "test" if tested else "validation", found))
    return sorted(judged, key=lambda group: -len(group.runs))


def _comparable(one: Candidate, other: Candidate, *, tested: bool) -> bool:
    """Whether two runs were asked the same, replicate by replicate."""
    if one.digest != other.digest:
        return False
    if not tested:
        return _split(one) == _split(other)
    common = set(one.predictions) & set(other.predictions)
    return (
        bool(common)
        and one.output == other.output
        and all(same_images(one.predictions[number], other.predictions[number]) for number in common)
    )


def _split(run: Candidate) -> dict[str, str]:
    return {name: value for name, value in run.parameters.items() if name.startswith("split.")}


def _what(found: Sequence[Candidate], metric: str, margin: float) -> list[str]:
    rows = [("run", "id", "data", "replicates", "seed", "finished")]
    for run in found:
        replicates = max(len(run.predictions), *(len(values) for values in run.validated.values()), 0)
        finished = f"{run.finished:%Y-%m-%d %H:%M} UTC" if run.finished else NONE
        seeds = ", ".join(run.seeds) or NONE
        rows.append((run.name, run.run[:8], run.data, str(replicates or NONE), seeds, finished))
    title = f"{len(found)} runs of {shown_address()} by {metric_label(metric)}, margin {margin:g}:"
    return [title, "", *columns(rows)]


def _differences(found: Sequence[Candidate]) -> list[str]:
    different = differing({run.name: run.parameters for run in found})
    if not different:
        return ["", "None of their parameters differs."]
    names = [run.name for run in found]
    rows = [("parameter", *names)]
    for parameter, values in different.items():
        rows.append((parameter, *(_short(str(values.get(name, NONE))) for name in names)))
    return ["", "What differs:", "", *columns(rows)]


def _short(text: str) -> str:
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…"


def _verdicts(group: Judged, metric: str) -> list[str]:
    data = listed(sorted({run.data for run in group.runs}))
    if group.certainty is None:
        names = listed([run.name for run in group.runs])
        lines = ["", f"On {data}, {group.images} images, with nothing to compare it with in pairs: {names}.", ""]
        return [*lines, *columns(_score_rows(group, metric), right=(1,))]
    found = group.certainty
    replicates = "1 replicate" if found.replicates == 1 else f"{found.replicates} replicates"
    lines = ["", f"On {data}, {group.images} images{_groups(found)}, {replicates}:", ""]
    lines += columns(_score_rows(group, metric), right=range(1, 3 + len(COLUMNS)))
    if group.images == "validation":
        lines += ["", "These are validation images, by which epochs were chosen; their groups were not resampled."]
    seeds = {run.seeds for run in group.runs}
    if len(seeds) > 1:
        lines += ["", "They were trained from different seeds; replicates that share their images are paired."]
    costs = {run.name: run.values["multiply_accumulates"] for run in group.runs if "multiply_accumulates" in run.values}
    return [*lines, "", *(sentence(pair, found) for pair in found.pairs), "", answer(found, costs)]


def _groups(found: Certainty) -> str:
    return f" in {count(found.groups)} groups" if found.groups < found.images else ""


def _score_rows(group: Judged, metric: str) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("run", metric_label(metric), "95 % interval", *(cost.label for cost in COLUMNS))]
    runs = {run.name: run for run in group.runs}
    if group.certainty is None:
        for run in group.runs:
            scores = (run.tested if group.images == "test" else run.validated)[metric]
            rows.append((run.name, score(sum(scores.values()) / len(scores)), NONE, *_costs(run)))
        return rows
    for one in group.certainty.estimates:
        spread = f"{score(one.mean)} ± {score(one.deviation)}" if math.isfinite(one.deviation) else score(one.mean)
        rows.append((one.model, spread, interval(one.low, one.high) or NONE, *_costs(runs[one.model])))
    return rows


def _costs(run: Candidate) -> tuple[str, ...]:
    return tuple(cost.write(run.values[cost.key]) if cost.key in run.values else NONE for cost in COLUMNS)


def _apart(judged: Sequence[Judged]) -> list[str]:
    """Why runs of different groups are not compared in pairs."""
    if len(judged) < 2:
        return []
    data = {run.digest for group in judged for run in group.runs}
    reason = "on different images" if len(data) == len(judged) else "on different images, or asked something else"
    return ["", f"Runs of different tables were tested {reason}: they cannot be compared in pairs."]


def _values(others: Sequence[Candidate], metric: str) -> list[str]:
    rows = [("run", metric_label(metric))]
    for run in others:
        value = _value(run, metric)
        rows.append((run.name, NONE if value is None else score(value)))
    which = "Which of them is better" if len(others) > 1 else "Whether it is better or worse"
    return [
        "",
        "Without replicates that can be compared:",
        "",
        *columns(rows, right=(1,)),
        "",
        f"{which} cannot be told from one value each: train every model several times, or, where an earlier version "
        "of this project did, run `dvc repro` there.",
    ]


def _ranked(judged: Sequence[Judged], metric: str, figure: str | None) -> list[str]:
    """The ranks of models that were found on several data sets; a figure of them where one is wanted."""
    scores = _scores_by_data(judged)
    if scores is None:
        if figure:
            raise UserError("--figure draws the ranks of two or more models on two or more data sets: name their runs.")
        return []
    found = ranking(metric, scores)
    if figure:
        _draw(found, Path(figure))
    rows = [("model", "mean rank"), *zip(found.models, (f"{rank:.2f}" for rank in found.ranks), strict=True)]
    test = f"Friedman's test as Iman and Davenport have it: F = {found.statistic:.2f}, {p_value(found.p_value)}"
    together = [listed(tie) for tie in found.ties if len(tie) > 1]
    if found.ties == (found.models,):
        verdict = (
            "No model can be told from another by its ranks: mean ranks would have to be "
            f"{found.critical_difference:.2f} apart (Nemenyi; {test})."
        )
    else:
        tied = f": {'; '.join(together)}" if together else ""
        verdict = (
            f"The models differ ({test}); those whose mean ranks are less than {found.critical_difference:.2f} apart "
            f"cannot be told apart (Nemenyi){tied}."
        )
    where = f"Over the data sets {listed(found.data)}, 1 is the best rank:"
    return ["", where, "", *columns(rows, right=(1,)), "", verdict]


def _scores_by_data(judged: Sequence[Judged]) -> dict[str, dict[str, float]] | None:
    """The mean scores of the models that every data set has, of several runs of one model the newest.

    None where these are less than two models or data sets.
    """
    scores: dict[str, dict[str, float]] = {}
    for group in judged:
        # Groups of one data set were asked other questions; the larger, which comes first, stands for it.
        data = f"{group.runs[0].data}, {(group.runs[0].digest or '')[:8]}"
        if group.certainty is not None and data not in scores:
            means = {one.model: one.mean for one in group.certainty.estimates if math.isfinite(one.mean)}
            oldest_first = sorted(group.runs, key=lambda run: run.finished.timestamp() if run.finished else 0)
            scores[data] = {run.model: means[run.name] for run in oldest_first if run.name in means}
    shared = set.intersection(*map(set, scores.values())) if scores else set()
    if len(scores) < 2 or len(shared) < 2:
        return None
    names = [data.split(", ")[0] for data in scores]
    return {
        data if names.count(name) > 1 else name: {model: mean for model, mean in ones.items() if model in shared}
        for name, (data, ones) in zip(names, scores.items(), strict=True)
    }


def _draw(found: Ranking, file: Path) -> None:
    # Importing Matplotlib takes longer than all that is done without it.
    from pipeline.reporting.figures.critical_difference import rank_diagram, rank_diagram_figure
    from pipeline.reporting.figures.style import png_bytes, svg_text

    if file.suffix not in (".png", ".svg"):
        raise UserError(f"`--figure` must name a .png or .svg file. Received '{file}'.")
    figure = rank_diagram_figure(rank_diagram(found))
    content = png_bytes(figure) if file.suffix == ".png" else svg_text(figure).encode()
    try:
        file.write_bytes(content)
    except OSError as problem:
        raise UserError(
            f"{file} cannot be written ({problem.strerror}): name a file in a folder that exists."
        ) from None
