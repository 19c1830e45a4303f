"""The statistical terms of a comparison, explained with their sources."""

from typing import NamedTuple

from pipeline.counts import number_of
from pipeline.reporting.text.pair_verdicts import independent_units
from pipeline.reporting.text.quantities import confidence
from pipeline.statistics.results import Certainty

_PAIRS = (
    "The same replicate of every model uses the same training, validation and test images, so differences are computed "
    "replicate by replicate. An easy or a hard split affects both models of a pair, and its effect cancels out "
    "(Bouthillier et al. 2021)."
)
_UNDECIDED = (
    "The data support neither verdict. This does not prove that the models are equal. The interval of a single pair is "
    "not corrected for the number of pairs, so it can exclude 0 although the pair is undecided. The number of "
    "replicates needed is an estimate: it assumes that the observed difference and its spread stay as they are."
)
_P = (
    "The probability that one model is better than the other when both are trained once more, estimated by the share "
    "of replicates in which it is; 0.5 means that neither is favoured (Bouthillier et al. 2021). Its interval is a "
    "bootstrap over replicates and, if they are known, test images (Owen 2007)."
)
_TIE = (
    "Models that share a letter form a set in which none is better than another (compact letter display, Piepho 2004). "
    "A model can belong to two sets: two models that both tie with it need not tie with each other."
)


DESIGNS = {
    "folds": (
        "Each repetition uses every group of images, except the tuning groups, as test images once, for networks that "
        "were not trained on it: many groups make small differences detectable. A locked test set has fewer groups, "
        "but no training uses them, so it suits the final test of one finished network."
    ),
    "crossed": (
        "All replicates are tested on the same locked test set, which no training uses, so it suits the final test of "
        "one finished network. Repeated folds test every group once per repetition, so they detect smaller "
        "differences, but no image stays out of all trainings."
    ),
}
"""The difference between repeated folds and a locked test set."""


class Explanation(NamedTuple):
    """A term of the report and its meaning."""

    term: str
    meaning: str


def explanations(certainty: Certainty) -> tuple[Explanation, ...]:
    """Return the terms that occur in the report of this comparison."""
    if not certainty.estimates:
        return ()
    terms = [
        *([Explanation("Which images are tested", _tested(certainty))] if certainty.design in DESIGNS else []),
        Explanation(f"{confidence(certainty.level)} interval", _interval(certainty)),
    ]
    if certainty.pairs:
        terms += [
            Explanation("Pairs", _PAIRS),
            Explanation("Better", _better(certainty)),
            Explanation("Practically the same", _equivalent(certainty)),
            Explanation("Undecided", _UNDECIDED),
            Explanation("P", _P),
            Explanation("Tie", _TIE),
        ]
    return tuple(terms)


def _tested(certainty: Certainty) -> str:
    if certainty.design == "folds" and certainty.replicates < certainty.fewest:
        tested = "is" if certainty.replicates == 1 else "are"
        incomplete = f"{certainty.replicates} of {certainty.fewest} folds {tested} tested"
        return f"{DESIGNS['folds']} Here no repetition is complete: {incomplete}."
    return DESIGNS[certainty.design]


def _interval(certainty: Certainty) -> str:
    if certainty.replicates < 2:
        single = "One replicate does not show how far another one would deviate from it"
        if certainty.design in ("redrawn", "replicates"):
            return f"{single}, so there is no interval."
        return (
            f"{single}. The interval accounts only for the choice of the {independent_units(certainty)}, so it is too "
            "narrow."
        )
    meaning = (
        f"If the whole comparison were repeated many times, about {confidence(certainty.level)} of such intervals "
        "would contain the true mean. "
    )
    if certainty.design == "crossed":
        grouped = certainty.groups < certainty.images
        return meaning + (
            f"The interval accounts for two sources of randomness: the {certainty.replicates} replicates of each model "
            f"(initial weights, draw of training images, order of batches) and the {independent_units(certainty)} that "
            f"all replicates share{' (images of one group count as one unit)' if grouped else ''}. The variance has a "
            "component for each source, and Student's t distribution accounts for the small numbers of both "
            "(Obuchowski & Rockette 1995; Hillis 2007). More replicates reduce the first component, but not the second."
        )
    if certainty.design == "folds":
        return meaning + (
            f"The interval accounts for two sources of randomness: the trainings of the {certainty.replicates} "
            f"replicates, and the choice of the {independent_units(certainty)}, each of which is tested once per "
            "repetition of the folds. The variance has a component for each source, and Student's t distribution "
            "accounts for the small numbers of both (Obuchowski & Rockette 1995; Hillis 2007). The second component is "
            "increased, because the folds share training images (Nadeau & Bengio 2003). Its factor, "
            "1 + 2/(k − 1) + 10/G for k folds and G groups, is this project's own: it was chosen by simulation "
            "(reports/certainty). More replicates reduce the first component, but not the second."
        )
    if certainty.design == "redrawn":
        return meaning + (
            f"Each of the {certainty.replicates} replicates has its own test images, but the replicates are not "
            "independent: they share training images, and one tests on images on which another was trained. The "
            "variance is therefore increased according to the share of test images (Nadeau & Bengio 2003)."
        )
    return meaning + (
        f"The interval accounts only for the {certainty.replicates} replicates, because the predictions for single "
        "images are not known. It holds only for these test images."
    )


def _better(certainty: Certainty) -> str:
    lowest = 2 / 2**certainty.replicates
    level = confidence(1 - certainty.level)
    rule = (
        f"Two tests must both be significant at the {level} level: Student's t test with the variance above, and the "
        "sign-flip test, which does not assume a normal distribution (Fisher 1935). "
        f"{_correction(len(certainty.pairs))} In addition, the better model must win often enough: the interval of P "
        "must extend beyond 0.75 (Bouthillier et al. 2021). "
    )
    if certainty.design == "folds":
        return rule + (
            "Here the sign-flip test flips the signs of the groups' contributions to the difference. It needs at least "
            f"{certainty.fewest} replicates, one repetition of all folds{_least_groups(certainty)}."
        )
    replicates = number_of(certainty.replicates, "replicate")
    if certainty.replicates < certainty.fewest:
        return rule + (
            f"With {replicates} the smallest possible p-value of the sign-flip test is "
            f"{lowest:.3g}, so no model can be called better. That takes at least {certainty.fewest} replicates."
        )
    return rule + (
        f"With {replicates} the smallest possible p-value of the sign-flip test is {lowest:.2g}; "
        f"with fewer than {certainty.fewest} replicates no model could be called better."
    )


def _least_groups(certainty: Certainty) -> str:
    if not certainty.fewest_groups:
        return ""
    few = ", so no model can be called better" if certainty.lacks_groups else ""
    return f", and at least {certainty.fewest_groups} groups of test images; there are {certainty.groups}{few}"


def _correction(pairs: int) -> str:
    if pairs == 1:
        return "There is one pair, so the p-value is not corrected."
    return (
        f"The p-values are corrected for the {pairs} pairs: the probability of any false alarm among them is at most "
        "5 % (Holm 1979)."
    )


def _equivalent(certainty: Certainty) -> str:
    return (
        f"With a probability of at least {confidence(certainty.level)} the difference lies within "
        f"±{certainty.margin:g}, the margin of this comparison (Benavoli et al. 2017). Two models also count as "
        "practically the same if their difference is significant but the better model wins too rarely to matter: the "
        "interval of P stays below 0.75. The margin is a choice, not a result; another margin can change this verdict."
    )
