"""The statistics of a comparison in plain words, each with where it comes from."""

from typing import NamedTuple

from pipeline.reporting.text.quantities import count, share
from pipeline.statistics.results import LEVEL, Certainty

_PAIRS = (
    "The same replicate of every model was trained, validated and tested on the same images, so differences are taken "
    "replicate by replicate: what an easy or a hard draw does to both cancels out (Bouthillier et al. 2021)."
)


class Explanation(NamedTuple):
    """A term that the report uses, and what it means there."""

    term: str
    meaning: str


def explanations(certainty: Certainty) -> tuple[Explanation, ...]:
    """What the reader of this comparison has to know; of what there is none, nothing is said."""
    told = [Explanation(f"{share(LEVEL)} interval", _interval(certainty))] if certainty.estimates else []
    if certainty.pairs:
        told += [
            Explanation("Pairs", _PAIRS),
            Explanation("Better", _better(certainty)),
            Explanation("Practically the same", _same(certainty)),
            Explanation(
                "Cannot be told yet",
                "Neither is shown, which is no proof that both are alike. The interval of a single pair, which is "
                "corrected for nothing, may leave out 0 all the same. The number of replicates that would be "
                "needed is a guess: it takes the difference and its spread as they were seen.",
            ),
            Explanation(
                "P",
                "The probability that the one model is the better one when both are trained once more, estimated by "
                "the share of replicates in which it is; 0.5 is a toss-up (Bouthillier et al. 2021). Its interval "
                "comes from drawing replicates, and test images where they are known, again and again (bootstrap, Owen "
                "2007).",
            ),
            Explanation(
                "Tie",
                "Models that share a letter are a set of which none is better than another (compact letter display, "
                "Piepho 2004). A model may belong to two such sets: a tie with each of two others does not make these "
                "a tie.",
            ),
        ]
    return tuple(told)


def _interval(certainty: Certainty) -> str:
    if certainty.replicates < 2:
        few = "Of one replicate nobody knows how far another would be from it. "
        if certainty.design != "crossed":
            return few + "So there is no interval."
        return few + (f"The interval leaves only the {_units(certainty)} to chance, so it is too narrow.")
    meaning = (
        f"If all of this were done again and again, about {share(LEVEL)} of such intervals would hold the value that "
        "more and more of it would lead to. "
    )
    if certainty.design == "crossed":
        return meaning + (
            f"Two things are left to chance: the {certainty.replicates} replicates of each model (initial weights, "
            f"draw of training images, order of batches) and the {_units(certainty)} that all of them answer for"
            f"{'' if certainty.groups == certainty.images else ' (images that belong together count as one)'}. "
            "The variance has a part for each, and "
            "Student's t allows for how few there are of either (Obuchowski & Rockette 1995; Hillis 2007). More "
            "replicates make the first part smaller, and never the second."
        )
    if certainty.design == "redrawn":
        return meaning + (
            f"Each of the {certainty.replicates} replicates has test images of its own, but trainings share images and "
            "one replicate tests what another was trained on, so they are not independent; the variance is enlarged "
            "by the share of tested images (Nadeau & Bengio 2003)."
        )
    return meaning + (
        f"Only the {certainty.replicates} replicates are left to chance here, since nothing is known of single "
        "images: what is said holds for these test images and no others."
    )


def _units(certainty: Certainty) -> str:
    if certainty.groups == certainty.images:
        return f"{count(certainty.images)} test images"
    return f"{count(certainty.groups)} groups of test images"


def _better(certainty: Certainty) -> str:
    lowest = 2 / 2**certainty.replicates
    told = (
        "Two tests must both say so at 5 %: Student's t with the variance above, and the sign-flip test, which "
        "assumes nothing of the shape of the differences (Fisher 1935). "
        f"{_correction(len(certainty.pairs))} And the better model must not be ahead too seldom: the interval of P "
        "must reach 0.75 (Bouthillier et al. 2021). "
    )
    if certainty.replicates < certainty.fewest:
        return told + (
            f"With {certainty.replicates} replicates a sign-flip test cannot go below p = {lowest:.3g}, so here "
            f"nothing can be called better; that takes {certainty.fewest} replicates or more."
        )
    return told + (
        f"With {certainty.replicates} replicates a sign-flip test can go down to p = {lowest:.2g}; with fewer than "
        f"{certainty.fewest} nothing could be called better."
    )


def _correction(pairs: int) -> str:
    if pairs == 1:
        return "There is one pair, so nothing is corrected."
    return (
        f"With {pairs} pairs one would look different by chance now and then, so their p-values are corrected such "
        "that a single false alarm among all of them is as rare (Holm 1979)."
    )


def _same(certainty: Certainty) -> str:
    return (
        f"With a probability of {share(LEVEL)} or more the difference is within ±{certainty.margin:g}, the margin that "
        "was set for this comparison (Benavoli et al. 2017). It is also said where a difference is shown but the "
        f"better model is ahead too seldom to matter: the interval of P stays below 0.75. The margin is a "
        "choice, not a finding: with another one this verdict may change."
    )
