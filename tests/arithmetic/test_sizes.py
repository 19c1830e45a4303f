"""Sizes against counting the positions one by one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.arithmetic.sizes import dilated_kernel, keras_output_size, output_size, same_padding

lengths = st.integers(1, 9)


def positions(first: int, last: int, kernel: int, stride: int, dilation: int) -> int:
    """How often a kernel fits into the pixels from `first` to `last`, by trying each place in turn."""
    count = 0
    place = first
    while all(first <= place + tap * dilation <= last for tap in range(kernel)):
        count += 1
        place += stride
    return count


@settings(deadline=None)
@given(size=st.integers(1, 40), kernel=lengths, stride=lengths, padding=st.integers(0, 9), dilation=st.integers(1, 4))
def test_the_formula_counts_the_positions_of_a_kernel(size, kernel, stride, padding, dilation):
    counted = positions(-padding, size + padding - 1, kernel, stride, dilation)
    if counted == 0:
        with pytest.raises(ValueError, match="must fit inside the padded side"):
            output_size(size, kernel, stride=stride, padding=padding, dilation=dilation)
    else:
        assert output_size(size, kernel, stride=stride, padding=padding, dilation=dilation) == counted


@settings(deadline=None)
@given(size=st.integers(1, 40), kernel=lengths, stride=lengths, dilation=st.integers(1, 4))
def test_same_padding_is_the_least_that_puts_a_kernel_on_every_stride(size, kernel, stride, dilation):
    before, after = same_padding(size, kernel, stride=stride, dilation=dilation)
    wanted = len(range(0, size, stride))
    assert keras_output_size(size, kernel, stride=stride, padding="same", dilation=dilation) == wanted
    assert after - before in (0, 1)
    if before + after > 0:
        assert positions(0, size + before + after - 1, kernel, stride, dilation) == wanted
        assert positions(0, size + before + after - 2, kernel, stride, dilation) == wanted - 1


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding", "expected"),
    # Dumoulin & Visin 2016, figures 2.1 to 2.7.
    [
        (4, 3, 1, 0, 2),
        (5, 4, 1, 2, 6),
        (5, 3, 1, 1, 5),
        (5, 3, 1, 2, 7),
        (5, 3, 2, 0, 2),
        (5, 3, 2, 1, 3),
        (6, 3, 2, 1, 3),
    ],
)
def test_the_guides_figures_have_the_sizes_it_states(size, kernel, stride, padding, expected):
    assert output_size(size, kernel, stride=stride, padding=padding) == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 3, "kernel": 5}, "Received kernel=5, dilation=1, size=3 and 0 pixels"),
        ({"size": 3, "kernel": 3, "stride": 0}, "`stride` must be at least 1. Received stride=0"),
        ({"size": 0, "kernel": 1}, "`size` must be at least 1. Received size=0"),
        ({"size": 3, "kernel": 0}, "`kernel` must be at least 1. Received kernel=0"),
        ({"size": 3, "kernel": 3, "padding": -1}, "`padding` must not be negative"),
        ({"size": 9, "kernel": 3, "dilation": 0}, "`dilation` must be at least 1. Received dilation=0"),
    ],
)
def test_an_error_states_the_rule_and_what_it_received(arguments, message):
    with pytest.raises(ValueError, match=message):
        output_size(**arguments)


def test_a_dilated_kernel_spans_its_gaps():
    assert [dilated_kernel(3, dilation) for dilation in (1, 2, 4)] == [3, 5, 9]  # Dumoulin & Visin 2016, chapter 5.1
