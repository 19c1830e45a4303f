"""Group runs whose replicates can be compared in pairs, and analyse each group.

Replicates are paired by number. Runs with predictions are compared on test images. If any run has none, as experiments
and trials do, all runs are compared by validation metrics.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pipeline.evaluation.metrics import METRICS
from pipeline.statistics.analysis import analyse, analyse_scores
from pipeline.statistics.results import Certainty
from pipeline.tracking.find import Candidate, same_images


@dataclass(frozen=True)
class PairedRuns:
    """Runs whose replicates can be compared in pairs.

    Attributes:
        runs: the runs.
        images: which images the metric refers to.
        certainty: the analysis; None for a single run, or if the runs have no replicate in common.
    """

    runs: tuple[Candidate, ...]
    images: Literal["test", "validation"]
    certainty: Certainty | None

    def scores(self, run: Candidate, metric: str) -> list[float]:
        """The values of a metric of one of the runs, one per replicate."""
        return list((run.tested if self.images == "test" else run.validated)[metric].values())


def shared_metrics(runs: Sequence[Candidate]) -> list[str]:
    """The metrics that all runs have for the images on which they are compared, in the order of `METRICS`."""
    parts = [run.tested if _tested(runs) else run.validated for run in runs]
    return [name for name in METRICS if all(name in part for part in parts)]


def paired_runs(runs: Sequence[Candidate], metric: str, margin: float) -> list[PairedRuns]:
    """The runs in groups that can be compared in pairs, the largest first.

    Args:
        runs: runs with predictions or validation metrics.
        metric: one of `shared_metrics`.
        margin: differences up to it are practically irrelevant.
    """
    tested = _tested(runs)
    groups: list[list[Candidate]] = []
    for run in runs:
        own = next((group for group in groups if all(_comparable(run, other, tested=tested) for other in group)), None)
        if own is None:
            groups.append([run])
        else:
            own.append(run)
    images: Literal["test", "validation"] = "test" if tested else "validation"
    paired = [PairedRuns(tuple(group), images, _certainty(group, metric, margin, tested=tested)) for group in groups]
    return sorted(paired, key=lambda group: -len(group.runs))


def scores_by_data(groups: Sequence[PairedRuns]) -> dict[str, dict[str, float]] | None:
    """The mean scores by data set of the models that every data set has; of several runs of a model, the newest.

    None with fewer than two data sets or two such models.
    """
    scores: dict[str, dict[str, float]] = {}
    for group in groups:
        # A data set can have several groups, with different test images. The first one is the largest.
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
        data if names.count(name) > 1 else name: {model: mean for model, mean in means.items() if model in shared}
        for name, (data, means) in zip(names, scores.items(), strict=True)
    }


def _tested(runs: Sequence[Candidate]) -> bool:
    return all(run.predictions for run in runs)


def _certainty(group: Sequence[Candidate], metric: str, margin: float, *, tested: bool) -> Certainty | None:
    replicates = [set(run.predictions if tested else run.validated[metric]) for run in group]
    common = sorted(set.intersection(*replicates))
    if len(group) < 2 or not common:
        return None
    # As in the report, a pair is compared by all replicates that both have, if their order gives their numbers.
    complete = all(numbers == set(range(len(numbers))) for numbers in replicates)
    used = [sorted(numbers) if complete else common for numbers in replicates]
    if tested:
        predictions = {
            run.name: [run.predictions[number] for number in numbers] for run, numbers in zip(group, used, strict=True)
        }
        return analyse(metric, predictions, margin=margin, folds=_folds(group) if complete else 0)
    scores = {
        run.name: [run.validated[metric][number] for number in numbers]
        for run, numbers in zip(group, used, strict=True)
    }
    return analyse_scores(metric, scores, margin=margin)


def _folds(group: Sequence[Candidate]) -> int:
    """The number of folds of the split, 0 without folds. Baselines have no parameters of the split; other runs have."""
    splits = [_split(run) for run in group]
    folds = next((one.get("split.folds", "") for one in splits if one.get("split.strategy") == "kfold"), "")
    return int(folds) if folds.isdecimal() else 0


def _comparable(one: Candidate, other: Candidate, *, tested: bool) -> bool:
    """Whether replicates with the same number have the same target and the same images."""
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
