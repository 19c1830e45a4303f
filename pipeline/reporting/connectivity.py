"""The report of the study on connectivity: figures and text from its values."""

from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from pipeline.arithmetic.connectivity import Weights, weights
from pipeline.reporting.figures.style import BLUE, GREEN, INK, MUTED, RULE, VERMILLION, hide_axes, new_figure, styled
from pipeline.reporting.tables.text_table import Table
from pipeline.reporting.templates.rendering import template
from pipeline.reporting.text.quantities import count, magnitude

KINDS = ("full", "sparse", "shared")
COLOURS = {"full": VERMILLION, "sparse": BLUE, "shared": GREEN}
SHARED = (VERMILLION, BLUE, GREEN)
FIVE, WINDOW = 5, 3


class Growth(NamedTuple):
    """The weights between an image of `sides` × `sides` and as many units, for a kernel of `kernel` × `kernel`."""

    sides: tuple[int, ...]
    weights: tuple[Weights, ...]
    kernel: int


class Kernels(NamedTuple):
    """A line of pixels under a kernel: what Keras, NumPy and a product with a matrix make of it."""

    pixels: tuple[float, ...]
    kernel: tuple[float, ...]
    keras: tuple[float, ...]
    correlation: tuple[float, ...]
    convolution: tuple[float, ...]
    convolution_of_flipped: tuple[float, ...]
    matrix: tuple[tuple[float, ...], ...]
    product: tuple[float, ...]


class Unrolling(NamedTuple):
    """A convolution and its unrolled forms: their largest difference, as a share of the largest output."""

    dimensions: int
    stride: int
    padding: str
    weights: Weights
    locally_connected: float
    masked_dense: float


def figures(growth: Growth) -> dict[str, Figure]:
    """The figures by the name of their file."""
    return {"five-pixels": five_pixels_figure(), "growth": growth_figure(growth)}


@styled
def five_pixels_figure() -> Figure:
    """Three units over five pixels, fully, sparsely, and with shared weights connected."""
    figure = new_figure(1.7)
    counted = weights([FIVE], WINDOW)
    for axes, kind in zip(figure.subplots(1, 3), KINDS, strict=True):
        hide_axes(axes)
        _wires(axes, kind)
        axes.set_title(f"{kind}\n{getattr(counted, kind)} weights", loc="center")
        axes.set_xlim(-0.6, FIVE - 0.4)
        axes.set_ylim(-0.45, 1.45)
    return figure


def _wires(axes: Axes, kind: str) -> None:
    units = FIVE - WINDOW + 1
    for unit in range(units):
        for pixel in range(FIVE):
            if kind == "full" or unit <= pixel < unit + WINDOW:
                colour = SHARED[pixel - unit] if kind == "shared" else MUTED
                axes.plot([pixel, unit + 1], [0, 1], color=colour, linewidth=1.4, zorder=1)
    axes.scatter(range(FIVE), [0] * FIVE, s=70, color="white", edgecolor=INK, zorder=2)
    axes.scatter(range(1, units + 1), [1] * units, s=70, color=INK, zorder=2)


@styled
def growth_figure(growth: Growth) -> Figure:
    """Weights against the side of the image, both on logarithmic scales."""
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
    axes.set_xlabel("side of the image and of the map, pixels")
    axes.set_title("Weights of one layer")
    return figure


def text(growth: Growth, kernels: Kernels, unrollings: tuple[Unrolling, ...], *, versions: str) -> str:
    """The report as Markdown, its figures beside it."""
    return template("connectivity.md.j2", autoescape=False).render(
        growth=growth,
        matrix=_matrix_lines(kernels.matrix),
        five=weights([FIVE], WINDOW),
        growth_table=_growth_table(growth),
        kernels_table=_kernels_table(kernels),
        unrollings_table=_unrollings_table(unrollings),
        worst=max(max(one.locally_connected, one.masked_dense) for one in unrollings),
        keras=versions,
    )


def _growth_table(growth: Growth) -> Table:
    return Table(
        caption=f"Weights between an image and a map of the same side; kernel {growth.kernel} × {growth.kernel}, one "
        "channel, one map, padding same, no biases.",
        header=("image", *KINDS, "full : shared"),
        rows=tuple(
            (f"{side} × {side}", *(count(getattr(one, kind)) for kind in KINDS), count(one.full // one.shared))
            for side, one in zip(growth.sides, growth.weights, strict=True)
        ),
    )


def _kernels_table(kernels: Kernels) -> Table:
    flipped = kernels.kernel[::-1]
    return Table(
        caption=f"The pixels x = {_listed(kernels.pixels)} under the kernel w = {_listed(kernels.kernel)}.",
        header=("computed as", "a1, a2, a3"),
        rows=(
            ("Keras: Conv1D with kernel w", _listed(kernels.keras)),
            ("cross-correlation of x and w", _listed(kernels.correlation)),
            (f"convolution x * {_listed(flipped)}, the kernel flipped", _listed(kernels.convolution_of_flipped)),
            ("product of the matrix below with x", _listed(kernels.product)),
            ("convolution x * w, the kernel not flipped: another function", _listed(kernels.convolution)),
        ),
    )


def _unrollings_table(unrollings: tuple[Unrolling, ...]) -> Table:
    return Table(
        caption="Convolutions of 4 maps, kernel 3, on 16 or 16 × 16 pixels of 2 channels: weights in each form, and "
        "the largest difference of an output as a share of the largest output; float32, random weights.",
        header=("convolution", "shared", "sparse", "full", "locally connected differs by", "masked dense differs by"),
        rows=tuple(
            (
                f"{one.dimensions}-D, stride {one.stride}, {one.padding}",
                *(count(getattr(one.weights, kind)) for kind in reversed(KINDS)),
                f"{one.locally_connected:.1e}",
                f"{one.masked_dense:.1e}",
            )
            for one in unrollings
        ),
    )


def _listed(values: tuple[float, ...]) -> str:
    return f"({', '.join(f'{value:g}' for value in values)})"


def _matrix_lines(matrix: tuple[tuple[float, ...], ...]) -> str:
    width = max(len(f"{value:g}") for row in matrix for value in row)
    return "\n".join("  ".join(f"{value:g}".rjust(width) for value in row) for row in matrix)
