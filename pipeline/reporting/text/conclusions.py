"""The conclusion of a comparison as sentences: which model to use, how sure that is and what it costs.

Nothing is tested or counted here; the sentences state the results of `pipeline.statistics.analysis`. The recommended
model is unbeaten: no other model is shown to be better. Of the unbeaten models it is the one with the best mean, or the
cheapest of those that are practically the same as that one or whose mean is within the margin of its mean. A model
whose mean is far below is not recommended only because its scores vary too much for a verdict. No model is recommended
while no pair has a verdict, or while a baseline is unbeaten.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from pipeline.reporting.content import metric_label
from pipeline.reporting.costs import DECISIVE, price
from pipeline.reporting.text.pair_verdicts import missing, too_few
from pipeline.reporting.text.quantities import confidence, interval, listed, score, share
from pipeline.statistics.results import LEVEL, Certainty, Estimate, Pair

NONE: Mapping[str, str] = MappingProxyType({})


class Conclusion(NamedTuple):
    """Which model to use.

    Attributes:
        answer: one sentence of at most 25 words.
        support: how sure the answer is, what it costs, and what is missing; one sentence each.
        model: the recommended model, None if there is none.
    """

    answer: str
    support: tuple[str, ...] = ()
    model: str | None = None


def answer(certainty: Certainty, costs: Mapping[str, float], *, baselines: Mapping[str, str] = NONE) -> str:
    """Return the conclusion as one text; arguments as for `conclusion`."""
    concluded = conclusion(certainty, costs, baselines=baselines)
    return " ".join((concluded.answer, *concluded.support))


def conclusion(certainty: Certainty, costs: Mapping[str, float], *, baselines: Mapping[str, str] = NONE) -> Conclusion:
    """Return which model to use, as far as the statistics show it.

    Args:
        certainty: the estimates and the pairs.
        costs: multiply–accumulates per image by model; models may be missing.
        baselines: what each baseline does, by name; a useful model has to beat all of them.
    """
    label = metric_label(certainty.metric)
    if not certainty.estimates:
        return Conclusion("No model predicts the class of an image, so there is nothing to compare.")
    finite = {one.model: one for one in certainty.estimates if np.isfinite(one.mean)}
    if not finite:
        return Conclusion(f"No model has a finite {label} in every replicate, so none can be recommended.")
    networks = {one.model for one in certainty.estimates} - set(baselines)
    if networks and not networks & finite.keys():
        concluded = Conclusion(f"No network has a finite {label} in every replicate, so none can be recommended.")
    else:
        concluded = _conclusion(finite, certainty, costs, baselines)
    excluded = [one.model for one in certainty.estimates if one.model not in finite]
    if not excluded:
        return concluded
    reason = f"Excluded, because their {label} is not finite in every replicate: {listed(excluded)}."
    return concluded._replace(support=(*concluded.support, reason))


def _conclusion(
    finite: Mapping[str, Estimate], certainty: Certainty, costs: Mapping[str, float], baselines: Mapping[str, str]
) -> Conclusion:
    """The conclusion on the models with a finite mean, best mean first."""
    if len(finite) == 1:
        (only,) = finite
        return Conclusion(f"There is only one model to choose: {only}.", (_estimate(finite[only], certainty),), only)
    unbeaten = [model for model in certainty.unbeaten if model in finite]
    pairs = [certainty.pair(one, other) for index, one in enumerate(unbeaten) for other in unbeaten[:index]]
    undecided = all(pair.verdict == "open" for pair in certainty.pairs if {pair.first, pair.second} <= finite.keys())
    if undecided and (few := too_few(pairs, certainty)):
        return Conclusion(f"No verdict yet: {few[:1].lower()}{few[1:]}.", tuple(missing(pairs, certainty)[1:]))
    if level := [model for model in unbeaten if model in baselines]:
        # The worst of them is the strongest statement.
        best = "" if finite.keys() <= set(baselines) else _lead(unbeaten, finite, certainty, baselines)
        return Conclusion(
            f"Use none of these models: none is shown to be better than {baselines[level[-1]]}.",
            tuple(filter(None, (best, *missing(pairs, certainty)))),
        )
    if len(unbeaten) == 1:
        return _winner(unbeaten[0], finite, certainty, costs)
    if all(pair.verdict == "same" for pair in pairs):
        return _equivalents(unbeaten, pairs, finite, costs, certainty)
    if undecided:
        return _undecided(unbeaten, pairs, finite, costs, certainty)
    return _candidates(unbeaten, pairs, finite, costs, certainty)


def _estimate(estimate: Estimate, certainty: Certainty) -> str:
    ends = interval(estimate.low, estimate.high)
    return (
        f"The {metric_label(certainty.metric)} of {estimate.model} is {score(estimate.mean)}"
        f"{f' ({confidence(certainty.level)} interval {ends})' if ends else ''}."
    )


def _cheapest(models: Sequence[str], costs: Mapping[str, float]) -> list[str]:
    """The cheapest models; all models if a cost is unknown."""
    if not all(model in costs for model in models):
        return list(models)
    least = min(costs[model] for model in models)
    return [model for model in models if costs[model] == least]


def _best_mean(models: Sequence[str], finite: Mapping[str, Estimate], certainty: Certainty) -> str:
    best = models[0]
    return (
        f"{best} has the best mean {metric_label(certainty.metric)} ({score(finite[best].mean)}), but is not shown to "
        "be better."
    )


def _lead(
    unbeaten: Sequence[str], finite: Mapping[str, Estimate], certainty: Certainty, baselines: Mapping[str, str]
) -> str:
    """The model with the best mean and its verdicts; those of a baseline on the networks only."""
    best = unbeaten[0]
    others = [model for model in finite if model != best and not (best in baselines and model in baselines)]
    beaten = [model for model in others if certainty.pair(best, model).verdict == "better"]
    rest = [model for model in others if model not in beaten]
    if not beaten:
        return _best_mean(unbeaten, finite, certainty)
    mean = f"{metric_label(certainty.metric)} ({score(finite[best].mean)})"
    limit = f", but is not shown to be better than {listed(rest, last='or')}" if rest else ""
    return f"{best} has the best mean {mean} and is better than {listed(beaten)}{limit}."


def _winner(best: str, finite: Mapping[str, Estimate], certainty: Certainty, costs: Mapping[str, float]) -> Conclusion:
    """The conclusion if every other model is beaten."""
    pairs = {model: certainty.pair(best, model) for model in finite if model != best}
    beaten = [model for model, pair in pairs.items() if pair.verdict == "better"]
    rest = [model for model in pairs if model not in beaten]
    label, mean = metric_label(certainty.metric), score(finite[best].mean)
    cost = (f"It takes {price(costs[best])}.",) if best in costs else ()
    if rest:
        # Each pair is judged by its own spread, so a third model may beat a model that the best one does not beat.
        return Conclusion(
            f"Use {best} ({label} {mean}): no model is shown to be better.",
            (
                f"It is better than {listed(beaten)}." if beaten else _estimate(finite[best], certainty),
                f"It is not shown to be better than {listed(rest, last='or')}, but another model is.",
                *cost,
            ),
            best,
        )
    others = beaten[0] if len(beaten) == 1 else f"each of the {len(beaten)} other models"
    closest = min(pairs.values(), key=lambda pair: abs(pair.difference))
    ends = interval(*sorted(abs(end) for end in (closest.low, closest.high)))
    brackets = f" ({confidence(certainty.level)} interval {ends})" if ends else ""
    rival = f"the closest model, {closest.second}," if len(beaten) > 1 else closest.second
    return Conclusion(
        f"Use {best}: its {label}, {mean}, is better than that of {others}.",
        (
            f"It leads {rival} by {score(abs(closest.difference))}{brackets}.",
            _error_rate(),
            *cost,
        ),
        best,
    )


def _equivalents(
    models: Sequence[str],
    pairs: Iterable[Pair],
    finite: Mapping[str, Estimate],
    costs: Mapping[str, float],
    certainty: Certainty,
) -> Conclusion:
    """The conclusion if no model beats these, which are practically the same."""
    reason = (
        f" (margin {certainty.margin:g})"
        if all(pair.equivalence >= certainty.level for pair in pairs)
        else "; where one of them is ahead, it is ahead too rarely to matter"
    )
    support = [f"{listed(models)} are practically the same in {metric_label(certainty.metric)}{reason}."]
    support += ["No other model is better than one of them."] if len(models) < len(finite) else []
    cheapest = _cheapest(models, costs)
    if len(cheapest) > 1:
        return Conclusion(f"Use {_choice(cheapest)}: they are practically the same.", tuple(support))
    (use,) = cheapest
    return Conclusion(
        f"Use {use} ({_amount(use, costs)}), the cheapest of {len(models)} models that are practically the same.",
        (*support, _estimate(finite[use], certainty)),
        use,
    )


def _undecided(
    models: Sequence[str],
    pairs: Sequence[Pair],
    finite: Mapping[str, Estimate],
    costs: Mapping[str, float],
    certainty: Certainty,
) -> Conclusion:
    """The conclusion if there is no verdict on any pair."""
    none = f"neither {models[0]} nor {models[1]}" if len(models) == 2 else f"none of the {len(models)} models"
    cheapest = _cheapest(models, costs)
    cost = f"; {cheapest[0]} is the cheapest ({_amount(cheapest[0], costs)})" if len(cheapest) == 1 else ""
    means = sorted(finite[model].mean for model in models)
    return Conclusion(
        f"No clear winner: {none} is shown to be better{cost}.",
        (
            f"Mean {metric_label(certainty.metric)}: {score(means[0])} to {score(means[-1])}.",
            *missing(pairs, certainty),
        ),
    )


def _candidates(
    models: Sequence[str],
    pairs: Sequence[Pair],
    finite: Mapping[str, Estimate],
    costs: Mapping[str, float],
    certainty: Certainty,
) -> Conclusion:
    """The conclusion if no model beats these, some pairs of them are undecided, and there are other verdicts.

    `models` are in the order of their means, best first.
    """
    beaten = [model for model in finite if model not in models]
    best, label = models[0], metric_label(certainty.metric)
    close = [best, *(model for model in models[1:] if _close(certainty.pair(best, model), certainty.margin))]
    open_ones = [model for model in models if model not in close]
    rest = (
        *((f"Not ruled out, but with a lower mean {label}: {listed(open_ones)}.",) if open_ones else ()),
        *((f"Ruled out, because another model is better: {listed(beaten)}.",) if beaten else ()),
        *missing(pairs, certainty),
    )
    cheapest = _cheapest(close, costs)
    if len(cheapest) > 1:
        return Conclusion(
            f"Use {_choice(cheapest)}: no model is shown to be better.", (_best_mean(models, finite, certainty), *rest)
        )
    (use,) = cheapest
    others = [model for model in close if model != use]
    estimate = _estimate(finite[use], certainty)
    if not others:
        cost = (f"It takes {price(costs[use])}.",) if use in costs else ()
        answered = f"Use {use} ({label} {score(finite[use].mean)}): no model is shown to be better."
        return Conclusion(answered, (estimate, *cost, *rest), use)
    more = f"{listed(others)} {'costs' if len(others) == 1 else 'cost'}" if len(others) < 3 else "the others cost"
    ahead = () if use == best else (_best_mean(models, finite, certainty),)
    return Conclusion(
        f"Use {use} ({_amount(use, costs)}): no model is shown to be better, and {more} more.",
        (estimate, *ahead, *_same_as(use, others, certainty), *rest),
        use,
    )


def _close(pair: Pair, margin: float) -> bool:
    """Whether a model is as good as the one with the best mean, as far as a choice by cost is concerned."""
    return pair.verdict == "same" or abs(pair.difference) <= margin


def _same_as(use: str, others: Sequence[str], certainty: Certainty) -> tuple[str, ...]:
    same = [model for model in others if certainty.pair(use, model).verdict == "same"]
    return (f"{listed(same)} {'is' if len(same) == 1 else 'are'} practically the same.",) if same else ()


def _choice(models: Sequence[str]) -> str:
    """The names of a few models, or the number of many."""
    return listed(models, last="or") if len(models) < 5 else f"any of {len(models)} models"


def _amount(model: str, costs: Mapping[str, float]) -> str:
    return f"{DECISIVE.write(costs[model])} {DECISIVE.label}"


def _error_rate() -> str:
    return (
        f"When models are equal, about {share(1 - LEVEL)} of such comparisons or fewer call one of them better "
        "(measured by simulation: reports/certainty)."
    )
