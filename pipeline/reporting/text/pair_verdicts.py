"""The verdict on a pair of models as a sentence, and what is missing for a verdict."""

from collections.abc import Sequence

import numpy as np

from pipeline.evaluation.metrics import LOWER_IS_BETTER
from pipeline.reporting.content import metric_label
from pipeline.reporting.text.quantities import chance, confidence, count, interval, p_value, score
from pipeline.statistics.results import Certainty, Pair


def sentence(pair: Pair, certainty: Certainty) -> str:
    """Return the verdict on two models."""
    first, second = pair.first, pair.second
    if pair.verdict == "better":
        corrected = ", corrected for all pairs" if len(certainty.pairs) > 1 else ""
        return (
            f"{first} is better than {second}: {_difference(pair, certainty, owner='its')}, and it is "
            f"{_wins(pair)} ({p_value(pair.adjusted)}{corrected})."
        )
    if pair.verdict == "same":
        return f"{first} and {second} are practically the same: {_equivalence(pair, certainty)}."
    if not np.isfinite(pair.difference):
        return (
            f"{first} and {second} cannot be compared: the {metric_label(certainty.metric)} of a replicate is not a "
            "finite number."
        )
    difference = _difference(pair, certainty)
    return f"No verdict on {first} and {second}: {difference}. {_missing_for_pair(pair, certainty)}."


def independent_units(certainty: Certainty) -> str:
    """Return the number of independent units in the test set: images, or groups of images.

    Images without groups are their own groups.
    """
    if certainty.groups == certainty.images:
        return f"{count(certainty.images)} test images"
    return f"{count(certainty.groups)} groups of test images"


def _difference(pair: Pair, certainty: Certainty, owner: str = "") -> str:
    """How much higher or lower the first model scores than the second; `owner` replaces its name."""
    label = metric_label(certainty.metric)
    sign = -1 if certainty.metric in LOWER_IS_BETTER else 1
    low, high = sorted((sign * pair.low, sign * pair.high))
    ends = interval(low, high)
    brackets = f" ({confidence(certainty.level)} interval {ends})" if ends else ""
    if pair.difference == 0:
        return f"their mean {label} is the same{brackets}"
    size = abs(pair.difference)
    written = score(size) if size >= 0.0005 else "less than 0.001"
    subject = f"{owner} {label}" if owner else f"the {label} of {pair.first}"
    return f"{subject} is {written} {'lower' if sign < 0 else 'higher'}{brackets}"


def _wins(pair: Pair) -> str:
    return f"better in {pair.wins * pair.replicates:g} of {pair.replicates} replicates"


def _equivalence(pair: Pair, certainty: Certainty) -> str:
    difference = _difference(pair, certainty)
    if pair.equivalence >= certainty.level:
        probability = chance(pair.equivalence)
        return f"{difference}, and within the margin of {certainty.margin:g} with a probability of {probability}"
    return f"{difference}, which is statistically significant, but {pair.first} is only {_wins(pair)}"


def _hopeless(pair: Pair, certainty: Certainty) -> bool:
    """Whether no number of replicates would decide the pair; with one replicate, this is unknown."""
    return pair.verdict == "open" and pair.needed is None and certainty.replicates > 1


def _missing_for_pair(pair: Pair, certainty: Certainty) -> str:
    """What is needed for a verdict on the pair."""
    if _hopeless(pair, certainty):
        return f"More replicates would not help: {_limit(certainty, [pair])}"
    if certainty.lacks_groups:
        return f"{_few_groups(certainty)}. To call them practically the same, about {pair.needed} replicates are needed"
    if certainty.replicates >= certainty.fewest:
        return f"About {pair.needed} replicates would be needed"
    few = _least(certainty)
    return f"{few}, probably about {pair.needed}" if pair.needed and pair.needed > certainty.fewest else few


def missing(pairs: Sequence[Pair], certainty: Certainty) -> list[str]:
    """What is needed for verdicts on all of the pairs."""
    undecided = [pair for pair in pairs if pair.verdict == "open"]
    needed = [pair.needed for pair in undecided if pair.needed is not None]
    hopeless = [pair for pair in undecided if _hopeless(pair, certainty)]
    few = too_few(pairs, certainty)
    parts = [f"{few}."] if few else []
    if needed and not (few and max(needed) <= certainty.fewest):
        decided = f"{len(needed)} of {len(undecided)} pairs" if hopeless else "the question"
        parts.append(f"About {max(needed)} replicates would probably decide {decided}{_only_same(certainty)}.")
    if hopeless:
        effect = "decide the others" if needed else "help"
        parts.append(f"More replicates would not {effect}: {_limit(certainty, undecided)}.")
    elif undecided and certainty.lacks_groups:
        parts.append(f"{_few_groups(certainty)}.")
    return parts


def too_few(pairs: Sequence[Pair], certainty: Certainty) -> str:
    """How many replicates a test needs, if some of the pairs lack them; else empty."""
    undecided = any(pair.verdict == "open" and not _hopeless(pair, certainty) for pair in pairs)
    return _least(certainty) if undecided and certainty.replicates < certainty.fewest else ""


def _least(certainty: Certainty) -> str:
    replicates = "one replicate" if certainty.replicates == 1 else f"{certainty.replicates} replicates"
    return f"With {replicates} no test can show a difference: at least {certainty.fewest} are needed"


def _few_groups(certainty: Certainty) -> str:
    return (
        f"With {independent_units(certainty)} no test can show a difference; at least {certainty.fewest_groups} are "
        "needed to call a model better"
    )


def _only_same(certainty: Certainty) -> str:
    return ", but only as practically the same" if certainty.lacks_groups else ""


def _limit(certainty: Certainty, undecided: Sequence[Pair]) -> str:
    """Why more replicates do not help."""
    if all(np.isnan(pair.low) for pair in undecided):
        return (
            "the test set lacks a class when one of its groups is left out, so the influence of that group cannot be "
            "estimated"
        )
    if certainty.lacks_groups:
        few = _few_groups(certainty)
        return f"{few[:1].lower()}{few[1:]}"
    if certainty.design in ("crossed", "folds"):
        return f"{independent_units(certainty)} are too few to detect a difference this small"
    if certainty.design == "redrawn":
        return "the replicates share too many images to detect a difference this small"
    return "the difference is too small compared with its spread over replicates"
