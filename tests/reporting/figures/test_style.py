from io import BytesIO
from xml.etree import ElementTree

import matplotlib
import pytest
from PIL import Image

from pipeline.reporting.figures import style as figures


@figures.styled
def drawing():
    figure = figures.new_figure(2)
    axes = figure.subplots()
    axes.plot([0, 1], [1, 0], marker="o", color=figures.BLUE)
    axes.set_title("Test")
    return figure


@pytest.mark.parametrize("write", [figures.png_bytes, figures.svg_text])
def test_the_same_figure_gives_the_same_bytes(write):
    assert write(drawing()) == write(drawing())


def test_the_users_style_does_not_reach_a_report():
    ours = figures.svg_text(drawing())
    with matplotlib.rc_context({"svg.fonttype": "path", "svg.hashsalt": None, "text.color": "red"}):
        assert figures.svg_text(drawing()) == ours


def test_a_png_is_as_many_pixels_as_its_inches_say():
    assert Image.open(BytesIO(figures.png_bytes(drawing(), dpi=100))).size == (420, 200)


def test_svg_is_one_element_whose_text_is_text():
    root = ElementTree.fromstring(figures.svg_text(drawing()))
    assert root.tag.endswith("svg")
    assert "Test" in [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]


def test_no_two_of_56_models_look_alike():
    assert len({look[:2] for look in figures.looks([str(n) for n in range(56)]).values()}) == 56
