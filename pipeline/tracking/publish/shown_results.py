"""The results of a comparison as short texts, which MLflow shows in columns of its run table.

MLflow shows metrics with all their digits and without their intervals, so the texts are tags.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence

from pipeline.data.audit import ORDER
from pipeline.data.audit.finding import Finding
from pipeline.reporting.content import Comparison, ModelResult
from pipeline.reporting.costs import COLUMNS
from pipeline.reporting.text.quantities import interval, mean, score
from pipeline.statistics.results import Certainty
from pipeline.tracking.names import COST, DATA_AUDIT, SCORE, VERDICT


def verdict(model: str, certainty: Certainty) -> str:
    """How a model compares with the others: how many it is better than, ties with and is worse than.

    It ties with the models that it is neither shown to be better nor worse than. Models whose score is not finite are
    not counted.
    """
    own = [pair for pair in certainty.pairs if model in (pair.first, pair.second)]
    pairs = [pair for pair in own if math.isfinite(pair.difference)]
    if any(one.model == model and not math.isfinite(one.mean) for one in certainty.estimates):
        return "score not finite"
    better = sum(pair.verdict == "better" and pair.first == model for pair in pairs)
    worse = sum(pair.verdict == "better" and pair.second == model for pair in pairs)
    numbers = {"better than": better, "ties with": len(pairs) - better - worse, "worse than": worse}
    return ", ".join(f"{words} {number}" for words, number in numbers.items() if number) or (
        "no other finite score" if own else "the only model"
    )


def score_text(model: ModelResult, comparison: Comparison) -> str:
    """The mean of the primary metric, with its interval if there is one."""
    ends = [interval(one.low, one.high) for one in comparison.certainty.estimates if one.model == model.name]
    written = score(mean(model.scores[comparison.primary_metric]))
    return f"{written} ({ends[0]})" if any(ends) else written


def result_tags(model: ModelResult, comparison: Comparison) -> dict[str, str]:
    """The tags of a model's run: its verdict, its score, its costs, and the number of findings about the images."""
    compared = model.other_target is None
    return {
        VERDICT: verdict(model.name, comparison.certainty) if compared else "not compared",
        SCORE: score_text(model, comparison),
        **{COST + cost.key: model.cost_text(cost) for cost in COLUMNS},
        **({} if comparison.findings is None else {DATA_AUDIT: numbers_by_severity(comparison.findings)}),
    }


def numbers_by_severity(findings: Sequence[Finding]) -> str:
    """How many findings of the audit have each severity.

    >>> numbers_by_severity([])
    'no findings'
    """
    numbers = Counter(finding.severity for finding in findings)
    return ", ".join(f"{name} {numbers[name]}" for name in ORDER if numbers[name]) or "no findings"


def short_names(settings: Sequence[str]) -> dict[str, str]:
    """Names of settings for narrow columns: without `model.` and `options.`, unless two would have the same name.

    >>> short_names(["model.architecture", "model.options.units", "training.epochs"])
    {'model.architecture': 'architecture', 'model.options.units': 'units', 'training.epochs': 'training.epochs'}
    """
    short = {name: re.sub(r"^model\.(options\.)?", "", name) for name in settings}
    uses = Counter(short.values())
    return {name: own if uses[own] == 1 else name for name, own in short.items()}
