"""The output of `convtrack compare`, as lines of text."""

import math
from collections.abc import Sequence

from pipeline.console import columns
from pipeline.counts import number_of
from pipeline.reporting.content import metric_label
from pipeline.reporting.costs import COLUMNS, DECISIVE, amount
from pipeline.reporting.tables.settings import differing
from pipeline.reporting.text.conclusions import answer
from pipeline.reporting.text.pair_verdicts import sentence
from pipeline.reporting.text.quantities import count, interval, listed, mean, p_value, score
from pipeline.statistics.rank_tests import Ranking
from pipeline.statistics.results import Certainty
from pipeline.tracking.find import Candidate
from pipeline.tracking.names import DOES, SEED
from pipeline.tracking.paired_runs import PairedRuns

WIDEST = 28
"""Characters of a parameter's value."""
MISSING = "–"


def runs_lines(found: Sequence[Candidate], address: str, metric: str, margin: float) -> list[str]:
    """A title and a row per run."""
    rows = [("run", "id", "data", "replicates", "seed", "finished")]
    for run in found:
        replicates = max(len(run.predictions), *(len(values) for values in run.validated.values()), 0)
        finished = f"{run.finished:%Y-%m-%d %H:%M} UTC" if run.finished else MISSING
        seeds = ", ".join(run.seeds) or MISSING
        rows.append((run.name, run.run[:8], run.data, str(replicates or MISSING), seeds, finished))
    title = f"{len(found)} runs of {address} by {metric_label(metric)}, margin {margin:g}:"
    return [title, "", *columns(rows)]


def difference_lines(found: Sequence[Candidate]) -> list[str]:
    """The parameters in which the runs of networks differ, except the seed, which is in the row of a run."""
    networks = [run for run in found if DOES not in run.parameters]
    different = differing(
        {run.name: {name: value for name, value in run.parameters.items() if name != SEED} for run in networks}
    )
    if len(networks) < 2 and len(networks) < len(found):
        return []
    if not different:
        return ["", "All parameters of these runs are equal."]
    names = [run.name for run in networks]
    rows = [("parameter", *names)]
    for parameter, values in different.items():
        rows.append((parameter, *(_short(str(values.get(name, MISSING))) for name in names)))
    return ["", "Parameters that differ:", "", *columns(rows)]


def pair_lines(group: PairedRuns, metric: str) -> list[str]:
    """The scores and costs of a group of runs, a verdict for each pair, and the conclusion."""
    data = listed(sorted({run.data for run in group.runs}))
    found = group.certainty
    if found is None:
        names = listed([run.name for run in group.runs])
        lines = ["", f"On {data}, {group.images} images, without another run to compare in pairs: {names}.", ""]
        return [*lines, *columns(_score_rows(group, metric), right=(1,))]
    replicates = number_of(found.replicates, "replicate")
    lines = ["", f"On {data}, {group.images} images{_groups(found)}, {replicates}:", ""]
    lines += columns(_score_rows(group, metric), right=range(1, 3 + len(COLUMNS)))
    if group.images == "validation":
        lines += ["", "These are validation images, which also chose the epochs. Their groups were not resampled."]
    if len({run.seeds for run in group.runs if DOES not in run.parameters}) > 1:
        lines += ["", "The runs have different seeds. Replicates that share their images are paired."]
    baselines = {run.name: run.parameters[DOES] for run in group.runs if DOES in run.parameters}
    costs = {run.name: run.values[DECISIVE.key] for run in group.runs if DECISIVE.key in run.values and not run.bound}
    return [*lines, "", *(sentence(pair, found) for pair in found.pairs), "", answer(found, costs, baselines=baselines)]


def separation_lines(groups: Sequence[PairedRuns]) -> list[str]:
    """Why runs of different groups are not compared in pairs."""
    if len(groups) < 2:
        return []
    data = {run.digest for group in groups for run in group.runs}
    reason = "have different images" if len(data) == len(groups) else "have different images or targets"
    return ["", f"Runs in different tables {reason}: they cannot be compared in pairs."]


def value_lines(others: Sequence[Candidate], metric: str) -> list[str]:
    """The one value of each run without replicates, such as a run of another project."""
    if not others:
        return []
    rows = [("run", metric_label(metric))]
    for run in others:
        value = run.values.get(f"test/{metric}", run.values.get(metric))
        rows.append((run.name, MISSING if value is None else score(value)))
    return [
        "",
        "Without replicates:",
        "",
        *columns(rows, right=(1,)),
        "",
        "One value per model does not show which model is better: train every model several times. For runs of an "
        "earlier version of this project, run `dvc repro` there.",
    ]


def rank_lines(found: Ranking) -> list[str]:
    """The mean ranks of models over several data sets, and which of them differ."""
    rows = [("model", "mean rank"), *zip(found.models, (f"{rank:.2f}" for rank in found.ranks), strict=True)]
    test = f"Friedman test, F form of Iman and Davenport: F = {found.statistic:.2f}, {p_value(found.p_value)}"
    together = [listed(tie) for tie in found.ties if len(tie) > 1]
    if found.ties == (found.models,):
        verdict = (
            "The ranks show no difference between the models: mean ranks would have to differ by "
            f"{found.critical_difference:.2f} (Nemenyi; {test})."
        )
    else:
        tied = f": {'; '.join(together)}" if together else ""
        verdict = (
            f"The models differ ({test}). Models whose mean ranks differ by less than {found.critical_difference:.2f} "
            f"cannot be distinguished (Nemenyi){tied}."
        )
    where = f"Ranks over the data sets {listed(found.data)}; 1 is best:"
    return ["", where, "", *columns(rows, right=(1,)), "", verdict]


def _short(text: str) -> str:
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…"


def _groups(found: Certainty) -> str:
    return f" in {count(found.groups)} groups" if found.groups < found.images else ""


def _score_rows(group: PairedRuns, metric: str) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("run", metric_label(metric), "95 % interval", *(cost.label for cost in COLUMNS))]
    if group.certainty is None:
        for run in group.runs:
            rows.append((run.name, score(mean(group.scores(run, metric))), MISSING, *_costs(run)))
        return rows
    runs = {run.name: run for run in group.runs}
    for one in group.certainty.estimates:
        spread = f"{score(one.mean)} ± {score(one.deviation)}" if math.isfinite(one.deviation) else score(one.mean)
        rows.append((one.model, spread, interval(one.low, one.high) or MISSING, *_costs(runs[one.model])))
    return rows


def _costs(run: Candidate) -> tuple[str, ...]:
    return tuple(
        amount(cost, run.values[cost.key], bound=run.bound) if cost.key in run.values else MISSING for cost in COLUMNS
    )
