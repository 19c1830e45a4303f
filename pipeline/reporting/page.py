"""The report of a comparison as one HTML file that needs no network, and as Markdown with its pictures beside it."""

import base64
import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote

import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure

from pipeline.evaluation.metrics import LOWER_IS_BETTER
from pipeline.reporting.content import Comparison, ModelResult, metric_label
from pipeline.reporting.figures import confusion_matrix, cost, learning_curves, reliability
from pipeline.reporting.figures.style import INK, MUTED, RULE, line_styles, png_bytes, svg_text
from pipeline.reporting.tables import interval_bars, pairs, settings
from pipeline.reporting.tables import models as tables
from pipeline.reporting.templates.rendering import template
from pipeline.reporting.text import conclusions, explanations, quantities, reuse


class Picture(NamedTuple):
    """A figure, the name it goes by (a file's without its ending) and what it says to someone who cannot see it."""

    name: str
    alternative: str
    figure: Figure


class Pictures(NamedTuple):
    """The figures of a report by section."""

    spread: tuple[Picture, ...]
    cost: tuple[Picture, ...]
    curves: tuple[Picture, ...]
    calibration: tuple[Picture, ...]
    confusion: tuple[Picture, ...]


def pictures(comparison: Comparison) -> Pictures:
    """Draw every figure of a report; a model has the same colour in all of them."""
    metric = comparison.primary_metric
    names = [model.name for model in comparison.models]
    styles = line_styles(names)
    histories = {model.name: learning_curves.learning_curves(model) for model in comparison.models}
    points = {name: cost.cost_points(comparison, name) for name in cost.COSTS}
    matrices = {
        model.name: confusion_matrix.confusion_matrix(model.classes, model.confusion) for model in comparison.models
    }
    replicates = cost.spread(comparison)
    return Pictures(
        spread=(
            Picture("spread", _spread_in_words(replicates, metric), cost.spread_figure(replicates, metric, styles)),
        ),
        cost=tuple(
            Picture(
                f"cost-{name.replace('_', '-')}",
                _cost_in_words(points[name], name, metric),
                cost.cost_figure(points[name], name, metric, styles),
            )
            for name in cost.COSTS
        ),
        curves=tuple(
            Picture(
                f"curves-{quote(name, safe='')}",
                _curves_in_words(name, histories[name]),
                learning_curves.learning_curves_figure(
                    name, histories[name], styles[name], others=[histories[other] for other in names if other != name]
                ),
            )
            for name in names
        ),
        calibration=tuple(
            Picture(
                f"calibration-{quote(model.name, safe='')}",
                _calibration_in_words(model),
                reliability.reliability_panel(
                    model.name,
                    model.calibration,
                    styles[model.name],
                    chance=1 / max(len(one.classes) for one in comparison.models),
                ),
            )
            for model in comparison.models
        ),
        confusion=tuple(
            Picture(
                f"confusion-{quote(name, safe='')}",
                _confusion_in_words(name, matrix),
                confusion_matrix.confusion_figure(name, matrix),
            )
            for name, matrix in matrices.items()
        ),
    )


def _spread_in_words(values: cost.Spread, metric: str) -> str:
    ranges = (
        f"{model} {quantities.score(np.nanmin(row))} to {quantities.score(np.nanmax(row))}"
        for model, row in zip(values.models, values.scores, strict=True)
        if np.isfinite(row).any()
    )
    return f"Lowest and highest {metric_label(metric)} of a replicate: {'; '.join(ranges)}."


def _cost_in_words(points: tuple[cost.CostPoint, ...], name: str, metric: str) -> str:
    pairs = (f"{one.model} {quantities.score(one.mean)} at {cost.WRITTEN[name](one.cost)}" for one in points)
    label = metric_label(metric)
    return f"{label[0].upper()}{label[1:]} against {cost.COSTS[name]}: {'; '.join(pairs)}."


def _curves_in_words(model: str, by_column: Mapping[str, learning_curves.Curve]) -> str:
    ends = (
        f"{column} {quantities.score(curve.mean[curve.common() - 1])}"
        for column, curve in by_column.items()
        if len(curve.mean)
    )
    epochs = max((curve.common() for curve in by_column.values()), default=0)
    return f"Learning curves of {model}; mean over replicates after {epochs} epochs: {', '.join(ends)}."


def _calibration_in_words(model: ModelResult) -> str:
    values = model.calibration
    bins = (
        f"{quantities.share(confidence)} sure, {quantities.share(accuracy)} right"
        for confidence, accuracy in zip(values.confidence, values.accuracy, strict=True)
    )
    return f"Calibration of {model.name}, error {quantities.score(values.error)}: {'; '.join(bins)}."


def _confusion_in_words(model: str, matrix: confusion_matrix.ConfusionMatrix) -> str:
    shares = (
        f"{name} {quantities.share(share)}" for name, share in zip(matrix.classes, np.diag(matrix.shares), strict=True)
    )
    return f"Confusion matrix of {model}; share of each class that is recognised: {', '.join(shares)}."


def html(comparison: Comparison) -> str:
    """The report as one HTML file: style, figures and pictures are all inside it, and it loads nothing."""
    sources = {
        model: Markup("data:image/png;base64,") + base64.b64encode(picture).decode()
        for model, picture in comparison.mistakes.items()
    }
    return template("comparison.html.j2", autoescape=True).render(
        _content(comparison),
        pictures=pictures(comparison),
        inline=_inline,
        mistakes=sources,
        scale=(scale := interval_bars.bars(comparison)),
        bars=interval_bars.drawings(scale),
        standoffs=pairs.square(comparison.certainty),
    )


def markdown(comparison: Comparison, figures_folder: str) -> tuple[str, dict[str, bytes]]:
    """The report as Markdown, and the pictures it shows as file name → PNG bytes.

    `figures_folder` is where the pictures will be, as seen from the Markdown file: `figures` or `../figures`.
    """
    drawn = pictures(comparison)
    mistakes = {model: f"mistakes-{quote(model, safe='')}.png" for model in comparison.mistakes}
    files = {f"{picture.name}.png": png_bytes(picture.figure) for section in drawn for picture in section}
    files |= {mistakes[model]: picture for model, picture in comparison.mistakes.items()}
    text = template("comparison.md.j2", autoescape=False).render(
        _content(comparison),
        pictures=drawn,
        mistakes=mistakes,
        address=lambda file: quote(f"{figures_folder.rstrip('/')}/{file}"),
        # What an address may hold stays; a bracket or a space would end the link.
        link=quote(comparison.tracking_link or "", safe="%:/?#[]@!$&'()*+,;="),
    )
    return text, files


def _content(comparison: Comparison) -> dict[str, object]:
    """What both templates say."""
    certainty = comparison.certainty
    asked = [model for model in comparison.models if model.question is None]
    return {
        "comparison": comparison,
        "data": comparison.data,
        "metric": metric_label(comparison.primary_metric),
        "lower_is_better": comparison.primary_metric in LOWER_IS_BETTER,
        "answer": conclusions.answer(certainty, {model.name: model.multiply_accumulates for model in asked}),
        "sentences": [conclusions.sentence(pair, certainty) for pair in certainty.pairs],
        "warned": reuse.warned(comparison),
        "reused": reuse.sentences(comparison),
        "explanations": explanations.explanations(certainty),
        "square": pairs.square_table(certainty),
        "fronts": _fronts(comparison),
        "table": tables.comparison_table(comparison, pairs.tie_letters(certainty)),
        "replicates": tables.replicates_table(comparison),
        "others": tables.other_metrics_table(comparison),
        "further": tables.further_outputs_table(comparison),
        "subgroups": tables.subgroup_tables(comparison),
        "questions": tables.other_questions(comparison),
        "counts": tables.counts_table(comparison.data),
        "differing": settings.differing_table(comparison),
        "common": settings.common_table(comparison),
        "reproduction": settings.reproduction_table(comparison),
        "effort": settings.effort_table(comparison),
        "versions": tables.versions_table(comparison),
    }


def _fronts(comparison: Comparison) -> list[str]:
    """The Pareto front of each cost in words."""
    lower = comparison.primary_metric in LOWER_IS_BETTER
    fronts = {name: cost.pareto_front(cost.cost_points(comparison, name), lower_is_better=lower) for name in cost.COSTS}
    return [cost.front_in_words(front, name, comparison.certainty) for name, front in fronts.items() if front]


def _inline(picture: Picture) -> Markup:
    """The figure as an SVG element: named for screen readers, in the page's colours, with ids of its own."""
    svg = svg_text(picture.figure)
    prefix = re.sub(r"\W", "-", picture.name)
    svg = re.sub(r'\bid="', f'id="{prefix}-', svg)
    svg = re.sub(r'((?:xlink:)?href="|url\()#', rf"\1#{prefix}-", svg)
    for colour, variable in ((INK, "currentColor"), (MUTED, "var(--muted)"), (RULE, "var(--rule)")):
        svg = svg.replace(colour, variable)
    opening = Markup('<svg role="img" aria-label="{}" ').format(picture.alternative)
    return opening + Markup(svg.removeprefix("<svg "))
