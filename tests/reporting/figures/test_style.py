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


def test_the_matplotlibrc_of_the_user_does_not_change_a_report():
    ours = figures.svg_text(drawing())
    with matplotlib.rc_context({"svg.fonttype": "path", "svg.hashsalt": None, "text.color": "red"}):
        assert figures.svg_text(drawing()) == ours


def test_the_size_of_a_png_is_inches_times_dpi():
    assert Image.open(BytesIO(figures.png_bytes(drawing(), dpi=100))).size == (420, 200)


def test_svg_is_one_element_with_selectable_text():
    root = ElementTree.fromstring(figures.svg_text(drawing()))
    assert root.tag.endswith("svg")
    assert "Test" in [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]


@pytest.mark.parametrize("write", [figures.png_bytes, figures.svg_text])
def test_letters_without_a_font_raise_no_warning(write):
    figure = drawing()
    figure.axes[0].set_title("猫 \U00010980")
    assert write(figure)


def test_56_models_have_different_pairs_of_colour_and_marker():
    assert len({style[:2] for style in figures.line_styles([str(n) for n in range(56)]).values()}) == 56
