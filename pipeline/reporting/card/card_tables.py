"""The tables of a model card."""

from collections.abc import Mapping
from math import nan
from typing import Any

from pipeline.counts import number_of
from pipeline.evaluation.metrics import LOWER_IS_BETTER
from pipeline.reporting.card.card_content import HeldOut, ModelCard
from pipeline.reporting.content import metric_label
from pipeline.reporting.tables.scores_by_class import class_table
from pipeline.reporting.tables.text_table import Table
from pipeline.reporting.text.quantities import confidence, count, interval, latency, score, share, storage
from pipeline.statistics.results import LEVEL, Estimate


def scored(estimate: Estimate) -> str:
    """A score with its interval, if it is known and has a width."""
    ends = interval(estimate.low, estimate.high)
    if not ends or estimate.low == estimate.high:
        return score(estimate.mean)
    return f"{score(estimate.mean)} ({confidence(LEVEL)} interval {ends})"


def stored(score: Mapping[str, Any]) -> str:
    """A score as `reports/champion.json` has it, with its interval; None marks unknown values."""
    mean, low, high = (nan if score[name] is None else score[name] for name in ("mean", "low", "high"))
    return scored(Estimate("", mean, nan, low, high))


def main_scores(card: ModelCard) -> Table:
    """The score of the packaged network, and that of the comparison."""
    label = metric_label(card.choice["metric"])
    rows = []
    if card.held_out is not None:
        own = card.held_out
        together = len(card.choice["replicates"])
        by = f", each by {own.members:.1f} of {together} replicates" if own.members < together else ""
        rows.append(("packaged network", scored(own.score), f"{count(own.images)} {own.part} images{by}"))
    mean = card.choice["score"]
    if mean is not None:
        trained = f"mean of {number_of(card.effort.own_trainings, 'replicate')}, each on its test images"
        rows.append(("comparison", stored(mean), trained))
    return Table(
        caption="The first interval covers the choice of test images from the same source, for this one network. The "
        "second one also covers other trainings of the same model.",
        header=("what", label, "measured on"),
        rows=tuple(rows),
        prose=(1, 2),
    )


def all_scores(held_out: HeldOut) -> Table:
    """Every metric of the packaged network."""
    return Table(
        caption=f"All metrics of the packaged network on {count(held_out.images)} {held_out.part} images. "
        "↓ marks metrics of which lower values are better.",
        header=("metric", "value"),
        rows=tuple(
            (metric_label(name) + (" ↓" if name in LOWER_IS_BETTER else ""), score(value))
            for name, value in held_out.scores.items()
        ),
        keys=tuple((None, value) for value in held_out.scores.values()),
    )


def by_class(model: str, held_out: HeldOut) -> Table:
    """Precision, recall and F1 of the packaged network by class."""
    table = class_table(model, held_out.classes)
    caption = (
        f"Scores of the packaged network by class ({confidence(LEVEL)} interval; of a score of 0 or 1 that of Clopper "
        "and Pearson 1934)."
    )
    return table._replace(caption=caption, header=(*table.header[:-1], f"{held_out.part} images"))


def by_subgroup(metric: str, held_out: HeldOut) -> Table:
    """The primary metric of the packaged network by subgroup."""
    return Table(
        caption="Scores of the packaged network by subgroup.",
        header=("subgroup", metric_label(metric), f"{held_out.part} images"),
        rows=tuple((one.name, scored(one.score), count(one.images)) for one in held_out.subgroups),
        keys=tuple((None, one.score.mean, float(one.images)) for one in held_out.subgroups),
    )


def _thresholds(card: ModelCard) -> list[Mapping[str, Any]]:
    """The thresholds that some confidence reaches, up to the first with full coverage."""
    reachable = [one for one in card.settings["thresholds"] if one["confidence"] <= 1]
    everything = [place for place, one in enumerate(reachable) if one["confidence"] == 0]
    return reachable[: everything[0] + 1] if everything else reachable


def missed_rates(card: ModelCard, held_out: HeldOut) -> list[float]:
    """The wanted error rates that the measured ones exceed by more than chance: one-sided binomial test, 5 %."""
    from scipy.stats import binomtest  # takes a moment to import

    missed = []
    for one in _thresholds(card):
        answers = round(one["coverage"] * held_out.images)
        if answers:
            errors = round(one["measured"] * answers)
            if binomtest(errors, answers, one["error_rate"], alternative="greater").pvalue < 1 - LEVEL:
                missed.append(one["error_rate"])
    return missed


def abstention(card: ModelCard, held_out: HeldOut) -> Table:
    """Threshold, coverage and measured error rate for each wanted error rate."""
    return Table(
        caption="Thresholds of the confidence, chosen on validation images. Below its threshold, the network abstains. "
        f"Coverage (share of images that reach the threshold) and the error rate among these are measured on "
        f"{held_out.part} images.",
        header=("wanted error rate", "threshold", "coverage", "measured error rate"),
        rows=tuple(
            (
                share(one["error_rate"], decimals=1),
                score(one["confidence"]),
                f"{share(one['coverage'], decimals=1)} ({count(round(one['coverage'] * held_out.images))})",
                "–" if one["measured"] is None else share(one["measured"], decimals=1),
            )
            for one in _thresholds(card)
        ),
    )


def changes(held_out: HeldOut) -> Table:
    """The accuracy on changed images."""
    return Table(
        caption=f"Accuracy on {count(held_out.changed_images)} {held_out.part} images after a change. Shifts are "
        "measured in eight directions; the border is repeated.",
        header=("change", "accuracy", "worst direction"),
        rows=tuple(
            (one.change, score(one.mean), score(one.lowest) if one.change.startswith("shifted") else "–")
            for one in held_out.changes
        ),
        keys=tuple((None, one.mean, one.lowest) for one in held_out.changes),
    )


def working(card: ModelCard) -> Table:
    """Latency and size."""
    seconds = card.settings["seconds_per_image"]
    rows = [
        ("time for a single image", latency(seconds["alone"])),
        ("time per image for 256 together", latency(seconds["together"])),
        *((f"size of {name}", storage(size)) for name, size in card.files.items()),
    ]
    return Table(
        "Latency of the runtime on the machine that packaged the network, without decoding, and size.",
        ("what", "value"),
        tuple(rows),
    )
