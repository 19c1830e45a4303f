"""Figures, table and sentences on shifts and rotations, from numbers chosen by hand."""

import numpy as np
import pytest

from pipeline.reporting.blocks import Paragraph, Picture, TableBlock, Terms
from pipeline.reporting.figures.shift_figures import equivariance_figure, equivariance_lines, reactions
from pipeline.reporting.figures.style import line_styles, png_bytes
from pipeline.reporting.sections.shift_reactions import section
from pipeline.reporting.tables.shift_table import shift_table


def replicate(number, consistency, error=0.2):
    names = ("shift", "subpixel", "phase", "circular", "rotation")
    values = {f"{name}_consistency": consistency and consistency - place / 10 for place, name in enumerate(names)}
    return {"replicate": number, **values, "equivariance_error": error}


def layer(name, depth, **errors):
    return {"name": name, "kind": "Conv2D", "depth": depth, "stride": [1, 1], "receptive_field": [3, 3], **errors}


def measured(*consistencies, layers=()):
    def curve(values):
        return [None if consistency is None else values for consistency in consistencies]

    return {
        "setting": {"largest_shift": 3, "largest_angle": 30.0, "inside": 0.75, "images": 40},
        "replicates": [replicate(*one) for one in enumerate(consistencies)],
        "curve": {
            "shift": {"distances": [0, 1, 2], "accuracy": curve([0.9, 0.8, 0.6])},
            "rotation": {"angles": [0, 90], "accuracy": curve([0.9, 0.1])},
        },
        "layers": list(layers),
    }


CONVS = [
    layer("conv", 1, inner=[0.0, 0.0], shift=[0.1, 0.3], pixel=[0.1, None], turn=[None, None]),
    layer("relu", 1, inner=[0.0, 0.0], shift=[0.2, 0.4], pixel=[0.2, None], turn=[None, None]),
    layer("conv2", 2, inner=[None, None], shift=[0.5, 0.5], pixel=[0.6, 0.6], turn=[None, None]),
    layer("shortcut", 1, inner=[0.0, 0.0], shift=[9.0, 9.0], pixel=[9.0, 9.0], turn=[9.0, 9.0]),
]


@pytest.fixture
def comparison(compare):
    return compare(shifts={"lenet5": measured(0.9, 0.8, layers=CONVS), "resnet8": measured(None, 0.95)})


def test_the_section_names_the_most_consistent_network_and_the_replicates_that_are_left_out(comparison):
    texts = [block.text for block in section(comparison).blocks if isinstance(block, Paragraph)]
    assert texts[0] == (
        "Most consistent under shifts: resnet8 (0.950; 0.550 under rotations). Least consistent: lenet5 (0.850)."
    )
    assert "resnet8 (1 of 2)" in texts[1]


def test_the_section_has_a_table_two_figures_and_the_terms(comparison):
    blocks = section(comparison).blocks[2:]
    assert [type(block) for block in blocks] == [TableBlock, Picture, Picture, Terms]
    assert "75 % of the images" in dict(blocks[-1].items)["Border"]


def test_a_comparison_without_interpretation_has_no_section(compare):
    assert section(compare()) is None


def test_networks_without_maps_have_no_equivariance_error(compare):
    found = section(compare(shifts={"fully_connected": measured(0.9)}))
    assert [type(block) for block in found.blocks] == [Paragraph, TableBlock, Picture, Terms]
    assert "Equivariance error" not in dict(found.blocks[-1].items)


def test_networks_that_always_predict_one_class_have_only_a_table(compare):
    found = section(compare(shifts={"lenet5": measured(None, None)}))
    assert [type(block) for block in found.blocks] == [Paragraph, TableBlock, Terms]
    assert shift_table({"lenet5": measured(None, None)}).rows[0][1:3] == ("–", "–")


def test_the_table_lists_the_most_consistent_model_first_with_means_over_replicates_that_have_a_value():
    table = shift_table({"a": measured(0.9, 0.8), "b": measured(None, 0.95), "c": measured(None, None)})
    assert [row[0] for row in table.rows] == ["b", "a", "c"]
    assert table.rows[1][1] == "0.850 ± 0.071"
    assert table.rows[0][1] == "0.950"


def test_a_curve_is_the_mean_over_the_replicates_that_have_one():
    found = reactions({"a": measured(0.9, None)})
    np.testing.assert_allclose(found.shift["a"].y, [0.9, 0.8, 0.6])
    assert found.rotation["a"].x.tolist() == [0, 90]


def test_each_depth_has_the_error_of_its_last_layer_without_shortcuts():
    lines = equivariance_lines({"a": measured(0.9, 0.8, layers=CONVS)})
    np.testing.assert_allclose(lines["shift"]["a"].y, [0.3, 0.5])
    np.testing.assert_allclose(lines["pixel"]["a"].y, [0.2, 0.6])
    assert lines["inner"]["a"].x.tolist() == [1]
    assert lines["turn"] == {}


def test_the_figure_has_a_panel_for_each_error_also_for_a_panel_without_lines():
    figure = equivariance_figure(equivariance_lines({"a": measured(0.9, 0.8, layers=CONVS)}), line_styles(["a"]))
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "Shift, away from the border",
        "Shift, all units",
        "Shift by one pixel",
        "Quarter turn",
    ]
    assert png_bytes(figure).startswith(b"\x89PNG")
