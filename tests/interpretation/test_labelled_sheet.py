import io

import numpy as np
import pytest
from PIL import Image

from pipeline.interpretation.labelled_sheet import EMPTY, FRAMED, Band, _caption_lines, enlarged, labelled_sheet

WHITE, BLACK, RED = (
    np.full((3, 3), 255, np.uint8),
    np.zeros((3, 3, 1), np.uint8),
    np.full((2, 2, 3), (255, 0, 0), np.uint8),
)


def opened(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def test_pixels_are_enlarged_to_equal_squares():
    pixels = np.arange(9, dtype=np.uint8).reshape(3, 3)
    sheet = np.asarray(enlarged(pixels, 64))
    assert sheet.shape == (63, 63, 3)
    np.testing.assert_array_equal(sheet[..., 0], pixels.repeat(21, 0).repeat(21, 1))


def test_a_signal_of_one_row_is_widened():
    signal = np.arange(40, dtype=np.uint8).reshape(1, 40, 1)
    assert enlarged(signal, 84).size == (80, 16)


def test_a_large_image_is_reduced():
    assert enlarged(np.zeros((300, 200, 1), np.uint8), 84).size == (56, 84)


def test_framed_rows_have_a_blue_frame_and_white_tiles_a_grey_edge():
    sheet = opened(labelled_sheet("title", [Band("heading", [[WHITE], [WHITE]], ["1"], framed=1)]))
    colours = {tuple(pixel) for pixel in sheet.reshape(-1, 3)}
    assert FRAMED in colours and EMPTY in colours
    plain = opened(labelled_sheet("title", [Band("heading", [[WHITE], [WHITE]], ["1"])]))
    assert FRAMED not in {tuple(pixel) for pixel in plain.reshape(-1, 3)}


def test_tiles_stand_in_columns_below_each_other():
    sheet = opened(labelled_sheet("t", [Band("", [[WHITE, RED], [RED, WHITE]])]))
    red = (sheet == (255, 0, 0)).all(axis=2)
    rows, columns = np.flatnonzero(red.any(axis=1)), np.flatnonzero(red.any(axis=0))
    middle_row, middle_column = (rows[0] + rows[-1]) // 2, (columns[0] + columns[-1]) // 2
    assert red[:middle_row, middle_column:].any() and not red[:middle_row, :middle_column].any()
    assert red[middle_row:, :middle_column].any() and not red[middle_row:, middle_column:].any()


def test_long_titles_are_wrapped_and_long_captions_shortened():
    short = opened(labelled_sheet("title", [Band("", [[BLACK]], ["1"])]))
    long = opened(labelled_sheet("title " * 60, [Band("", [[BLACK]], ["a very long name of a class"])]))
    assert long.shape[1] == short.shape[1] and long.shape[0] > short.shape[0]
    # The second place is empty, so nothing may reach into it.
    assert (long[-100:, 110:] == 255).all()


@pytest.mark.parametrize(
    ("caption", "lines"),
    [
        ("0 → 1\n98 %", ["0 → 1, 98 %"]),
        ("defective → functional\n98 %", ["defective →", "functional", "98 %"]),
        ("golden_retriever → labrador_retriever\n98 %", ["golden_retriever →", "labrador_retriever", "98 %"]),
    ],
)
def test_a_caption_that_is_too_wide_keeps_its_last_line(caption, lines):
    assert _caption_lines(caption, 186) == lines


def test_equal_sheets_have_equal_bytes():
    assert labelled_sheet("t", [Band("h", [[RED]], ["1"])]) == labelled_sheet("t", [Band("h", [[RED]], ["1"])])
