"""One difference between new pictures and the images of a model, with its size and its significance."""

from typing import NamedTuple

from pipeline.statistics.multiple_tests import holm

MARGIN = 0.01
"""The largest loss of accuracy that is irrelevant, unless the user states another one."""


class Difference(NamedTuple):
    """The result of one check.

    name: what is compared.
    measure: what `effect` is.
    effect: the size of the difference; 0 for none.
    relevant_from: the smallest relevant effect. With many pictures, irrelevant differences are significant, too.
    p_value: the probability of at least this effect by chance, if nothing differs.
    sentence: the finding, for a reader, if the difference is relevant.
    """

    name: str
    measure: str
    effect: float
    relevant_from: float
    p_value: float
    sentence: str


def relevant(differences: tuple[Difference, ...], *, error_rate: float) -> tuple[Difference, ...]:
    """The differences that are both significant and large enough.

    The probability that any of them is due to chance is at most `error_rate`, for any dependence between them.
    """
    adjusted = holm([one.p_value for one in differences])
    return tuple(
        one
        for one, p_value in zip(differences, adjusted, strict=True)
        if p_value <= error_rate and one.effect >= one.relevant_from
    )
