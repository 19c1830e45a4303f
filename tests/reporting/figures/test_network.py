from math import prod

import pytest

from pipeline.arithmetic.table import LayerRow
from pipeline.reporting.figures.network import Skip, family, network_drawing, network_layout
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


RESIDUAL = (
    row("image", "InputLayer", shape=(8, 8, 1)),
    row("stem", "Conv2D", "image", parameters=40, multiply_accumulates=2304),
    row("conv1", "Conv2D", "stem", parameters=148, multiply_accumulates=9216),
    row("conv2", "Conv2D", "conv1", parameters=148, multiply_accumulates=9216),
    row("sum", "Add", "conv2", "stem"),
    row("pool", "GlobalAveragePooling2D", "sum", shape=(4,)),
    row("out", "Dense", "pool", shape=(10,), parameters=50, multiply_accumulates=40),
)


def test_a_residual_network_is_a_chain_with_one_arc():
    layout = network_layout(RESIDUAL)
    assert layout.straight == ((0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 6))
    assert layout.skips == (Skip(1, 4, 0),)


def test_a_box_says_what_a_layer_is_and_costs():
    box = network_layout(RESIDUAL).boxes[1]
    assert box == ("stem", "Conv2D", "convolution", "8 × 8 × 4", "40", "2.3 k")


def test_neighbours_that_are_not_joined_have_no_arrow():
    branches = (row("a", "InputLayer"), row("b", "Conv2D", "a"), row("c", "Conv2D", "a"), row("d", "Add", "b", "c"))
    layout = network_layout(branches)
    assert layout.straight == ((0, 1), (2, 3))
    assert {skip[:2] for skip in layout.skips} == {(0, 2), (1, 3)}


def test_arcs_that_pass_the_same_layer_have_lanes_of_their_own_and_short_ones_run_inside():
    dense = [row("0", "InputLayer"), *(row(str(n), "Concatenate", *map(str, range(n))) for n in range(1, 6))]
    skips = network_layout(dense).skips
    assert len(skips) == 10
    for one in skips:
        for other in skips:
            if one != other and one.source < other.target and other.source < one.target:
                assert one.lane != other.lane
    assert max(skips, key=lambda skip: skip.target - skip.source).lane == max(skip.lane for skip in skips)


def test_arcs_one_after_the_other_share_a_lane():
    chain = [row("0", "InputLayer"), row("1", "Conv2D", "0"), row("2", "Add", "1", "0")]
    chain += [row("3", "Conv2D", "2"), row("4", "Add", "3", "2")]
    assert network_layout(chain).skips == (Skip(0, 2, 0), Skip(2, 4, 0))


def test_an_input_without_a_row_is_no_path():
    assert network_layout((row("conv", "Conv2D", "image"),)).straight == ()


def test_the_drawing_names_every_layer_and_sums_up():
    texts = {text.get_text() for text in network_drawing(RESIDUAL).axes[0].texts}
    assert {layer.name for layer in RESIDUAL} | {layer.kind for layer in RESIDUAL} <= texts
    assert {"386", "20.8 k"} <= texts


@pytest.mark.parametrize("layers", [1, 40])
def test_no_text_leaves_the_drawing_or_its_box(layers):
    rows = [row("a_layer_with_quite_a_long_name_0", "InputLayer")]
    rows += [
        row(f"a_layer_with_quite_a_long_name_{n}", "Conv2D", rows[-1].name, parameters=9**n) for n in range(1, layers)
    ]
    figure = network_drawing(rows)
    png_bytes(figure)
    page = figure.bbox
    for text in figure.axes[0].texts:
        box = text.get_window_extent()
        assert page.x0 <= box.x0
        assert box.x1 <= page.x1
        assert page.y0 <= box.y0
        assert box.y1 <= page.y1


def test_a_network_has_layers():
    with pytest.raises(ValueError, match="at least one layer"):
        network_drawing(())


def test_several_inputs_and_a_tower_used_twice_are_drawn_with_all_their_paths():
    siamese = (
        row("left", "InputLayer"),
        row("right", "InputLayer"),
        row("tower/conv", "Conv1D", "left", shape=(8, 4), parameters=40),
        row("tower/conv (use 2)", "Conv1D", "right", shape=(8, 4)),
        row("distance", "Subtract", "tower/conv", "tower/conv (use 2)", shape=(8, 4)),
    )
    layout = network_layout(siamese)
    assert layout.straight == ((3, 4),)
    assert {skip[:2] for skip in layout.skips} == {(0, 2), (1, 3), (2, 4)}
    texts = {text.get_text() for text in network_drawing(siamese).axes[0].texts}
    assert {"tower/conv (use 2)", "8 × 4"} <= texts


def deep(layers):
    """A residual network of that many layers: every third adds what came three layers before."""
    rows = [row("0", "InputLayer", parameters=1)]
    for n in range(1, layers):
        earlier = [str(n - 3)] if n % 3 == 0 else []
        rows.append(row(str(n), "Add" if earlier else "Conv2D", str(n - 1), *earlier, parameters=1))
    return rows


def test_a_network_of_hundreds_of_layers_is_drawn_with_its_middle_in_one_box():
    boxes = network_layout(deep(1041)).boxes
    assert len(boxes) == 100
    assert [box.name for box in boxes[49:52]] == ["49", "… 942 layers …", "992"]
    assert boxes[50].parameters == "942"
    assert len(network_layout(deep(100)).boxes) == 100
    texts = {text.get_text() for text in network_drawing(deep(1041)).axes[0].texts}
    assert "1,041" in texts


def test_paths_into_the_middle_end_there_and_those_out_of_it_begin_there():
    layout = network_layout(deep(1041))
    assert (49, 50) in layout.straight
    assert (50, 51) in layout.straight
    # 51 = 50 + 48, and 993 = 992 + 990.
    assert {skip[:2] for skip in layout.skips if 50 in skip[:2]} == {(48, 50), (50, 52)}


def test_many_paths_side_by_side_do_not_widen_the_drawing_without_end():
    dense = [row("0", "InputLayer"), *(row(str(n), "Concatenate", *map(str, range(n))) for n in range(1, 40))]
    assert network_drawing(dense).get_size_inches()[0] < 9


def test_padding_joins_no_paths():
    assert [family(kind) for kind in ("ZeroPadding2D", "CircularPadding2D", "Add")] == ["other", "other", "joins paths"]
