"""Figures and text of the study on connectivity."""

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from pipeline.arithmetic.weight_counts import weights
from pipeline.reporting.figures.style import BLUE, GREEN, INK, MUTED, RULE, VERMILLION, hide_axes, new_figure, styled
from pipeline.reporting.tables.text_table import Table
from pipeline.reporting.templates.rendering import template
from pipeline.reporting.text.quantities import count, magnitude
from pipeline.studies.connectivity.convolution_forms import ConvolutionExample, UnrollingError, WeightGrowth

KINDS = ("full", "sparse", "shared")
COLOURS = {"full": VERMILLION, "sparse": BLUE, "shared": GREEN}
WEIGHT_COLOURS = (VERMILLION, BLUE, GREEN)
FIVE, WINDOW, IMAGE = 5, 3, 64


class WiringDiagram(NamedTuple):
    """Connections (pixel, unit, colour) between `pixels` inputs and `units` units, and the number of weights."""

    title: str
    pixels: int
    units: int
    connections: tuple[tuple[int, int, str], ...]


def figures(growth: WeightGrowth) -> dict[str, Figure]:
    """Return the figures of the report by file name."""
    return {"five-pixels": wiring_figure(wiring_diagrams()), "growth": growth_figure(growth)}


def wiring_diagrams() -> tuple[WiringDiagram, ...]:
    """Connect three units to five pixels: fully, sparsely, and with shared weights."""
    counts, units = weights([FIVE], WINDOW), FIVE - WINDOW + 1
    return tuple(
        WiringDiagram(
            title=f"{kind}\n{getattr(counts, kind)} weights",
            pixels=FIVE,
            units=units,
            connections=tuple(
                (pixel, unit, WEIGHT_COLOURS[pixel - unit] if kind == "shared" else MUTED)
                for unit in range(units)
                for pixel in range(FIVE)
                if kind == "full" or unit <= pixel < unit + WINDOW
            ),
        )
        for kind in KINDS
    )


@styled
def wiring_figure(diagrams: Sequence[WiringDiagram]) -> Figure:
    """Draw pixels below and units above; connections of one colour share a weight."""
    figure = new_figure(1.7)
    for axes, diagram in zip(figure.subplots(1, len(diagrams)), diagrams, strict=True):
        hide_axes(axes)
        for pixel, unit, colour in diagram.connections:
            axes.plot([pixel, unit + 1], [0, 1], color=colour, linewidth=1.4, zorder=1)
        axes.scatter(range(diagram.pixels), [0] * diagram.pixels, s=70, color="white", edgecolor=INK, zorder=2)
        axes.scatter(range(1, diagram.units + 1), [1] * diagram.units, s=70, color=INK, zorder=2)
        axes.set_title(diagram.title, loc="center")
        axes.set_xlim(-0.6, diagram.pixels - 0.4)
        axes.set_ylim(-0.45, 1.45)
    return figure


@styled
def growth_figure(growth: WeightGrowth) -> Figure:
    """Plot the number of weights against the side of the image; both axes are logarithmic."""
    figure = new_figure(2.7)
    axes = figure.subplots()
    for kind in KINDS:
        counts = [getattr(one, kind) for one in growth.weights]
        axes.plot(growth.sides, counts, color=COLOURS[kind], marker="o", markersize=3.5)
        axes.annotate(
            f"{kind}, {magnitude(counts[-1])}",
            (growth.sides[-1], counts[-1]),
            xytext=(5, 0),
            textcoords="offset points",
            color=COLOURS[kind],
            va="center",
        )
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(growth.sides[::2], [str(side) for side in growth.sides[::2]])
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: magnitude(value)))
    axes.minorticks_off()
    axes.set_xlim(growth.sides[0] * 0.8, growth.sides[-1] * 9)
    axes.grid(axis="y", color=RULE)
    axes.set_xlabel("side of image and feature map (pixels)")
    axes.set_title("Weights of one layer")
    return figure


def text(
    growth: WeightGrowth, example: ConvolutionExample, errors: Sequence[UnrollingError], *, keras_version: str
) -> str:
    """Return the report as Markdown; the figures are expected in the same folder."""
    return template("connectivity.md.j2", package=__package__, autoescape=False).render(
        growth=growth,
        matrix=_matrix_lines(example.matrix),
        five=weights([FIVE], WINDOW),
        image=weights([IMAGE, IMAGE], WINDOW, padding="same"),
        growth_table=_growth_table(growth),
        example_table=_example_table(example),
        errors_table=_errors_table(errors),
        worst=max(max(one.locally_connected, one.masked_dense) for one in errors),
        keras=keras_version,
    )


def _growth_table(growth: WeightGrowth) -> Table:
    return Table(
        caption="Weights between an image with one channel and one feature map of the same size: kernel "
        f"{growth.kernel} × {growth.kernel}, padding same, no biases.",
        header=("image", *KINDS, "full : shared"),
        rows=tuple(
            (f"{side} × {side}", *(count(getattr(one, kind)) for kind in KINDS), count(one.full // one.shared))
            for side, one in zip(growth.sides, growth.weights, strict=True)
        ),
    )


def _example_table(example: ConvolutionExample) -> Table:
    flipped = example.kernel[::-1]
    return Table(
        caption=f"Outputs for the pixels x = {_listed(example.pixels)} and the kernel w = {_listed(example.kernel)}.",
        header=("computed as", "a₁, a₂, a₃"),
        rows=(
            ("Keras: Conv1D with kernel w", _listed(example.keras)),
            ("cross-correlation of x and w", _listed(example.correlation)),
            (f"convolution x * {_listed(flipped)}, flipped kernel", _listed(example.convolution_of_flipped)),
            ("product of the matrix below and x", _listed(example.product)),
            ("convolution x * w, kernel not flipped: a different function", _listed(example.convolution)),
        ),
    )


def _errors_table(errors: Sequence[UnrollingError]) -> Table:
    return Table(
        caption="Convolutions with 4 feature maps and kernel size 3 on 16 or 16 × 16 pixels with 2 channels: weights "
        "of each form, and its largest difference relative to the largest output (float32, random weights).",
        header=("convolution", "shared", "sparse", "full", "difference, locally connected", "difference, masked dense"),
        rows=tuple(
            (
                f"{one.dimensions}-D, stride {one.stride}, {one.padding}",
                *(count(getattr(one.weights, kind)) for kind in reversed(KINDS)),
                f"{one.locally_connected:.1e}",
                f"{one.masked_dense:.1e}",
            )
            for one in errors
        ),
    )


def _listed(values: tuple[float, ...]) -> str:
    return f"({', '.join(f'{value:g}' for value in values)})"


def _matrix_lines(matrix: tuple[tuple[float, ...], ...]) -> str:
    width = max(len(f"{value:g}") for row in matrix for value in row)
    return "\n".join("  ".join(f"{value:g}".rjust(width) for value in row) for row in matrix)
