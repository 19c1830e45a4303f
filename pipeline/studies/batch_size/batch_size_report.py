"""Figures, text and numbers of the study on batch sizes."""

from collections.abc import Mapping
from math import ceil
from typing import Any, NamedTuple

from matplotlib.figure import Figure

from pipeline.reporting.tables.pairs import tie_letters
from pipeline.reporting.tables.text_table import Table
from pipeline.reporting.templates.rendering import template
from pipeline.reporting.text.quantities import count, duration, interval, score
from pipeline.statistics.results import Pair
from pipeline.studies.batch_size.compared_batches import RECIPES, SAME_RATE, SAME_STEPS, SCALED, SMALL, Recipe
from pipeline.studies.digit_protocol import Measured
from pipeline.studies.digit_results import accuracy_figure, bars, pair_sentences, percent, protocol_text, record
from pipeline.studies.training_curves import Curve, curves_figure, validation_accuracies

PAIRS = ((SMALL, SAME_RATE), (SMALL, SCALED), (SCALED, SAME_RATE), (SMALL, SAME_STEPS))
"""The pairs that answer the question."""


class Cost(NamedTuple):
    """Steps of an epoch and of the training, and seconds of processor time of an epoch and of the training."""

    epoch_steps: int
    steps: int
    epoch_seconds: float
    seconds: float


Seconds = Mapping[int, float]
"""Processor time of an epoch by batch size."""


class Gap(NamedTuple):
    """What a larger batch changes, in points of accuracy: as published by Goyal et al. 2017, and here."""

    name: str
    published: float
    ours: Pair
    sign: int


def cost(measured: Measured, recipe: Recipe, seconds: Seconds) -> Cost:
    """The cost of a training; incomplete last batches count as steps."""
    steps = _epoch_steps(measured, recipe)
    return Cost(steps, steps * recipe.epochs, seconds[recipe.batch], seconds[recipe.batch] * recipe.epochs)


def _epoch_steps(measured: Measured, recipe: Recipe) -> int:
    return ceil(measured.trained[recipe.label].predictions[0].trained_on / recipe.batch)


def figures(measured: Measured) -> dict[str, Figure]:
    """The figures of the report by file name."""
    return {
        "accuracy": accuracy_figure(bars(measured, [one.label for one in RECIPES]), "Batches of 32 and of 128 images"),
        "curves": curves_figure(
            {"epochs": _curves(measured, by="epochs"), "steps": _curves(measured, by="steps")},
            "Validation accuracy by epochs and by steps",
            lowest=0.8,
        ),
    }


def _curves(measured: Measured, *, by: str) -> dict[str, Curve]:
    """The learning curve of each recipe, with epochs or steps on the axis."""
    curves = {}
    for recipe in RECIPES:
        accuracies = validation_accuracies(measured.trained[recipe.label])
        width = _epoch_steps(measured, recipe) if by == "steps" else 1
        curves[recipe.label] = Curve(tuple(width * (epoch + 1) for epoch in range(len(accuracies))), accuracies)
    return curves


def recipes_table(measured: Measured, seconds: Seconds) -> Table:
    """A row per recipe: steps, seconds and test accuracy."""
    letters = tie_letters(measured.certainty)
    rows = []
    for recipe in RECIPES:
        one, of_training = measured.estimate(recipe.label), cost(measured, recipe, seconds)
        rows.append(
            (
                recipe.label,
                count(of_training.epoch_steps),
                count(of_training.steps),
                duration(of_training.epoch_seconds),
                duration(of_training.seconds),
                f"{score(one.mean)} ± {score(one.deviation)}",
                interval(one.low, one.high),
                letters[recipe.label],
            )
        )
    return Table(
        caption="The lecture's network by batch size, learning rate and epochs. Seconds are processor time of training "
        "on images in memory, without validation. Mean ± standard deviation of the test accuracy over replicates; "
        "recipes that share a letter are tied.",
        header=(
            "recipe",
            "steps per epoch",
            "steps",
            "seconds per epoch",
            "seconds",
            "test accuracy",
            "95 % interval",
            "tie",
        ),
        rows=tuple(rows),
    )


def gaps(measured: Measured) -> tuple[Gap, ...]:
    """The published and our own differences, larger minus smaller batch; the published ones are for ImageNet."""
    published = ((SCALED, "rate scaled with the batch", 23.60 - 23.74), (SAME_RATE, "same rate", 23.60 - 41.67))
    found = []
    for recipe, name, difference in published:
        pair = measured.pair(recipe.label, SMALL.label)
        found.append(Gap(name, difference, pair, 1 if pair.first == recipe.label else -1))
    return tuple(found)


def gaps_table(measured: Measured) -> Table:
    """Published differences beside ours."""
    rows = []
    for gap in gaps(measured):
        low, high = sorted((gap.sign * gap.ours.low, gap.sign * gap.ours.high))
        inside = low <= gap.published / 100 <= high
        rows.append(
            (
                gap.name,
                _points(gap.published / 100),
                _points(gap.sign * gap.ours.difference),
                f"{_points(low)} to {_points(high)}",
                "no",
                "inside the interval" if inside else f"ours is {'higher' if gap.published / 100 < low else 'lower'}",
            )
        )
    return Table(
        caption="Change of the accuracy by a larger batch, in points. Published: ResNet-50 on ImageNet, batches of "
        "8,192 instead of 256 images (Goyal et al. 2017, top-1 errors of 23.60, 23.74 and 41.67 %). Ours: 128 instead "
        "of 32.",
        header=("learning rate", "published", "ours", "95 % interval", "same protocol", "verdict"),
        rows=tuple(rows),
        prose=(5,),
    )


def _points(difference: float) -> str:
    return f"{100 * difference:+.1f}".replace("-", "−")


def text(measured: Measured, seconds: Seconds) -> str:
    """Return the report as Markdown; the figures are expected in the same folder."""
    return template("batch_size.md.j2", package=__package__, autoescape=False).render(
        answer=answer(measured, seconds),
        protocol=protocol_text(measured),
        recipes_table=recipes_table(measured, seconds),
        gaps_table=gaps_table(measured),
        sentences=pair_sentences(measured, [(one.label, other.label) for one, other in PAIRS]),
        small=cost(measured, SMALL, seconds),
        large=cost(measured, SAME_RATE, seconds),
        recipes=RECIPES,
        training_images=count(next(iter(measured.trained.values())).predictions[0].trained_on),
    )


def speed_up(seconds: Seconds) -> str:
    """How many times faster an epoch with batches of 128 is than one with batches of 32."""
    return f"{seconds[SMALL.batch] / seconds[SAME_RATE.batch]:.1f}"


def answer(measured: Measured, seconds: Seconds) -> str:
    """The answer in three sentences, with its numbers."""
    small, same, scaled, steps = (
        percent(measured.estimate(one.label)) for one in (SMALL, SAME_RATE, SCALED, SAME_STEPS)
    )
    return (
        f"At the same number of epochs, batches of 128 instead of 32 images change the accuracy from {small} to {same} "
        f"with the same learning rate ({_verdict(measured, SAME_RATE)}), and to {scaled} with four times the rate "
        f"({_verdict(measured, SCALED)}). With the same number of steps as batches of 32, so four times "
        f"the epochs, it is {steps} ({_verdict(measured, SAME_STEPS)}). "
        f"An epoch with batches of 128 is {speed_up(seconds)} times as fast."
    )


def _verdict(measured: Measured, recipe: Recipe) -> str:
    """The verdict on a recipe against batches of 32, as a phrase."""
    pair = measured.pair(recipe.label, SMALL.label)
    if pair.verdict == "better":
        return "better" if pair.first == recipe.label else "worse"
    return "practically the same" if pair.verdict == "same" else "no clear difference"


def results(measured: Measured, seconds: Seconds) -> dict[str, Any]:
    """The numbers of the report."""
    return {
        **record(measured, answer(measured, seconds)),
        "costs": {one.label: cost(measured, one, seconds)._asdict() for one in RECIPES},
        "differences": [
            {"name": gap.name, "published": gap.published / 100, "ours": gap.sign * gap.ours.difference}
            for gap in gaps(measured)
        ],
        "validation_accuracy_by_epoch": {label: validation_accuracies(one) for label, one in measured.trained.items()},
    }
