"""Figures, text and numbers of the study on activations."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from pipeline.reporting.figures.style import BLUE, MUTED, RULE, VERMILLION, hide_axes, new_figure, styled
from pipeline.reporting.tables.text_table import Table
from pipeline.reporting.templates.rendering import template
from pipeline.reporting.text.quantities import count, share
from pipeline.studies.digit_protocol import Measured
from pipeline.studies.digit_results import (
    Bar,
    accuracy_figure,
    bars,
    compared,
    interval_at,
    networks_table,
    pair_sentences,
    percent,
    percent_of,
    protocol_text,
    rates_table,
    record,
)
from pipeline.studies.nonlinearity.linear_map import REPLICATES, Collapse, LinearMap
from pipeline.studies.published_values import Claim, claims_table

LOGISTIC = "logistic regression"
LINEAR = ("linear, 1 convolution", "linear, 2 convolutions", "linear, 3 convolutions")
RELU = ("relu, 1 convolution", "relu, 2 convolutions", "relu, 3 convolutions")
SIGMOID = "sigmoid, 2 convolutions"
ACTIVATIONS = (RELU[1], "gelu, 2 convolutions", "tanh, 2 convolutions", SIGMOID, LINEAR[1])
AVERAGE, MAX = "linear, average pooling", "linear, max pooling"
COLLAPSED = (*LINEAR, AVERAGE, MAX, RELU[1])
"""The networks that are replaced by one matrix; the last two are not linear."""
PAIRS = (
    *((linear, LOGISTIC) for linear in LINEAR),
    *zip(RELU, LINEAR, strict=True),
    *((RELU[1], other) for other in ACTIVATIONS[1:4]),
    (MAX, AVERAGE),
)
"""The pairs that answer the question."""

ROUNDING = 1e-5
"""Larger relative differences are no rounding: float32 has a precision of 6e-8, and a score is a sum of thousands."""


class Lines(NamedTuple):
    """Accuracy against the number of convolutions, without and with ReLU, and that of logistic regression."""

    linear: tuple[Bar, ...]
    relu: tuple[Bar, ...]
    logistic: Bar


def figures(measured: Measured, maps: Mapping[str, LinearMap]) -> dict[str, Figure]:
    """The figures by file name. `maps` holds linear maps of networks by label, one row of images each."""
    (logistic,) = bars(measured, [LOGISTIC])
    return {
        "depth": lines_figure(Lines(bars(measured, LINEAR), bars(measured, RELU), logistic)),
        "activations": accuracy_figure(
            bars(measured, [*ACTIVATIONS, AVERAGE, MAX]),
            "Two convolutions with different activations",
            reference=(LOGISTIC, logistic.mean),
            lowest=0.85,
        ),
        "collapsed": maps_figure({label: class_images(one) for label, one in maps.items()}),
    }


@styled
def lines_figure(values: Lines) -> Figure:
    """Draw accuracy against depth: one line per activation, and the interval of logistic regression as a band."""
    figure = new_figure(3.2, width=5.2)
    axes = figure.subplots()
    depths = range(1, len(values.linear) + 1)
    for line, name, colour in ((values.relu, "ReLU", BLUE), (values.linear, "linear", VERMILLION)):
        axes.plot(depths, [one.mean for one in line], color=colour, linewidth=1.2)
        for depth, one in zip(depths, line, strict=True):
            interval_at(axes, one, depth, colour=colour)
        axes.annotate(
            name, (depths[-1], line[-1].mean), xytext=(9, 0), textcoords="offset points", color=colour, va="center"
        )
    axes.axhspan(values.logistic.low, values.logistic.high, color=MUTED, alpha=0.25, linewidth=0)
    middle = (values.logistic.low + values.logistic.high) / 2
    axes.annotate(LOGISTIC, (1.5, middle), color=MUTED, ha="center", va="center")
    axes.set_xticks(depths)
    axes.set_xlim(0.6, len(depths) + 0.5)
    lowest = min(one.low for one in (*values.linear, *values.relu, values.logistic))
    axes.set_ylim(lowest - 0.02, None)
    axes.grid(axis="y", color=RULE)
    axes.set_xlabel("convolutions before the hidden layer")
    axes.set_ylabel("test accuracy with 95 % interval")
    axes.set_title("Accuracy by depth, with and without a non-linear activation")
    return figure


def class_images(one: LinearMap) -> npt.NDArray[np.float64]:
    """The matrix as one image per class, shape (classes, side, side), scaled to −1..1.

    What all classes have in common is subtracted, because it does not change the probabilities.
    """
    weights = one.weights - one.weights.mean(axis=1, keepdims=True)
    side = round(len(weights) ** 0.5)
    return np.asarray(weights / np.abs(weights).max()).T.reshape(-1, side, side)


@styled
def maps_figure(images: Mapping[str, npt.NDArray[np.float64]]) -> Figure:
    """Draw a row of weight images per network: blue pixels speak against a class, red ones for it."""
    classes = max(map(len, images.values()))
    figure = new_figure(0.55 + 0.95 * len(images), width=7.2)
    grid = figure.subplots(len(images), classes, squeeze=False)
    for place, (row, (label, weights)) in enumerate(zip(grid, images.items(), strict=True)):
        limit = float(np.quantile(np.abs(weights), 0.995))
        for digit, (axes, image) in enumerate(zip(row, weights, strict=True)):
            axes.imshow(image, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")
            hide_axes(axes)
            if place == 0:
                axes.set_title(str(digit), fontweight="normal", loc="center")
        row[0].annotate(
            label, (0, 0), xycoords="axes fraction", xytext=(0, -4), textcoords="offset points", va="top"
        ).set_in_layout(False)
    figure.suptitle("The weights of every pixel for every digit (red: for it, blue: against it)", fontsize=9.5)
    return figure


def text(measured: Measured, collapses: Sequence[Collapse]) -> str:
    """Return the report as Markdown; the figures are expected in the same folder."""
    return template("nonlinearity.md.j2", package=__package__, autoescape=False).render(
        answer=answer(measured, collapses),
        protocol=protocol_text(measured),
        networks_table=networks_table(measured, "Every network, best first."),
        rates_table=rates_table(measured.choices),
        claims_table=_claims_table(measured),
        collapse_table=collapse_table(collapses),
        sentences=pair_sentences(measured, PAIRS),
        fitted=[share(training_accuracy(measured, label), decimals=1) for label in (LINEAR[-1], LOGISTIC)],
        sigmoid=[percent_of(end(measured.trained[SIGMOID].values("accuracy"))) for end in (min, max)],
        compared_pooling=compared(measured, MAX, AVERAGE),
    )


def answer(measured: Measured, collapses: Sequence[Collapse]) -> str:
    """The answer in three sentences, with its numbers."""
    linear, relu = LINEAR[-1], RELU[-1]
    exact = next(one for one in collapses if one.label == linear)
    pair = measured.pair(relu, linear)
    clear = {"better": "ReLU is better" if pair.first == relu else "no activation is better", "same": "the same"}
    return (
        f"No: three trained convolutions and a hidden layer without activation are one matrix, which predicts the same "
        f"class for {share(exact.agreement, decimals=1)} of the test images (scores differ by at "
        f"most {1e6 * exact.error:.1f} millionths of the largest). Their accuracy is "
        f"{percent(measured.estimate(linear))}; that of logistic regression is {percent(measured.estimate(LOGISTIC))}. "
        "With ReLU, the same network reaches "
        f"{percent(measured.estimate(relu))} ({clear.get(pair.verdict, 'no clear difference')})."
    )


def training_accuracy(measured: Measured, label: str) -> float:
    """The mean training accuracy over replicates in the last epoch."""
    return float(np.mean([task.result.epochs[-1]["train/accuracy"] for task in measured.trained[label].tasks]))


def collapse_table(collapses: Sequence[Collapse]) -> Table:
    """A row per network that was replaced by the linear map of its responses to unit vectors."""
    return Table(
        caption="Trained networks, replaced by the one matrix of their responses to unit vectors: the largest "
        f"difference of scores over the test images of {REPLICATES} replicates, relative to the largest score, and the "
        "share of test images with the same predicted class.",
        header=("network", "its parameters", "those of the matrix", "difference", "same class", "linear"),
        rows=tuple(
            (
                one.label,
                count(one.parameters),
                count(28 * 28 * 10 + 10),
                f"{one.error:.1e}",
                share(one.agreement, decimals=1),
                "yes" if one.error < ROUNDING else "no",
            )
            for one in collapses
        ),
    )


def _claims_table(measured: Measured) -> Table:
    return claims_table(
        [
            (
                Claim("linear classifier", 0.880, "LeCun et al. 1998, figure 9: MNIST, 60,000 training digits", False),
                measured.estimate(LOGISTIC),
            ),
            (
                Claim("ReLU", 0.9857, "Glorot et al. 2011, table 1: MNIST, fully connected, 50,000 digits", False),
                measured.estimate(RELU[1]),
            ),
            (
                Claim("tanh", 0.9843, "Glorot et al. 2011, table 1: MNIST, fully connected, 50,000 digits", False),
                measured.estimate(ACTIVATIONS[2]),
            ),
        ],
        "Test accuracy in per cent beside published values.",
    )


def results(measured: Measured, collapses: Sequence[Collapse]) -> dict[str, Any]:
    """The numbers of the report."""
    return {**record(measured, answer(measured, collapses)), "collapsed": [one._asdict() for one in collapses]}
