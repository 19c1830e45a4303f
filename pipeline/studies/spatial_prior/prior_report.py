"""Figures, text and numbers of the study on MNIST-1D."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pipeline.reporting.figures.style import BLUE, INK, RULE, VERMILLION, new_figure, styled
from pipeline.reporting.tables.text_table import Table
from pipeline.reporting.templates.rendering import template
from pipeline.reporting.text.quantities import count, sides
from pipeline.statistics.analysis import analyse_scores
from pipeline.statistics.results import Estimate
from pipeline.studies.published_values import claim_record, claims_table, estimate, percent
from pipeline.studies.spatial_prior.prior_protocol import (
    MISSED,
    MISSED_REPLICATES,
    NETWORKS,
    NOTEBOOK,
    ORDERS,
    PUBLISHED,
    REPLICATES,
    TABLE,
    claims,
    label,
)
from pipeline.studies.trainings import Trained

COLOURS = {"in order": BLUE, "shuffled": VERMILLION}
MARKERS = {TABLE: "s", NOTEBOOK: "D"}


def estimates(trained: Mapping[str, Trained]) -> dict[str, Estimate]:
    """The mean test accuracy of each candidate with its interval."""
    return {name: estimate(one.values("accuracy")) for name, one in trained.items()}


def difference_text(trained: Mapping[str, Trained], one: str, other: str) -> str:
    """By how many points the accuracy of `one` exceeds that of `other`, with the interval of the difference."""
    values = {name: trained[name].values("accuracy") for name in (one, other)}
    pair = analyse_scores("accuracy", values, margin=0).pair(one, other)
    sign = 1 if pair.first == one else -1
    ends = sorted((sign * pair.low, sign * pair.high))
    shown = [f"{100 * value:+.1f}".replace("-", "−") for value in (sign * pair.difference, *ends)]
    return f"{shown[0]} points, 95 % interval {shown[1]} to {shown[2]}"


def text(trained: Mapping[str, Trained], pytorch: Mapping[str, Trained]) -> str:
    """Return the report as Markdown."""
    ours = estimates(trained)
    rows = [(claim, ours[claim.name]) for claim in claims()]
    return template("spatial_prior.md.j2", package=__package__, autoescape=False).render(
        percent=percent,
        ours=ours,
        replicates=REPLICATES,
        changes={
            network: difference_text(trained, label(network, "shuffled"), label(network, "in order"))
            for network in NETWORKS
        },
        dilated_gain=difference_text(trained, label("dilated CNN", "in order"), label("CNN", "in order")),
        claims=claims_table(
            rows,
            f"Test accuracy in per cent on the 1,000 published test signals; interval and deviation over {REPLICATES} "
            "replicates, which differ in initial weights and order of the batches.",
        ),
        networks=_networks_table(trained),
        starts=_starts_table(ours, pytorch),
        missed_replicates=MISSED_REPLICATES,
    )


def _starts_table(ours: Mapping[str, Estimate], pytorch: Mapping[str, Trained]) -> Table:
    def cell(one: Estimate) -> str:
        return f"{percent(one.mean)} ({percent(one.low)} to {percent(one.high)})"

    return Table(
        caption="Test accuracy in per cent with 95 % interval over replicates, by the distribution of initial weights.",
        header=("", "published", "Glorot", "PyTorch"),
        rows=tuple(
            (
                name,
                ", ".join(f"{percent(value)} ({source})" for source, value in PUBLISHED[place]),
                cell(ours[name]),
                cell(estimate(pytorch[name].values("accuracy"))),
            )
            for place in MISSED
            for name in [label(*place)]
        ),
    )


def _networks_table(trained: Mapping[str, Trained]) -> Table:
    return Table(
        caption="The networks. A receptive field is that of a unit of the last feature map, in positions.",
        header=("network", "parameters", "multiply–accumulates", "receptive field"),
        rows=tuple(
            (
                network,
                count(one.parameters),
                count(one.multiply_accumulates),
                sides(one.receptive_field),
            )
            for network in NETWORKS
            for one in [trained[label(network, "in order")]]
        ),
    )


def figures(trained: Mapping[str, Trained], signals: Mapping[str, NDArray[np.uint8]]) -> dict[str, Figure]:
    """Return the figures of the report by file name; `signals` holds some grey levels (n, 40) of each order."""
    return {"accuracies": accuracies_figure(estimates(trained)), "signals": signals_figure(signals)}


@styled
def accuracies_figure(ours: Mapping[str, Estimate]) -> Figure:
    """Draw a row per network: accuracy in order and shuffled with intervals, and the published values."""
    figure = new_figure(3.3)
    axes = figure.subplots()
    for offset, (order, colour) in zip((-0.14, 0.14), COLOURS.items(), strict=True):
        for place, network in enumerate(NETWORKS):
            one = ours[label(network, order)]
            axes.hlines(place + offset, 100 * one.low, 100 * one.high, color=colour)
            axes.plot(100 * one.mean, place + offset, "o", color=colour, label=f"ours, {order}" if place == 0 else None)
            for source, value in PUBLISHED.get((network, order), ()):
                axes.plot(100 * value, place + offset, MARKERS[source], color=colour, markerfacecolor="none")
    for source, marker in MARKERS.items():
        axes.plot([], [], marker, color=INK, markerfacecolor="none", label=f"published: {source}")
    axes.set_yticks(range(len(NETWORKS)), list(NETWORKS))
    axes.set_ylim(len(NETWORKS) - 0.5, -0.5)
    axes.set_xlim(20, 100)
    axes.set_xlabel("test accuracy, %")
    axes.set_title("Shuffling hurts only the convolutions")
    axes.grid(axis="x", color=RULE)
    figure.legend(loc="outside lower center", ncols=2)
    return figure


@styled
def signals_figure(signals: Mapping[str, NDArray[np.uint8]]) -> Figure:
    """Draw the same signals in both orders."""
    figure = new_figure(2.4)
    grid = figure.subplots(len(signals), 3, sharex=True, sharey=True)
    for row, (order, values) in zip(grid, signals.items(), strict=True):
        for axes, signal in zip(row, values, strict=True):
            axes.plot(signal, color=COLOURS[order], linewidth=1)
            axes.set_xticks([0, 39], ["1", "40"])
            axes.set_yticks([])
        row[0].set_ylabel(order)
    for axes, digit in zip(grid[0], (0, 3, 7), strict=True):
        axes.set_title(f"class {digit}", loc="center")
    return figure


def results(trained: Mapping[str, Trained], pytorch: Mapping[str, Trained]) -> dict[str, Any]:
    """The numbers of the report, for other pages."""
    ours = estimates(trained)
    return {
        "orders": list(ORDERS),
        "networks": {
            name: {
                "parameters": one.parameters,
                "multiply_accumulates": one.multiply_accumulates,
                "accuracies": one.values("accuracy"),
                "mean": ours[name].mean,
                "low": ours[name].low,
                "high": ours[name].high,
            }
            for name, one in trained.items()
        },
        "pytorch": {name: one.values("accuracy") for name, one in pytorch.items()},
        "claims": [claim_record(claim, ours[claim.name]) for claim in claims()],
    }
