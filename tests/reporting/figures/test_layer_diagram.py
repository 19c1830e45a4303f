from math import prod

import pytest

from pipeline.arithmetic.table import LayerRow
from pipeline.reporting.figures.layer_diagram import SkipConnection, family, layer_diagram, layer_diagram_figure
from pipeline.reporting.figures.style import png_bytes


def row(name, kind, *inputs, shape=(8, 8, 4), parameters=0, multiply_accumulates=0):
    return LayerRow(
        name,
        kind,
        inputs,
        shape,
        parameters=parameters,
        connections=0,
        multiply_accumulates=multiply_accumulates,
        activations=prod(shape),
        sees="nothing",
        receptive_field=None,
        stride=None,
        padding=None,
    )


def drawn(rows):
    return layer_diagram_figure(layer_diagram(rows))


RESIDUAL = (
    row("image", "InputLayer", shape=(8, 8, 1)),
    row("stem", "Conv2D", "image", parameters=40, multiply_accumulates=2304),
    row("conv1", "Conv2D", "stem", parameters=148, multiply_accumulates=9216),
    row("conv2", "Conv2D", "conv1", parameters=148, multiply_accumulates=9216),
    row("sum", "Add", "conv2", "stem"),
    row("pool", "GlobalAveragePooling2D", "sum", shape=(4,)),
    row("out", "Dense", "pool", shape=(10,), parameters=50, multiply_accumulates=40),
)


def test_a_residual_network_is_a_chain_with_one_skip_connection():
    diagram = layer_diagram(RESIDUAL)
    assert diagram.straight == ((0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 6))
    assert diagram.skips == (SkipConnection(1, 4, 0),)


def test_a_box_has_name_kind_family_shape_and_costs():
    box = layer_diagram(RESIDUAL).boxes[1]
    assert box == ("stem", "Conv2D", "convolution", "8 × 8 × 4", "40", "2.3 k")


def test_unconnected_neighbours_have_no_arrow():
    branches = (row("a", "InputLayer"), row("b", "Conv2D", "a"), row("c", "Conv2D", "a"), row("d", "Add", "b", "c"))
    diagram = layer_diagram(branches)
    assert diagram.straight == ((0, 1), (2, 3))
    assert {skip[:2] for skip in diagram.skips} == {(0, 2), (1, 3)}


def test_overlapping_skip_connections_have_different_lanes_and_the_longest_is_outermost():
    dense = [row("0", "InputLayer"), *(row(str(n), "Concatenate", *map(str, range(n))) for n in range(1, 6))]
    skips = layer_diagram(dense).skips
    assert len(skips) == 10
    for one in skips:
        for other in skips:
            if one != other and one.source < other.target and other.source < one.target:
                assert one.lane != other.lane
    assert max(skips, key=lambda skip: skip.target - skip.source).lane == max(skip.lane for skip in skips)


def test_consecutive_skip_connections_share_a_lane():
    chain = [row("0", "InputLayer"), row("1", "Conv2D", "0"), row("2", "Add", "1", "0")]
    chain += [row("3", "Conv2D", "2"), row("4", "Add", "3", "2")]
    assert layer_diagram(chain).skips == (SkipConnection(0, 2, 0), SkipConnection(2, 4, 0))


def test_an_input_without_a_row_is_ignored():
    assert layer_diagram((row("conv", "Conv2D", "image"),)).straight == ()


def test_the_figure_names_every_layer_and_shows_the_totals():
    texts = {text.get_text() for text in drawn(RESIDUAL).axes[0].texts}
    assert {layer.name for layer in RESIDUAL} | {layer.kind for layer in RESIDUAL} <= texts
    assert {"386", "20.8 k"} <= texts


@pytest.mark.parametrize("layers", [1, 40])
def test_all_text_stays_inside_the_figure(layers):
    rows = [row("a_layer_with_quite_a_long_name_0", "InputLayer")]
    rows += [
        row(f"a_layer_with_quite_a_long_name_{n}", "Conv2D", rows[-1].name, parameters=9**n) for n in range(1, layers)
    ]
    figure = drawn(rows)
    png_bytes(figure)
    page = figure.bbox
    for text in figure.axes[0].texts:
        box = text.get_window_extent()
        assert page.x0 <= box.x0
        assert box.x1 <= page.x1
        assert page.y0 <= box.y0
        assert box.y1 <= page.y1


def test_a_diagram_needs_at_least_one_layer():
    with pytest.raises(ValueError, match="at least one layer"):
        layer_diagram(())


def test_several_inputs_and_a_shared_tower_have_all_their_connections():
    siamese = (
        row("left", "InputLayer"),
        row("right", "InputLayer"),
        row("tower/conv", "Conv1D", "left", shape=(8, 4), parameters=40),
        row("tower/conv (use 2)", "Conv1D", "right", shape=(8, 4)),
        row("distance", "Subtract", "tower/conv", "tower/conv (use 2)", shape=(8, 4)),
    )
    diagram = layer_diagram(siamese)
    assert diagram.straight == ((3, 4),)
    assert {skip[:2] for skip in diagram.skips} == {(0, 2), (1, 3), (2, 4)}
    texts = {text.get_text() for text in drawn(siamese).axes[0].texts}
    assert {"tower/conv (use 2)", "8 × 4"} <= texts


def deep(layers):
    """A residual network: every third layer adds the output of the layer three before it."""
    rows = [row("0", "InputLayer", parameters=1)]
    for n in range(1, layers):
        earlier = [str(n - 3)] if n % 3 == 0 else []
        rows.append(row(str(n), "Add" if earlier else "Conv2D", str(n - 1), *earlier, parameters=1))
    return rows


def test_the_middle_of_a_very_deep_network_is_one_box():
    boxes = layer_diagram(deep(1041)).boxes
    assert len(boxes) == 100
    assert [box.name for box in boxes[49:52]] == ["49", "… 942 layers …", "992"]
    assert boxes[50].parameters == "942"
    assert len(layer_diagram(deep(100)).boxes) == 100
    texts = {text.get_text() for text in drawn(deep(1041)).axes[0].texts}
    assert "1,041" in texts


def test_connections_into_and_out_of_the_middle_are_kept():
    diagram = layer_diagram(deep(1041))
    assert (49, 50) in diagram.straight
    assert (50, 51) in diagram.straight
    # 51 = 50 + 48, and 993 = 992 + 990.
    assert {skip[:2] for skip in diagram.skips if 50 in skip[:2]} == {(48, 50), (50, 52)}


def test_many_lanes_do_not_make_the_figure_too_wide():
    dense = [row("0", "InputLayer"), *(row(str(n), "Concatenate", *map(str, range(n))) for n in range(1, 40))]
    assert drawn(dense).get_size_inches()[0] < 9


def test_padding_does_not_count_as_an_addition():
    kinds = ("ZeroPadding2D", "CircularPadding2D", "ChannelPaddedShortcut", "Add")
    assert [family(kind) for kind in kinds] == ["other", "other", "other", "merging"]
