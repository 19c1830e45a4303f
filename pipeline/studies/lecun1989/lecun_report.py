"""Figures, text and numbers of the study on LeCun's five networks."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pipeline.reporting.figures.style import BLUE, INK, RULE, VERMILLION, hide_axes, new_figure, styled
from pipeline.reporting.tables.text_table import Table
from pipeline.reporting.templates.rendering import template
from pipeline.reporting.text.quantities import count
from pipeline.statistics.analysis import analyse_scores
from pipeline.statistics.results import Estimate, Pair
from pipeline.studies.lecun1989.lecun_protocol import DRAWS, NETWORKS, REPLICATES, SLOWER_REPLICATES, claim
from pipeline.studies.published_values import claim_record, claims_table, estimate, percent

MOVED, DIFFERENT = "moved copies", "different digits"
SHORT = {1: "no hidden layer", 2: "full", 3: "local", 4: "first layer shared", 5: "both layers shared"}
COLOURS = {MOVED: BLUE, DIFFERENT: VERMILLION}


class Measured(NamedTuple):
    """The accuracies of one network.

    `different` and `validation` have a value for each replicate on different digits, `slower` the validation accuracies
    with a lower learning rate, and `moved` a value for each draw and division of moved copies. `fitted` is the mean
    accuracy on the training images of moved copies.
    """

    network: int
    parameters: int
    different: tuple[float, ...]
    validation: tuple[float, ...]
    slower: tuple[float, ...]
    moved: tuple[tuple[float, ...], ...]
    fitted: float

    def values(self, kind: str) -> tuple[float, ...]:
        """Independent test accuracies: a mean for each draw of moved copies, or one for each replicate."""
        return tuple(float(np.mean(draw)) for draw in self.moved) if kind == MOVED else self.different


class Example(NamedTuple):
    """Some images of each kind, (n, height, width)."""

    moved: NDArray[np.uint8]
    different: NDArray[np.uint8]


def estimates(measured: Sequence[Measured], kind: str) -> list[Estimate]:
    """The mean accuracy of each network with its interval."""
    return [estimate(one.values(kind)) for one in measured]


def gain(measured: Sequence[Measured], kind: str) -> Pair:
    """Net-5 compared with Net-1 on the same images."""
    names = {f"Net-{one.network}": one.values(kind) for one in measured if one.network in (1, 5)}
    return analyse_scores("accuracy", names, margin=0).pair("Net-1", "Net-5")


def gain_text(pair: Pair) -> str:
    """How much better Net-5 is than Net-1 in points of accuracy, with the interval of the difference."""
    sign = 1 if pair.first == "Net-5" else -1
    low, high = sorted((sign * pair.low, sign * pair.high))
    written = [f"{100 * value:+.1f}".replace("-", "−") for value in (sign * pair.difference, low, high)]
    return f"{written[0]} points, 95 % interval {written[1]} to {written[2]}"


def text(measured: Sequence[Measured], copied: float) -> str:
    """Return the report as Markdown; `copied` is the share of test images with a moved copy in the training set."""
    ours = {kind: estimates(measured, kind) for kind in COLOURS}
    rows = [
        (claim(one.network, kind), mean) for kind in COLOURS for one, mean in zip(measured, ours[kind], strict=True)
    ]
    return template("lecun1989.md.j2", package=__package__, autoescape=False).render(
        percent=percent,
        ours=ours,
        networks=NETWORKS,
        copied=copied,
        fitted=min(one.fitted for one in measured),
        draws=DRAWS,
        replicates=REPLICATES,
        slower_replicates=SLOWER_REPLICATES,
        gains={kind: gain_text(gain(measured, kind)) for kind in COLOURS},
        clear={kind: gain(measured, kind).low > 0 and gain(measured, kind).first == "Net-5" for kind in COLOURS},
        claims=claims_table(
            rows,
            f"Test accuracy in per cent. Interval and deviation: over {DRAWS} draws of drawings for moved copies (each "
            f"the mean of {REPLICATES // DRAWS} divisions), over {REPLICATES} replicates for different digits.",
        ),
        details=_details_table(measured),
    )


def _details_table(measured: Sequence[Measured]) -> Table:
    return Table(
        caption="Accuracy in per cent on the 4,520 digits that a replicate neither trains nor tests on (mean ± "
        "standard deviation over replicates), with the recipe of the study and with the slower one.",
        header=("network", "weights", "recipe of the study", "slower recipe"),
        rows=tuple(
            (
                f"Net-{one.network}, {NETWORKS[one.network]}",
                count(one.parameters),
                *(
                    f"{percent(float(np.mean(values)))} ± {percent(float(np.std(values, ddof=1)))}"
                    for values in (one.validation, one.slower)
                ),
            )
            for one in measured
        ),
    )


def figures(measured: Sequence[Measured], example: Example) -> dict[str, Figure]:
    """Return the figures of the report by file name."""
    return {"accuracies": accuracies_figure(measured), "digits": digits_figure(example)}


@styled
def accuracies_figure(measured: Sequence[Measured]) -> Figure:
    """Draw a row per network: published accuracy, and ours with intervals on both kinds of images."""
    figure = new_figure(3.8)
    axes = figure.subplots()
    places = np.arange(len(measured))
    for offset, (kind, colour) in zip((0.0, 0.22), COLOURS.items(), strict=True):
        found = estimates(measured, kind)
        axes.hlines(places + offset, [100 * one.low for one in found], [100 * one.high for one in found], color=colour)
        axes.plot([100 * one.mean for one in found], places + offset, "o", color=colour, label=f"ours, {kind}")
    published = [100 * (claim(one.network, MOVED).published or np.nan) for one in measured]
    axes.plot(published, places - 0.22, "D", color=INK, markerfacecolor="white", label="published (his moved copies)")
    axes.set_yticks(places, [f"Net-{one.network}\n{SHORT[one.network]}" for one in measured])
    axes.invert_yaxis()
    axes.set_xlabel("test accuracy, %")
    axes.set_title("Shared weights recognise moved digits")
    axes.grid(axis="x", color=RULE)
    figure.legend(loc="outside lower center", ncols=1)
    return figure


@styled
def digits_figure(example: Example) -> Figure:
    """Draw moved copies of a digit above different digits of the same class."""
    figure = new_figure(1.9)
    rows = {"moved copies\nof one drawing": example.moved, "different\ndigits": example.different}
    grid = figure.subplots(len(rows), len(example.moved))
    for row, (title, images) in zip(grid, rows.items(), strict=True):
        row[0].set_ylabel(title, rotation=0, ha="right", va="center")
        for axes, image in zip(row, images, strict=True):
            axes.imshow(image, cmap="gray_r", vmin=0, vmax=255)
            hide_axes(axes)
            for spine in axes.spines.values():
                spine.set_visible(True)
    return figure


def results(measured: Sequence[Measured], copied: float) -> dict[str, Any]:
    """The numbers of the report, for other pages."""
    return {
        "answer": {kind: gain_text(gain(measured, kind)) for kind in COLOURS},
        "copied": copied,
        "networks": [one._asdict() for one in measured],
        "claims": [
            claim_record(claim(one.network, kind), estimate(one.values(kind))) for kind in COLOURS for one in measured
        ],
    }
