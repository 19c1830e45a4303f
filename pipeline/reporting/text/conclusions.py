"""The verdicts in words: what is known of two models, and which of all of them to use.

Nothing here tests or counts: the words say what `pipeline.statistics.analysis` found, and no more than that. A model
is recommended where it is proved better, or where it is the cheapest of some that are proved practically the same.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from pipeline.evaluation.metrics import LOWER_IS_BETTER
from pipeline.reporting.content import metric_label
from pipeline.reporting.text.quantities import chance, count, interval, listed, magnitude, p_value, score, share
from pipeline.statistics.results import LEVEL, Certainty, Estimate, Pair


def sentence(pair: Pair, certainty: Certainty) -> str:
    """What is known of two models, in one sentence."""
    first, second = pair.first, pair.second
    if pair.verdict == "better":
        return (
            f"{first} is better than {second}: {_difference(pair, certainty.metric)}, "
            f"{_wins(pair, certainty.replicates)} ({p_value(pair.adjusted)}, corrected for all pairs)."
        )
    if pair.verdict == "same":
        return f"{first} and {second} are practically the same: {_sameness(pair, certainty)}."
    if not np.isfinite(pair.difference):
        return (
            f"It cannot be told whether {first} or {second} is better: "
            f"the {metric_label(certainty.metric)} of a replicate is not a number."
        )
    return (
        f"It cannot be told {'' if _hopeless(pair, certainty) else 'yet '}whether {first} is better than {second}: "
        f"{_difference(pair, certainty.metric)}; {_what_it_takes(pair, certainty)}."
    )


def answer(certainty: Certainty, costs: Mapping[str, float]) -> str:
    """Which model to use, as far as that is known, in one or two sentences.

    `costs` are the multiply–accumulates of one image by model; a model may lack them.
    """
    label = metric_label(certainty.metric)
    judged = {one.model: one for one in certainty.estimates if np.isfinite(one.mean)}
    lost = [one.model for one in certainty.estimates if one.model not in judged]
    if not certainty.estimates:
        return "No model was asked for the class of an image, so there is nothing to compare."
    if not judged:
        return f"No model has a finite {label} in every replicate, so none can be recommended."
    unjudged = f" Nothing can be said of {listed(lost)}, without a finite {label} in every replicate." if lost else ""
    if len(judged) == 1:
        (only,) = judged.values()
        return f"There is no choice to make: only {only.model} was judged {_estimate(only, label)}.{unjudged}"
    unbeaten = [model for model in certainty.unbeaten if model in judged]
    if len(unbeaten) == 1:
        return _winner(unbeaten[0], judged, certainty, costs) + unjudged
    pairs = [certainty.pair(one, other) for place, one in enumerate(unbeaten) for other in unbeaten[:place]]
    if all(pair.verdict == "same" for pair in pairs):
        return _equals(unbeaten, len(judged), costs, certainty) + unjudged
    cheapest = _cheapest(unbeaten, costs)
    beaten = len(judged) - len(unbeaten)
    which = listed(unbeaten) if beaten or len(unbeaten) < 4 else f"the {len(unbeaten)} models"
    rest = f" (others are better than {listed(_others(judged, unbeaten))})" if beaten else ""
    means = [judged[model].mean for model in unbeaten]
    cost = _saving(cheapest, unbeaten, costs)
    return (
        f"It cannot be told {'yet ' if not all(_hopeless(pair, certainty) for pair in pairs) else ''}which of {which} "
        f"has the {'better' if len(unbeaten) == 2 else 'best'} {label}{rest}, "
        f"with means from {score(min(means))} to {score(max(means))}: "
        f"{_what_all_take(pairs, certainty)}.{cost}{unjudged}"
    )


def _units(certainty: Certainty) -> str:
    """What the test set is a sample of, and how many there are: images, or groups of them."""
    if certainty.groups == certainty.images:
        return f"images ({count(certainty.images)})"
    return f"groups of images ({count(certainty.groups)})"


def _difference(pair: Pair, metric: str) -> str:
    """How far apart two models are, first against second, written so that the first number is not below zero."""
    label = metric_label(metric)
    sign = -1 if metric in LOWER_IS_BETTER else 1
    low, high = sorted((sign * pair.low, sign * pair.high))
    ends = interval(low, high)
    brackets = f" ({share(LEVEL)} interval {ends})" if ends else ""
    if pair.difference == 0:
        return f"{label} is the same on average{brackets}"
    size = abs(pair.difference)
    written = score(size) if size >= 0.0005 else "less than 0.001"
    return f"{label} {written} {'lower' if sign < 0 else 'higher'}{brackets}"


def _wins(pair: Pair, replicates: int) -> str:
    return f"better in {pair.wins * replicates:g} of {replicates} replicates"


def _sameness(pair: Pair, certainty: Certainty) -> str:
    apart = _difference(pair, certainty.metric) + ("" if pair.difference == 0 else f" for {pair.first}")
    if pair.equivalence >= LEVEL:
        return f"{apart}, within the margin of {certainty.margin:g} with a probability of {chance(pair.equivalence)}"
    return f"{apart}, which is not by chance, but {pair.first} is {_wins(pair, certainty.replicates)} only"


def _hopeless(pair: Pair, certainty: Certainty) -> bool:
    """Whether the pair stays open however many replicates there are; of one replicate nobody knows."""
    return pair.verdict == "open" and pair.needed is None and certainty.replicates > 1


def _what_it_takes(pair: Pair, certainty: Certainty) -> str:
    """What would have to be done for a verdict."""
    if _hopeless(pair, certainty):
        return f"no number of replicates would tell: {_limit(certainty, [pair])}"
    if certainty.replicates < certainty.fewest:
        few = f"with {_replicates(certainty.replicates)} no test can, at least {certainty.fewest} are needed"
        return f"{few}, probably about {pair.needed}" if pair.needed and pair.needed > certainty.fewest else few
    return f"about {pair.needed} replicates would be needed"


def _what_all_take(pairs: Sequence[Pair], certainty: Certainty) -> str:
    """What would have to be done so that none of the pairs is open."""
    undecided = [pair for pair in pairs if pair.verdict == "open"]
    needed = [pair.needed for pair in undecided if pair.needed is not None]
    hopeless = sum(_hopeless(pair, certainty) for pair in undecided)
    few = certainty.replicates < certainty.fewest and hopeless < len(undecided)
    parts = []
    if few:
        parts.append(
            f"with {_replicates(certainty.replicates)} no test can call one better, "
            f"at least {certainty.fewest} are needed"
        )
    if needed and not (few and max(needed) <= certainty.fewest):
        settled = f"{len(needed)} of {len(undecided)} pairs" if hopeless else "it"
        parts.append(f"about {max(needed)} replicates would probably settle {settled}")
    if hopeless:
        settled = "the others" if needed else "it"
        parts.append(f"no number of replicates would settle {settled}, because {_limit(certainty, undecided)}")
    return "; ".join(parts)


def _limit(certainty: Certainty, undecided: Sequence[Pair]) -> str:
    """Why more replicates do not help."""
    if all(np.isnan(pair.low) for pair in undecided):
        return "without one of its groups the test set lacks a class, so nobody knows how much hangs on that group"
    if certainty.design == "crossed":
        return f"the test set has too few {_units(certainty)} for a difference this small"
    if certainty.design == "redrawn":
        return "the training and test sets overlap too much between replicates for a difference this small"
    return "the difference is too small beside its spread over replicates"


def _replicates(number: int) -> str:
    return "one replicate" if number == 1 else f"{number} replicates"


def _estimate(estimate: Estimate, label: str) -> str:
    ends = interval(estimate.low, estimate.high)
    return f"({label} {score(estimate.mean)}{f', {share(LEVEL)} interval {ends}' if ends else ''})"


def _others(judged: Mapping[str, Estimate], named: Sequence[str]) -> list[str]:
    return [model for model in judged if model not in named]


def _cheapest(models: Sequence[str], costs: Mapping[str, float]) -> str | None:
    """The model of the fewest multiply–accumulates, where all are known and one alone has them."""
    if not all(model in costs for model in models):
        return None
    least, next_least = sorted(models, key=lambda model: costs[model])[:2]
    return least if costs[least] < costs[next_least] else None


def _saving(cheapest: str | None, unbeaten: Sequence[str], costs: Mapping[str, float]) -> str:
    """What is to be said for the cheapest of some models, best mean first, of which none is proved better."""
    if cheapest is None:
        return ""
    if cheapest == unbeaten[0]:
        return f" Nothing so far speaks for a dearer one than {cheapest} ({_price(cheapest, costs)})."
    looks = f"{unbeaten[0]} looks better so far, which is not proved"
    return f" {cheapest} is the cheapest of them ({_price(cheapest, costs)}); {looks}."


def _price(model: str, costs: Mapping[str, float]) -> str:
    return f"{magnitude(costs[model])} multiply–accumulates an image"


def _winner(best: str, judged: Mapping[str, Estimate], certainty: Certainty, costs: Mapping[str, float]) -> str:
    label = metric_label(certainty.metric)
    pairs = {model: certainty.pair(best, model) for model in _others(judged, [best])}
    proved = [model for model, pair in pairs.items() if pair.verdict == "better"]
    other = [model for model in pairs if model not in proved]
    cost = f" It takes {_price(best, costs)}." if best in costs else ""
    if other:
        # Possible, because each pair is judged by its own spread: others are beaten by somebody else.
        return (
            f"Use {best} {_estimate(judged[best], label)}: it is better than {listed(proved)}, and while "
            f"it is not proved better than {listed(other, last='or')}, another model is.{cost}"
        )
    than = f"than {proved[0]}" if len(proved) == 1 else f"than each of the other {len(proved)} models"
    return f"Use {best} {_estimate(judged[best], label)}: it is better {than}{_lead(pairs.values())}.{cost}"


def _lead(pairs: Iterable[Pair]) -> str:
    """By how much the first is better than the one that comes closest."""
    least, *several = sorted(pairs, key=lambda pair: abs(pair.difference))
    ends = interval(*sorted(abs(end) for end in (least.low, least.high)))
    by = f"by {score(abs(least.difference))}{f' ({ends})' if ends else ''}"
    return f", than {least.second}, the closest, {by}" if several else f", {by}"


def _equals(unbeaten: Sequence[str], judged: int, costs: Mapping[str, float], certainty: Certainty) -> str:
    pairs = [certainty.pair(one, other) for place, one in enumerate(unbeaten) for other in unbeaten[:place]]
    within = (
        f"(margin {certainty.margin:g})"
        if all(pair.equivalence >= LEVEL for pair in pairs)
        else "(where one is ahead, it is too seldom to matter)"
    )
    same = (
        f"{listed(unbeaten)} are practically the same in {metric_label(certainty.metric)} "
        f"{within}{'' if len(unbeaten) == judged else ', and no model is better than one of them'}"
    )
    cheapest = _cheapest(unbeaten, costs)
    if cheapest is None:
        return f"Use {listed(unbeaten, last='or')}: {same}."
    return f"Use {cheapest}: {same}, and it is the cheapest of them ({_price(cheapest, costs)})."
