"""Why a picture is predicted as its class: the picture, Grad-CAM and occlusion side by side."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pipeline.counts import percentage
from pipeline.interpretation.occlusion import Probabilities, occlusion_map
from pipeline.reporting.figures.style import hide_axes, new_figure, styled

PANEL = 2.1
"""Inches: the width of a panel."""
TALLEST = 3.0
"""A panel is at most this many times as high as wide, and at most this many times as wide as high."""
OVERLAY = 0.6
"""Opacity of a map over the picture."""
LEAST_DROP = 0.001
"""The colours of occlusion reach at least this drop of the probability, so that rounding errors stay invisible."""


class Explanation(NamedTuple):
    """A picture, its prediction and the maps that explain it.

    pixels: uint8, (height, width, channels).
    title: the class with its confidence.
    grad_cam: where the last maps increase the score of the class, (height, width), not negative; None without maps.
    occlusion: how far the probability of the class drops if a part is hidden, (height, width).
    """

    pixels: NDArray[np.uint8]
    title: str
    grad_cam: NDArray[np.float32] | None
    occlusion: NDArray[np.float32]


def explanation(
    pixels: NDArray[np.uint8],
    probabilities: Probabilities,
    label: int,
    *,
    name: str,
    confidence: float,
    fill: Sequence[float],
    grad_cam: NDArray[np.float32] | None = None,
) -> Explanation:
    """Gather the values of the figure.

    Args:
        pixels: one picture, shape (height, width, channels).
        probabilities: the network.
        label: index of the class.
        name: name of the class.
        confidence: that the class is right, 0 to 1.
        fill: the mean training grey level of each channel.
        grad_cam: the map of the class, if the network has one.
    """
    title = f"{name}, confidence {percentage(confidence)}"
    return Explanation(pixels, title, grad_cam, occlusion_map(probabilities, pixels, label, fill=fill))


@styled
def explanation_figure(values: Explanation) -> Figure:
    """Draw the picture and each map over the picture in grey, with its scale below and the class above all."""
    height, width = values.pixels.shape[:2]
    panels = ["picture", "occlusion"] if values.grad_cam is None else ["picture", "Grad-CAM", "occlusion"]
    inches = PANEL * len(panels)
    figure = new_figure(1.05 + PANEL * np.clip(height / width, 1 / TALLEST, TALLEST), width=inches)
    figure.suptitle(
        values.title, x=0.01, ha="left", fontweight="bold", fontsize=min(9.5, 75 * inches / len(values.title))
    )
    rows = figure.subplots(2, len(panels), height_ratios=(20, 1))
    for name, panel in zip(panels, rows[0], strict=True):
        hide_axes(panel)
        panel.set_title(name, fontweight="normal")
    rows[1, 0].set_axis_off()
    _draw_picture(rows[0, 0], values.pixels)
    if values.grad_cam is not None:
        shares = values.grad_cam / (values.grad_cam.max() or 1)
        _draw_map(rows[:, 1], values, shares, "viridis", (0, 1), "share of the largest value")
    largest = max(float(np.abs(values.occlusion).max()), LEAST_DROP)
    _draw_map(rows[:, -1], values, values.occlusion, "RdBu_r", (-largest, largest), "drop of the probability")
    return figure


def _draw_picture(axes: Axes, pixels: NDArray[np.generic]) -> None:
    grey = pixels.shape[2] == 1
    axes.imshow(pixels[..., 0] if grey else pixels, cmap="gray", vmin=0, vmax=255, interpolation="nearest")


def _draw_map(
    panels: Sequence[Axes],
    values: Explanation,
    shown: NDArray[np.float32],
    colours: str,
    limits: tuple[float, float],
    label: str,
) -> None:
    """Draw a map over the picture in grey in the first panel, and its scale in the second one."""
    panel, below = panels
    _draw_picture(panel, values.pixels.mean(axis=2, keepdims=True))
    low, high = limits
    image = panel.imshow(shown, cmap=colours, vmin=low, vmax=high, alpha=OVERLAY, interpolation="nearest")
    ticks = [low, (low + high) / 2, high]
    figure = panel.get_figure(root=True)
    assert figure is not None
    scale = figure.colorbar(image, cax=below, orientation="horizontal", label=label, ticks=ticks, format="%.2g")
    scale.outline.set_visible(False)
