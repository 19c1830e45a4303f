import numpy as np
import pytest

from pipeline.interpretation.map_sheet import GAP, LABEL, LEAST, TILE, map_sheet

GREY = np.full((8, 8, 1), 200, np.uint8)


def tiles_of(sheet, top, height, width, count):
    return [sheet[top : top + height, GAP + n * (width + GAP) : GAP + n * (width + GAP) + width] for n in range(count)]


def test_every_position_of_a_map_becomes_a_square_of_its_value():
    """All maps of a block have one scale, so 4 of 8 is grey in every one of them."""
    maps = np.zeros((4, 4, 2), np.float32)
    maps[1, 2, 0], maps[3, 0, 1] = 8, 4
    sheet = map_sheet(GREY, ["conv"], [maps])
    top, side = LABEL + TILE + GAP + LABEL, TILE // 4
    first, second = tiles_of(sheet, top, TILE, TILE, 2)
    np.testing.assert_array_equal(first, np.kron(maps[..., 0] / 8 * 255, np.ones((side, side))))
    np.testing.assert_array_equal(second, np.kron(np.rint(maps[..., 1] / 8 * 255), np.ones((side, side))))
    np.testing.assert_array_equal(sheet[LABEL : LABEL + TILE, GAP : GAP + TILE], 200)


def test_zero_is_grey_in_a_block_with_negative_values():
    maps = np.array([[[-2.0], [0.0], [1.0]]], np.float32)
    sheet = map_sheet(GREY, ["tanh"], [maps])
    row = sheet[LABEL + TILE + GAP + LABEL]
    side = TILE // 3
    assert [int(row[GAP + side * column]) for column in range(3)] == [0, 128, 191]


@pytest.mark.parametrize(
    ("shape", "size"), [((1, 40), (LEAST, 40)), ((2, 2), (TILE, TILE)), ((224, 112), (TILE, TILE // 2))]
)
def test_maps_of_all_sizes_are_visible_and_fit(shape, size):
    sheet = map_sheet(GREY, ["conv"], [np.ones((*shape, 9), np.float32)])
    top = LABEL + TILE + GAP + LABEL
    for tile in tiles_of(sheet, top, *size, 8):
        assert tile.shape == size and (tile == 255).all()
    assert sheet.shape[0] == top + size[0] + 2 * GAP


def test_an_image_in_colour_gives_a_sheet_in_colour():
    sheet = map_sheet(np.full((8, 8, 3), (10, 20, 30), np.uint8), ["conv"], [np.ones((2, 2, 1), np.float32)])
    assert sheet.shape[2] == 3
    assert sheet[LABEL, GAP].tolist() == [10, 20, 30]


def test_values_that_are_not_finite_are_drawn_as_zero():
    maps = np.array([[[np.nan], [np.inf], [1.0]]], np.float32)
    assert map_sheet(GREY, ["conv"], [maps])[LABEL + TILE + GAP + LABEL, GAP] == 0
