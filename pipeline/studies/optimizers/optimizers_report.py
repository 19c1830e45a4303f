"""Figures, text and numbers of the study on optimizers."""

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from pipeline.reporting.figures.style import RULE, line_styles, new_figure, styled
from pipeline.reporting.templates.rendering import template
from pipeline.reporting.text.quantities import listed, share
from pipeline.studies.digit_protocol import Choice, Measured
from pipeline.studies.digit_results import (
    accuracy_figure,
    bars,
    compared,
    networks_table,
    pair_sentences,
    percent,
    protocol_text,
    rates_table,
    record,
)
from pipeline.studies.optimizers.compared_optimizers import (
    ADAM_CONSTANT,
    ADAM_COSINE,
    EPOCHS,
    SGD,
    SGD_COSINE,
    SGD_MOMENTUM,
)
from pipeline.studies.training_curves import Curve, curves_figure, validation_accuracies

PAIRS = (
    (SGD_MOMENTUM, SGD),
    (ADAM_CONSTANT, SGD_MOMENTUM),
    (SGD_COSINE, SGD_MOMENTUM),
    (ADAM_COSINE, ADAM_CONSTANT),
    (ADAM_COSINE, SGD_COSINE),
)
"""The pairs that answer the question."""


def figures(measured: Measured) -> dict[str, Figure]:
    """The figures of the report by file name."""
    labels = list(measured.trained)
    curves = {label: validation_accuracies(one) for label, one in measured.trained.items()}
    placed = {
        f"{label}, rate {measured.choices[label].rate:g}": Curve(tuple(range(1, len(values) + 1)), values)
        for label, values in curves.items()
    }
    return {
        "accuracy": accuracy_figure(bars(measured, labels), "Each optimizer with its chosen learning rate"),
        "rates": rates_figure(measured.choices),
        "curves": curves_figure({"epoch": placed}, "Validation accuracy during training", lowest=0.85),
    }


@styled
def rates_figure(choices: Mapping[str, Choice]) -> Figure:
    """Draw validation accuracy against the learning rate on a logarithmic axis; chosen rates are ringed."""
    figure = new_figure(3.4, width=5.6)
    axes = figure.subplots()
    for (label, choice), style in zip(choices.items(), line_styles(list(choices)).values(), strict=True):
        rates, values = zip(*choice.accuracies.items(), strict=True)
        axes.plot(
            rates,
            values,
            color=style.colour,
            marker=style.marker,
            markersize=4.5,
            linewidth=1.2,
            label=label,
        )
        axes.plot(
            [choice.rate], [choice.accuracies[choice.rate]], "o", markersize=10, fillstyle="none", color=style.colour
        )
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(sorted({rate for one in choices.values() for rate in one.accuracies})))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter("{x:g}")
    axes.tick_params(axis="x", labelrotation=45)
    axes.grid(axis="y", color=RULE)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    axes.set_xlabel("learning rate; rings: the chosen rates")
    axes.set_ylabel("validation accuracy on tuning digits")
    axes.set_title("Validation accuracy by learning rate")
    return figure


def text(measured: Measured) -> str:
    """Return the report as Markdown; the figures are expected in the same folder."""
    return template("optimizers.md.j2", package=__package__, autoescape=False).render(
        answer=answer(measured),
        epochs=EPOCHS,
        protocol=protocol_text(measured),
        networks_table=networks_table(measured, "The lecture's network with each optimizer, best first."),
        rates_table=rates_table(measured.choices),
        sentences=pair_sentences(measured, PAIRS),
        rate_effect=rate_effect(measured.choices),
        optimizer_effect=optimizer_effect(measured),
        edges=listed([label for label, one in measured.choices.items() if one.at_edge]),
    )


def answer(measured: Measured) -> str:
    """The answer in three sentences, with its numbers."""
    best, worst = measured.certainty.estimates[0], measured.certainty.estimates[-1]
    low, high = rate_effect(measured.choices)
    return (
        f"With a learning rate chosen for each, the five optimizers reach {percent(worst)} ({worst.model}) to "
        f"{percent(best)} ({best.model}). {_unbeaten(measured)} For each optimizer, the best and the worst of "
        f"five rates differ by at least {low} and at most {high} points of validation accuracy."
    )


def _unbeaten(measured: Measured) -> str:
    unbeaten, total = measured.certainty.unbeaten, len(measured.trained)
    if len(unbeaten) == 1:
        return f"{unbeaten[0]} is better than every other."
    if len(unbeaten) == total:
        return "No optimizer is shown to be better than another."
    return f"{listed(unbeaten)} are not beaten by any other, and {compared(measured, ADAM_CONSTANT, SGD_MOMENTUM)}."


def rate_effect(choices: Mapping[str, Choice]) -> tuple[str, str]:
    """The least and the greatest difference between the best and the worst rate of an optimizer, in points."""
    spans = [max(one.accuracies.values()) - min(one.accuracies.values()) for one in choices.values()]
    return _points(min(spans)), _points(max(spans))


def optimizer_effect(measured: Measured) -> str:
    """The difference between the best and the worst mean test accuracy of an optimizer, in points."""
    means = [one.mean for one in measured.certainty.estimates]
    return _points(max(means) - min(means))


def _points(difference: float) -> str:
    return share(difference, decimals=1).removesuffix(" %")


def results(measured: Measured) -> dict[str, Any]:
    """The numbers of the report."""
    curves = {label: validation_accuracies(one) for label, one in measured.trained.items()}
    return {**record(measured, answer(measured)), "validation_accuracy_by_epoch": curves}
