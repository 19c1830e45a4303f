import numpy as np
import pytest

from pipeline.interpretation.occlusion import occlusion_map
from pipeline.reporting.figures.explanation import Explanation, explanation, explanation_figure
from pipeline.reporting.figures.style import png_bytes

PIXELS = np.random.default_rng(0).integers(256, size=(10, 12, 1), dtype=np.uint8)


def brightness(pixels):
    share = pixels.mean(axis=(1, 2, 3), dtype=np.float32) / 255
    return np.stack([1 - share, share], axis=1)


def test_the_values_are_the_picture_its_class_with_confidence_and_the_map_of_occlusion():
    values = explanation(PIXELS, brightness, 1, name="bright", confidence=0.876, fill=[128])
    assert values.title == "bright, confidence 87.6 %" and values.grad_cam is None
    np.testing.assert_array_equal(values.pixels, PIXELS)
    np.testing.assert_array_equal(values.occlusion, occlusion_map(brightness, PIXELS, 1, fill=[128]))


@pytest.mark.parametrize("grad_cam", [None, np.zeros((10, 12), np.float32), np.full((10, 12), 8, np.float32)])
def test_the_figure_has_a_panel_for_each_map(grad_cam):
    figure = explanation_figure(Explanation(PIXELS, "7", grad_cam, np.full((10, 12), -0.25, np.float32)))
    panels = [axes for axes in figure.axes if axes.get_title(loc="left")]
    assert [axes.get_title(loc="left") for axes in panels] == [
        "picture",
        *(["Grad-CAM"] * (grad_cam is not None)),
        "occlusion",
    ]
    assert figure.get_suptitle() == "7"
    overlay = panels[-1].images[1]
    assert overlay.get_clim() == (-0.25, 0.25), "no change of the probability has the colour in the middle"
    if grad_cam is not None:
        assert panels[1].images[1].get_array().max() == (1 if grad_cam.any() else 0)


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 300, 3), (300, 3, 3)])
def test_pictures_of_any_shape_are_drawn(shape):
    pixels = np.zeros(shape, np.uint8)
    figure = explanation_figure(Explanation(pixels, "a" * 60, None, np.zeros(shape[:2], np.float32)))
    assert png_bytes(figure).startswith(b"\x89PNG")
