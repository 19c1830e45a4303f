"""A published value beside ours: whether it lies in the interval of our trainings."""

from collections.abc import Sequence
from typing import NamedTuple

from pipeline.reporting.tables.text_table import Table
from pipeline.statistics import designs, resampling, verdicts
from pipeline.statistics.analysis import DRAWINGS
from pipeline.statistics.results import Estimate

PROTOCOLS = {True: "yes", False: "no", None: "not stated"}
INSIDE, HIGHER, LOWER, UNKNOWN = "inside the interval", "ours is higher", "ours is lower", "no interval"


class Claim(NamedTuple):
    """A published score from 0 to 1, its source, and whether we measured ours with the same protocol.

    `published` is None if ours has no published counterpart, and `same_protocol` if the source states no protocol.
    """

    name: str
    published: float | None
    source: str
    same_protocol: bool | None


def estimate(values: Sequence[float], *, metric: str = "accuracy", tested_share: float = 0.0) -> Estimate:
    """The mean of one value per replicate with its interval, about other replicates on the same test images.

    >>> one = estimate([0.90, 0.92, 0.94])
    >>> round(one.mean, 2), round(one.low, 2), round(one.high, 2)
    (0.92, 0.85, 0.96)

    Args:
        values: one per replicate.
        metric: what they measure.
        tested_share: number of test over that of training images if each replicate draws both from the same data.
            Such replicates are correlated, and the interval is wider (Nadeau & Bengio 2003). 0 for independent ones.
    """
    resampled, method = resampling.resample_scores([values], drawings=DRAWINGS), designs.redrawn(tested_share)
    (found,) = verdicts.conclude(metric, ["ours"], resampled, method, margin=0, images=0, groups=0).estimates
    return found


def verdict(claim: Claim, ours: Estimate) -> str:
    """Where the published value lies: in the interval of our mean, or which of both is higher.

    >>> verdict(Claim("CNN", 0.94, "paper", True), estimate([0.90, 0.92, 0.94]))
    'inside the interval'
    >>> verdict(Claim("CNN", 0.80, "paper", True), estimate([0.90, 0.92, 0.94]))
    'ours is higher'
    """
    if claim.published is None:
        return "–"
    if not ours.low <= ours.high:  # NaN: a single replicate has no interval
        return UNKNOWN
    if claim.published < ours.low:
        return HIGHER
    return LOWER if claim.published > ours.high else INSIDE


def claims_table(rows: Sequence[tuple[Claim, Estimate]], caption: str) -> Table:
    """A row for each published value, in per cent: published, ours with interval and deviation, protocol, verdict."""
    return Table(
        caption=caption,
        header=("", "published", "ours", "95 % interval", "deviation", "same protocol", "verdict", "source"),
        rows=tuple(
            (
                claim.name,
                "–" if claim.published is None else percent(claim.published),
                percent(ours.mean),
                f"{percent(ours.low)} to {percent(ours.high)}",
                percent(ours.deviation),
                "–" if claim.published is None else PROTOCOLS[claim.same_protocol],
                verdict(claim, ours),
                claim.source,
            )
            for claim, ours in rows
        ),
        prose=(6, 7),
    )


def percent(value: float) -> str:
    """Format a score from 0 to 1 in per cent with one decimal, without the sign.

    >>> percent(0.98425), percent(float("nan"))
    ('98.4', '–')
    """
    return f"{100 * value:.1f}" if value == value else "–"


def claim_record(claim: Claim, ours: Estimate) -> dict[str, object]:
    """The row of a claim for `results.json`."""
    return {
        **claim._asdict(),
        "mean": ours.mean,
        "low": ours.low,
        "high": ours.high,
        "deviation": ours.deviation,
        "replicates": ours.replicates,
        "verdict": verdict(claim, ours),
    }
