"""Text of the study of solar cells."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from pipeline.counts import number_of
from pipeline.data.splits import TEST, TRAIN, VALIDATION
from pipeline.reporting.tables.text_table import Table
from pipeline.reporting.templates.rendering import template
from pipeline.reporting.text.quantities import count, duration, listed, magnitude
from pipeline.statistics.results import Estimate
from pipeline.studies.published_values import claims_table, percent
from pipeline.studies.solar_cells.solar_candidates import (
    BASELINE_LABEL,
    BY_MODULE,
    DRAWS,
    FOLDS,
    NETWORKS,
    RANDOM,
    REPETITIONS,
    Study,
    compared_cells,
)
from pipeline.studies.solar_cells.solar_claims import COMPARED, claim_rows
from pipeline.studies.solar_cells.solar_scores import MARGIN, TYPES, Scores

BEST = COMPARED[2]
"""The network that the search found."""


class Numbers(NamedTuple):
    """All numbers of the report."""

    two: Scores
    four: Scores
    rule: Mapping[str, Estimate]
    study: Study


def report_text(numbers: Numbers) -> str:
    """Return the report as Markdown; the figures are expected in the same folder."""
    two, four, study = numbers.two, numbers.four, numbers.study
    random, by_module = (two.estimate(split, "accuracy", BEST) for split in (RANDOM, BY_MODULE))
    top = two.certainty[RANDOM]["accuracy"].estimates[0].model
    claims = claim_rows(two, four)
    return template("solar_cells.md.j2", package=__package__, autoescape=False).render(
        best=BEST,
        parameters=count(int(two.costs[BEST]["parameters"])),
        fitted=percent(float(np.mean(study.two[RANDOM][BEST].fitted))),
        random_mean=percent(random.mean),
        random=_with_interval(random),
        by_module=_with_interval(by_module),
        top=top,
        top_parameters=count(int(two.costs[top]["parameters"])),
        top_random=_with_interval(two.estimate(RANDOM, "accuracy", top)),
        top_by_module=_with_interval(two.estimate(BY_MODULE, "accuracy", top)),
        raised={metric: _raised(two, metric) for metric in ("accuracy", "roc_auc")},
        always=percent(two.always[BY_MODULE]),
        leader=two.best(),
        leader_score=_with_interval(two.estimate(BY_MODULE, "accuracy", two.best())),
        unbeaten=_unbeaten(two),
        claims_table=claims_table(
            claims,
            f"In per cent. Two classes: {BEST}. Four classes: {COMPARED[4]}. Rows with a published value use the "
            "random split.",
        ),
        two_table=scores_table(two, "Two classes, in per cent with 95 % intervals."),
        four_table=scores_table(four, "Four classes, in per cent with 95 % intervals."),
        balanced_table=balanced_table(two, four),
        differences_table=differences_table(two, four),
        types_table=types_table(two),
        rule_accuracy=_with_interval(numbers.rule["accuracy"]),
        rule_auc=_with_interval(numbers.rule["roc_auc"]),
        sizes=_sizes(study),
        compared=count(int(compared_cells(study.modules).sum())),
        networks=len(NETWORKS),
        draws=DRAWS,
        folds=FOLDS,
        repetitions=number_of(REPETITIONS, "repetition"),
        margin=percent(MARGIN),
        seconds=duration(sum(second for one in _trainings(study) for second in one)),
        trainings=sum(len(one) for one in _trainings(study)),
    )


def _unbeaten(scores: Scores) -> str:
    """Which networks no other is shown to beat under the split by module, as a sentence."""
    unbeaten = scores.certainty[BY_MODULE]["accuracy"].unbeaten
    if len(unbeaten) == len(scores.costs):
        return "No network is shown to be better than another."
    return f"No network is shown to be better than {listed(unbeaten)}."


def scores_table(scores: Scores, caption: str) -> Table:
    """A row for each network: costs, accuracy and ROC AUC under both splits."""
    return Table(
        caption=caption,
        header=(
            *("network", "parameters", "multiply–accumulates", "fastest training"),
            *("accuracy, random split", "accuracy, by module", "ROC AUC, random split", "ROC AUC, by module"),
        ),
        rows=tuple(
            (
                network,
                count(int(costs["parameters"])),
                magnitude(costs["multiply_accumulates"]),
                duration(costs["seconds"]),
                *(
                    _with_interval(scores.estimate(split, metric, network))
                    for metric in ("accuracy", "roc_auc")
                    for split in (RANDOM, BY_MODULE)
                ),
            )
            for network, costs in by_cost(scores)
        ),
    )


def differences_table(two: Scores, four: Scores) -> Table:
    """A row for each network: the score on the same cells under the random split minus that by module."""
    return Table(
        caption="Random split minus split by module, on the cells of the modules that both test, in percentage points "
        "with 95 % intervals.",
        header=("network", "classes", "accuracy", "ROC AUC"),
        rows=tuple(
            (network, str(classes), *(_points(scores.difference[network][one]) for one in ("accuracy", "roc_auc")))
            for scores, classes in ((two, 2), (four, 4))
            for network, _ in by_cost(scores)
        ),
    )


def balanced_table(two: Scores, four: Scores) -> Table:
    """A row for each network: the mean of the classes' recalls, because classes have very different sizes."""
    return Table(
        caption="Balanced accuracy in per cent with 95 % intervals. Chance: 50 with two classes, 25 with four.",
        header=("network", "classes", "random split", "by module"),
        rows=tuple(
            (
                network,
                str(classes),
                *(
                    _with_interval(scores.estimate(split, "balanced_accuracy", network))
                    for split in (RANDOM, BY_MODULE)
                ),
            )
            for scores, classes in ((two, 2), (four, 4))
            for network, _ in by_cost(scores)
        ),
    )


def types_table(scores: Scores) -> Table:
    """A row for each network: the accuracy on monocrystalline and polycrystalline cells under both splits."""
    return Table(
        caption="Accuracy by type of cells, two classes, in per cent with 95 % intervals.",
        header=("network", *(f"{kind}, {split}" for kind in TYPES for split in (RANDOM, BY_MODULE))),
        rows=tuple(
            (
                network,
                *(
                    _with_interval(scores.types[kind][split][network])
                    for kind in TYPES
                    for split in (RANDOM, BY_MODULE)
                ),
            )
            for network, _ in by_cost(scores)
        ),
    )


def by_cost(scores: Scores) -> list[tuple[str, Mapping[str, float]]]:
    """The networks and their costs, the cheapest first."""
    return sorted(scores.costs.items(), key=lambda one: one[1]["multiply_accumulates"])


def _raised(scores: Scores, metric: str) -> str:
    """The networks whose score is shown to be higher with the random split, with their differences; empty if none."""
    differences = {network: scores.difference[network][metric] for network, _ in by_cost(scores)}
    shown = [f"{_points(one)} for {network}" for network, one in differences.items() if one.low > 0]
    return listed(shown) if shown else ""


def _with_interval(one: Estimate) -> str:
    return f"{percent(one.mean)} ({percent(one.low)} to {percent(one.high)})"


def _points(one: Estimate) -> str:
    """A difference in percentage points with its interval.

    >>> _points(Estimate("x", 0.0512, 0.1, -0.01, 0.1124))
    '+5.1 (−1.0 to +11.2)'
    """
    mean, low, high = (f"{100 * end:+.1f}".replace("-", "−") for end in (one.mean, one.low, one.high))
    return f"{mean} ({low} to {high})"


def _sizes(study: Study) -> dict[str, dict[str, str]]:
    """The numbers of cells in each part of both splits, as a range over the replicates."""
    sizes: dict[str, dict[str, str]] = {}
    for split, prepared in ((RANDOM, study.random), (BY_MODULE, study.modules)):
        sizes[split] = {}
        for name, part in (("train", TRAIN), ("validation", VALIDATION), ("test", TEST)):
            numbers = sorted({int((row == part).sum()) for row in prepared.splits})
            sizes[split][name] = " to ".join(count(number) for number in dict.fromkeys((numbers[0], numbers[-1])))
    return sizes


def _trainings(study: Study) -> list[tuple[float, ...]]:
    """The seconds of every network under every split; the baseline is no training."""
    return [
        tested.seconds
        for results in (study.two, study.four)
        for split in results.values()
        for name, tested in split.items()
        if name != BASELINE_LABEL
    ]
