"""Tables, sentences, figures and numbers of a study that follows the protocol of `digit_protocol`."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.reporting.figures.style import BLUE, MUTED, RULE, new_figure, styled
from pipeline.reporting.tables.pairs import tie_letters
from pipeline.reporting.tables.text_table import Table
from pipeline.reporting.text.pair_verdicts import sentence
from pipeline.reporting.text.quantities import capitalized, count, interval, magnitude, score, share, sides
from pipeline.statistics.results import Estimate
from pipeline.studies.digit_protocol import FOLDS, MARGIN, TRIES, Choice, Measured


def protocol_text(measured: Measured) -> str:
    """The protocol in words, with the numbers of images and trainings."""
    first = next(iter(measured.trained.values()))
    rows, columns, _ = measured.manifest["image_shape"]
    predicted, replicates = first.predictions[0], len(first.tasks)
    tuned = sum(len(one.accuracies) for one in measured.choices.values()) * TRIES
    tuning = (
        " A quarter of them, the tuning digits, is never tested. Every replicate uses them for training or "
        "validation. The learning rate of each network was chosen on them, by the mean validation accuracy of "
        f"{TRIES} trainings per rate, with the same number of rates for every network."
        if tuned
        else " A quarter of them, the tuning digits, is never tested: other studies choose learning rates on them."
    )
    return (
        f"The images are the {count(measured.manifest['images'])} digits of `{measured.manifest['name']}`, {rows} × "
        f"{columns} pixels.{tuning} The other digits are tested in "
        f"{replicates / FOLDS:g} repetitions of {FOLDS} folds: {replicates} replicates, each with "
        f"{count(predicted.trained_on)} training and {count(len(predicted.truth))} test digits. Replicate r of every "
        "network has the same digits, so networks are compared in pairs. Intervals and verdicts are those of the "
        f"comparison (docs/statistics.md), corrected for all pairs; differences up to {MARGIN:g} are practically zero. "
        "Differences are computed before rounding, and equal scores count as half a replicate."
    )


def networks_table(measured: Measured, caption: str, *, fields: bool = False) -> Table:
    """A row per network, best mean accuracy first: parameters, operations, rate, accuracy with interval, and tie."""
    letters = tie_letters(measured.certainty)
    rows = []
    for one in measured.certainty.estimates:
        trained, choice = measured.trained[one.model], measured.choices[one.model]
        rows.append(
            (
                one.model,
                *((sides(trained.receptive_field, " × "),) if fields else ()),
                count(trained.parameters),
                magnitude(trained.multiply_accumulates),
                f"{choice.rate:g}{' *' if choice.at_edge else ''}",
                f"{score(one.mean)} ± {score(one.deviation)}",
                interval(one.low, one.high),
                letters.get(one.model, ""),
            )
        )
    starred = " * the lowest or highest rate tried." if any(one.at_edge for one in measured.choices.values()) else ""
    return Table(
        caption=f"{caption} Mean ± standard deviation of the test accuracy over replicates. Networks that share a "
        f"letter are tied: none is shown to be better than another.{starred}",
        header=(
            "network",
            *(("receptive field",) if fields else ()),
            "parameters",
            "multiply–accumulates",
            "learning rate",
            "test accuracy",
            "95 % interval",
            "tie",
        ),
        rows=tuple(rows),
    )


def rates_table(choices: Mapping[str, Choice]) -> Table:
    """A row per network and a column per learning rate: the mean validation accuracy on tuning digits."""
    rates = sorted({rate for one in choices.values() for rate in one.accuracies})
    return Table(
        caption="Mean validation accuracy on tuning digits by learning rate; the chosen rate is marked ✓.",
        header=("network", *(f"{rate:g}" for rate in rates)),
        rows=tuple((label, *(_tried(one, rate) for rate in rates)) for label, one in choices.items() if one.accuracies),
    )


def _tried(choice: Choice, rate: float) -> str:
    if rate not in choice.accuracies:
        return ""
    return score(choice.accuracies[rate]) + (" ✓" if rate == choice.rate else "")


def pair_sentences(measured: Measured, pairs: Iterable[tuple[str, str]]) -> list[str]:
    """The verdict on each of these pairs of networks as a sentence."""
    return [capitalized(sentence(measured.pair(one, other), measured.certainty)) for one, other in pairs]


def compared(measured: Measured, one: str, other: str) -> str:
    """The verdict on two networks as a short clause, with the mean accuracies of both."""
    pair = measured.pair(one, other)
    first, second = (f"{model} ({percent(measured.estimate(model))})" for model in (pair.first, pair.second))
    if pair.verdict == "better":
        return f"{first} is better than {second}"
    if pair.verdict == "same":
        return f"{first} and {second} are practically the same"
    return f"there is no clear difference between {first} and {second}"


def percent(one: Estimate) -> str:
    """The mean accuracy in per cent."""
    return share(one.mean, decimals=1)


def record(measured: Measured, answer: str) -> dict[str, Any]:
    """All numbers of the report, for `results.json`."""
    return {
        "answer": answer,
        "networks": {
            label: {
                "parameters": one.parameters,
                "multiply_accumulates": one.multiply_accumulates,
                "receptive_field": one.receptive_field,
                "learning_rate": measured.choices[label].rate,
                "validation_accuracy_by_rate": {
                    f"{rate:g}": accuracy for rate, accuracy in measured.choices[label].accuracies.items()
                },
                "accuracy": _estimate(measured.estimate(label)),
                "accuracies": one.values("accuracy"),
                "seconds": one.seconds,
            }
            for label, one in measured.trained.items()
        },
        "pairs": [
            {
                "first": pair.first,
                "second": pair.second,
                "difference": pair.difference,
                "low": pair.low,
                "high": pair.high,
                "p_value": pair.adjusted,
                "verdict": pair.verdict,
            }
            for pair in measured.certainty.pairs
        ],
    }


def _estimate(one: Estimate) -> dict[str, float]:
    return {"mean": one.mean, "deviation": one.deviation, "low": one.low, "high": one.high}


class Bar(NamedTuple):
    """A labelled mean with its interval and the values of the replicates."""

    label: str
    mean: float
    low: float
    high: float
    values: tuple[float, ...]


def bars(measured: Measured, labels: Sequence[str]) -> tuple[Bar, ...]:
    """The test accuracy of these networks, in this order."""
    return tuple(
        Bar(one.model, one.mean, one.low, one.high, measured.trained[one.model].values("accuracy"))
        for one in map(measured.estimate, labels)
    )


@styled
def accuracy_figure(
    values: Sequence[Bar], title: str, *, reference: tuple[str, float] | None = None, lowest: float = 0.0
) -> Figure:
    """Draw a row per network: replicates as small dots, the mean as a large one, its interval as a line.

    `reference` is a labelled vertical line. A network with a mean below `lowest` has its range in words instead.
    """
    figure = new_figure(0.75 + 0.34 * len(values), width=6.3)
    axes = figure.subplots()
    for row, one in enumerate(values):
        if one.mean < lowest:
            ends = f"← replicates from {percent_of(min(one.values))} to {percent_of(max(one.values))}"
            axes.annotate(ends, (0.01, row), xycoords=("axes fraction", "data"), color=BLUE, va="center")
            continue
        axes.scatter(one.values, [row + 0.25] * len(one.values), s=10, color=MUTED, alpha=0.6, linewidth=0)
        interval_at(axes, one, row, horizontal=True)
    if reference is not None:
        axes.axvline(reference[1], color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)), zorder=0)
        axes.annotate(
            reference[0], (reference[1], -0.75), xytext=(3, 0), textcoords="offset points", color=MUTED, va="center"
        )
    axes.set_yticks(range(len(values)), [f"{one.label}  {percent_of(one.mean)}" for one in values])
    axes.set_ylim(len(values) - 0.4, -1.0 if reference else -0.5)
    if lowest:
        axes.set_xlim(lowest, None)
    axes.grid(axis="x", color=RULE)
    axes.set_xlabel("test accuracy: mean with 95 % interval; small dots are replicates")
    axes.set_title(title)
    return figure


def interval_at(axes: Axes, one: Bar, place: float, *, horizontal: bool = False, colour: str = BLUE) -> None:
    """Draw a mean as a dot and its interval as a line at a place of the other axis."""
    ends = np.array([[one.mean - one.low], [one.high - one.mean]])
    style: dict[str, Any] = {"color": colour, "marker": "o", "markersize": 5, "linewidth": 1.6, "capsize": 2.5}
    if horizontal:
        axes.errorbar([one.mean], [place], xerr=ends, **style)
    else:
        axes.errorbar([place], [one.mean], yerr=ends, **style)


def percent_of(value: float) -> str:
    """A share in per cent, with one decimal."""
    return share(value, decimals=1)
