"""Receptive fields agree with pixels that are traced back through the layers."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.arithmetic.windows import View, Window, joined

layers = st.lists(st.tuples(st.integers(1, 5), st.integers(1, 3), st.integers(0, 3)), max_size=5)


def pixels(unit: int, stack: list[tuple[int, int, int]]) -> set[int]:
    """The pixels that a unit of the last layer depends on, traced back layer by layer."""
    seen = {unit}
    for kernel, stride, padding in reversed(stack):
        seen = {position * stride - padding + tap for position in seen for tap in range(kernel)}
    return seen


def window(stack: list[tuple[int, int, int]]) -> Window:
    seen = Window()
    for kernel, stride, padding in stack:
        seen = seen.through(kernel, stride=stride, padding=padding)
    return seen


@settings(deadline=None)
@given(stack=layers, unit=st.integers(0, 3))
def test_a_window_reaches_from_the_first_to_the_last_pixel_of_the_field(stack, unit):
    seen = window(stack)
    start = seen.start + unit * seen.stride
    assert (start, start + seen.side - 1) == (min(pixels(unit, stack)), max(pixels(unit, stack)))


@settings(deadline=None)
@given(stack=layers, kernel=st.integers(1, 7), padding=st.integers(0, 4))
def test_joined_paths_depend_on_the_pixels_of_both(stack, kernel, padding):
    other = [*stack, (kernel, 1, padding)]
    seen = window(stack).joined(window(other))
    both = pixels(0, stack) | pixels(0, other)
    assert (seen.start, seen.start + seen.side - 1) == (min(both), max(both))


def test_paths_of_different_strides_cannot_be_joined():
    with pytest.raises(ValueError, match="Received 1 and 2"):
        Window(stride=1).joined(Window(stride=2))


IMAGE = View.of_pixels((8, 9))
HALVED = IMAGE.through((2, 2), strides=(2, 2), padding=(0, 0))


def test_effective_padding_counts_the_pixels_before_the_image():
    padded = Window().through(3, stride=2, padding=1).through(3, padding=1)
    assert (padded.padding, padded.start) == (1 + 2 * 1, -3)
    assert Window().through(1, padding=-2).padding == -2


def test_window_image_undefined_and_nothing_are_distinguished():
    assert [view.sight for view in (IMAGE, IMAGE.whole(), IMAGE.undefined(), View())] == [
        "window",
        "image",
        "undefined",
        "nothing",
    ]


def test_a_unit_that_depends_on_the_whole_image_still_does_after_any_layer():
    assert IMAGE.whole().undefined().sight == "image"
    assert IMAGE.whole().through((3, 3), strides=(2, 2), padding=(1, 1)).sight == "image"
    assert IMAGE.undefined().whole().sight == "image"
    assert View().whole().sight == "nothing"


@pytest.mark.parametrize(
    ("paths", "sight"),
    [
        ((IMAGE, HALVED), "undefined"),
        ((IMAGE, IMAGE.undefined()), "undefined"),
        ((IMAGE.undefined(), IMAGE), "undefined"),
        ((IMAGE, View.of_pixels((8,))), "undefined"),
        ((IMAGE, HALVED, IMAGE.whole()), "image"),
        ((IMAGE.undefined(), IMAGE.whole()), "image"),
        ((IMAGE, View()), "window"),
        ((View(), View()), "nothing"),
    ],
)
def test_joined_paths_have_the_widest_view(paths, sight):
    assert joined(paths).sight == joined(paths[::-1]).sight == sight


def test_several_images_are_overlaid():
    assert joined([View((8, 12)), View((10, 9))]) == View((10, 12))
