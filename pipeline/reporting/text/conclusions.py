"""The conclusions of a comparison as sentences: the verdict on each pair, and which model to use.

Nothing is tested or counted here; the sentences state the results of `pipeline.statistics.analysis`. A model is
recommended if it is shown to be better, or if it is the cheapest of several that are practically the same.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from pipeline.evaluation.metrics import LOWER_IS_BETTER
from pipeline.reporting.content import metric_label
from pipeline.reporting.costs import price
from pipeline.reporting.text.quantities import chance, count, interval, listed, p_value, score, share
from pipeline.statistics.results import LEVEL, Certainty, Estimate, Pair


def sentence(pair: Pair, certainty: Certainty) -> str:
    """Return the verdict on two models."""
    first, second = pair.first, pair.second
    if pair.verdict == "better":
        corrected = ", corrected for all pairs" if len(certainty.pairs) > 1 else ""
        return (
            f"{first} is better than {second}: {_difference(pair, certainty.metric, owner='its')}, and it is "
            f"{_wins(pair, certainty.replicates)} ({p_value(pair.adjusted)}{corrected})."
        )
    if pair.verdict == "same":
        return f"{first} and {second} are practically the same: {_equivalence(pair, certainty)}."
    if not np.isfinite(pair.difference):
        return (
            f"{first} and {second} cannot be compared: the {metric_label(certainty.metric)} of a replicate is not a "
            "finite number."
        )
    difference = _difference(pair, certainty.metric)
    return f"No verdict on {first} and {second}: {difference}. {_missing_for_pair(pair, certainty)}."


def answer(certainty: Certainty, costs: Mapping[str, float]) -> str:
    """Return which model to use, as far as the statistics show it.

    Args:
        certainty: the estimates and the pairs.
        costs: multiply–accumulates per image by model; models may be missing.
    """
    label = metric_label(certainty.metric)
    if not certainty.estimates:
        return "No model predicts the class of an image, so there is nothing to compare."
    finite = {one.model: one for one in certainty.estimates if np.isfinite(one.mean)}
    if not finite:
        return f"No model has a finite {label} in every replicate, so none can be recommended."
    excluded = [one.model for one in certainty.estimates if one.model not in finite]
    return " ".join(_conclusion(finite, certainty, costs)) + _exclusion(excluded, label)


def independent_units(certainty: Certainty) -> str:
    """Return the number of independent units in the test set: images, or groups of images.

    Images without groups are their own groups.
    """
    if certainty.groups == certainty.images:
        return f"{count(certainty.images)} test images"
    return f"{count(certainty.groups)} groups of test images"


def _conclusion(finite: Mapping[str, Estimate], certainty: Certainty, costs: Mapping[str, float]) -> list[str]:
    """The sentences of the answer for the models with a finite mean, best mean first."""
    label = metric_label(certainty.metric)
    if len(finite) == 1:
        (only,) = finite.values()
        return [f"There is only one model to choose: {only.model} {_estimate(only, label)}."]
    unbeaten = [model for model in certainty.unbeaten if model in finite]
    if len(unbeaten) == 1:
        return _winner(unbeaten[0], finite, certainty, costs)
    pairs = [certainty.pair(one, other) for index, one in enumerate(unbeaten) for other in unbeaten[:index]]
    if all(pair.verdict == "same" for pair in pairs):
        return _equivalents(unbeaten, pairs, len(finite), costs, certainty)
    means = [finite[model].mean for model in unbeaten]
    beaten = _others(finite, unbeaten)
    models = listed(unbeaten) if beaten or len(unbeaten) < 4 else f"the {len(unbeaten)} models"
    return [
        f"No clear winner {'between' if len(unbeaten) == 2 else 'among'} {models} "
        f"({label} {score(min(means))}–{score(max(means))}).",
        *([f"Ruled out, because another model is better: {listed(beaten)}."] if beaten else []),
        *(f"{part}." for part in _missing_for_all(pairs, certainty)),
        *_saving(unbeaten, costs),
    ]


def _exclusion(models: Sequence[str], label: str) -> str:
    if not models:
        return ""
    return f" Excluded, because their {label} is not finite in every replicate: {listed(models)}."


def _difference(pair: Pair, metric: str, owner: str = "") -> str:
    """How much higher or lower the first model scores than the second; `owner` replaces its name."""
    label = metric_label(metric)
    sign = -1 if metric in LOWER_IS_BETTER else 1
    low, high = sorted((sign * pair.low, sign * pair.high))
    ends = interval(low, high)
    brackets = f" ({share(LEVEL)} interval {ends})" if ends else ""
    if pair.difference == 0:
        return f"their mean {label} is the same{brackets}"
    size = abs(pair.difference)
    written = score(size) if size >= 0.0005 else "less than 0.001"
    subject = f"{owner} {label}" if owner else f"the {label} of {pair.first}"
    return f"{subject} is {written} {'lower' if sign < 0 else 'higher'}{brackets}"


def _wins(pair: Pair, replicates: int) -> str:
    return f"better in {pair.wins * replicates:g} of {replicates} replicates"


def _equivalence(pair: Pair, certainty: Certainty) -> str:
    difference = _difference(pair, certainty.metric)
    if pair.equivalence >= LEVEL:
        probability = chance(pair.equivalence)
        return f"{difference}, and within the margin of {certainty.margin:g} with a probability of {probability}"
    return (
        f"{difference}, which is statistically significant, but {pair.first} is only "
        f"{_wins(pair, certainty.replicates)}"
    )


def _hopeless(pair: Pair, certainty: Certainty) -> bool:
    """Whether no number of replicates would decide the pair; with one replicate, this is unknown."""
    return pair.verdict == "open" and pair.needed is None and certainty.replicates > 1


def _missing_for_pair(pair: Pair, certainty: Certainty) -> str:
    """What is needed for a verdict on the pair."""
    if _hopeless(pair, certainty):
        return f"More replicates would not help: {_limit(certainty, [pair])}"
    if certainty.replicates >= certainty.fewest:
        return f"About {pair.needed} replicates would be needed"
    few = _too_few(certainty)
    return f"{few}, probably about {pair.needed}" if pair.needed and pair.needed > certainty.fewest else few


def _missing_for_all(pairs: Sequence[Pair], certainty: Certainty) -> list[str]:
    """What is needed for verdicts on all of the pairs."""
    undecided = [pair for pair in pairs if pair.verdict == "open"]
    needed = [pair.needed for pair in undecided if pair.needed is not None]
    hopeless = [pair for pair in undecided if _hopeless(pair, certainty)]
    few = certainty.replicates < certainty.fewest and len(hopeless) < len(undecided)
    parts = [_too_few(certainty)] if few else []
    if needed and not (few and max(needed) <= certainty.fewest):
        decided = f"{len(needed)} of {len(undecided)} pairs" if hopeless else "the question"
        parts.append(f"About {max(needed)} replicates would probably decide {decided}")
    if hopeless:
        effect = "decide the others" if needed else "help"
        parts.append(f"More replicates would not {effect}: {_limit(certainty, undecided)}")
    return parts


def _too_few(certainty: Certainty) -> str:
    replicates = "one replicate" if certainty.replicates == 1 else f"{certainty.replicates} replicates"
    return f"With {replicates} no test can show a difference: at least {certainty.fewest} are needed"


def _limit(certainty: Certainty, undecided: Sequence[Pair]) -> str:
    """Why more replicates do not help."""
    if all(np.isnan(pair.low) for pair in undecided):
        return (
            "the test set lacks a class when one of its groups is left out, so the influence of that group cannot be "
            "estimated"
        )
    if certainty.design == "crossed":
        return f"{independent_units(certainty)} are too few to detect a difference this small"
    if certainty.design == "redrawn":
        return "the replicates share too many images to detect a difference this small"
    return "the difference is too small compared with its spread over replicates"


def _estimate(estimate: Estimate, label: str) -> str:
    ends = interval(estimate.low, estimate.high)
    return f"({label} {score(estimate.mean)}{f', {share(LEVEL)} interval {ends}' if ends else ''})"


def _others(finite: Mapping[str, Estimate], models: Sequence[str]) -> list[str]:
    return [model for model in finite if model not in models]


def _cheapest(models: Sequence[str], costs: Mapping[str, float]) -> str | None:
    """The cheapest model, None if a cost is unknown or if two models share the lowest."""
    if not all(model in costs for model in models):
        return None
    least, next_least = sorted(models, key=lambda model: costs[model])[:2]
    return least if costs[least] < costs[next_least] else None


def _saving(unbeaten: Sequence[str], costs: Mapping[str, float]) -> list[str]:
    """The case for the cheapest of several models, best mean first, none of which is shown to be better."""
    cheapest = _cheapest(unbeaten, costs)
    if cheapest is None:
        return []
    if cheapest == unbeaten[0]:
        return [
            f"There is no evidence that a more expensive model than {cheapest} ({price(costs[cheapest])}) is worth it."
        ]
    return [
        f"{cheapest} is the cheapest of them ({price(costs[cheapest])}).",
        f"{unbeaten[0]} has the best mean, but is not shown to be better.",
    ]


def _winner(best: str, finite: Mapping[str, Estimate], certainty: Certainty, costs: Mapping[str, float]) -> list[str]:
    pairs = {model: certainty.pair(best, model) for model in _others(finite, [best])}
    beaten = [model for model, pair in pairs.items() if pair.verdict == "better"]
    rest = [model for model in pairs if model not in beaten]
    start = f"Use {best} {_estimate(finite[best], metric_label(certainty.metric))}."
    cost = [f"It takes {price(costs[best])}."] if best in costs else []
    if rest:
        # Each pair is judged by its own spread, so a third model may beat a model that the best one does not beat.
        return [
            start,
            f"It is better than {listed(beaten)}.",
            f"It is not shown to be better than {listed(rest, last='or')}, but another model is.",
            *cost,
        ]
    return [start, _lead(list(pairs.values())), *cost]


def _lead(pairs: Sequence[Pair]) -> str:
    """How far the best model is ahead of all others."""
    closest = min(pairs, key=lambda pair: abs(pair.difference))
    ends = interval(*sorted(abs(end) for end in (closest.low, closest.high)))
    by = f"{score(abs(closest.difference))}{f' ({ends})' if ends else ''}"
    if len(pairs) == 1:
        return f"It is better than {closest.second} by {by}."
    return f"It is better than each of the other {len(pairs)} models, and leads the closest, {closest.second}, by {by}."


def _equivalents(
    models: Sequence[str], pairs: Iterable[Pair], finite: int, costs: Mapping[str, float], certainty: Certainty
) -> list[str]:
    reason = (
        f" (margin {certainty.margin:g})"
        if all(pair.equivalence >= LEVEL for pair in pairs)
        else "; where one of them is ahead, it is ahead too rarely to matter"
    )
    same = f"{listed(models)} are practically the same in {metric_label(certainty.metric)}{reason}."
    rest = ["No other model is better than one of them."] if len(models) < finite else []
    cheapest = _cheapest(models, costs)
    if cheapest is None:
        return [f"Use {listed(models, last='or')}.", same, *rest]
    return [f"Use {cheapest}, the cheapest of these models ({price(costs[cheapest])}).", same, *rest]
