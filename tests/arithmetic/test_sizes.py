"""Sizes agree with positions that are counted one by one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.arithmetic.sizes import (
    dilated_kernel,
    keras_output_size,
    keras_padding,
    keras_transposed_size,
    output_size,
    same_padding,
    transposed_size,
)

lengths = st.integers(1, 9)


def positions(first: int, last: int, kernel: int, stride: int, dilation: int) -> int:
    """The number of places where a kernel fits between the pixels `first` and `last`, counted one by one."""
    count = 0
    place = first
    while all(first <= place + tap * dilation <= last for tap in range(kernel)):
        count += 1
        place += stride
    return count


thousand_examples = settings(deadline=None, max_examples=1000)


@thousand_examples
@given(
    size=st.integers(1, 40),
    kernel=lengths,
    stride=lengths,
    padding=st.tuples(st.integers(0, 9), st.integers(0, 9)),
    dilation=st.integers(1, 4),
)
def test_the_output_size_is_the_number_of_positions_of_a_kernel(size, kernel, stride, padding, dilation):
    counted = positions(-padding[0], size + padding[1] - 1, kernel, stride, dilation)
    if counted == 0:
        with pytest.raises(ValueError, match="must fit inside the padded side"):
            output_size(size, kernel, stride=stride, padding=padding, dilation=dilation)
    else:
        assert output_size(size, kernel, stride=stride, padding=padding, dilation=dilation) == counted


def test_a_single_padding_applies_to_both_ends():
    assert output_size(7, 3, stride=2, padding=2) == output_size(7, 3, stride=2, padding=(2, 2)) == 5


@thousand_examples
@given(size=st.integers(1, 40), kernel=lengths, stride=lengths, dilation=st.integers(1, 4))
def test_same_padding_is_the_smallest_with_a_kernel_at_every_stride(size, kernel, stride, dilation):
    before, after = same_padding(size, kernel, stride=stride, dilation=dilation)
    expected_size = len(range(0, size, stride))
    assert keras_output_size(size, kernel, stride=stride, padding="same", dilation=dilation) == expected_size
    assert after - before in (0, 1)
    if before + after > 0:
        assert positions(0, size + before + after - 1, kernel, stride, dilation) == expected_size
        assert positions(0, size + before + after - 2, kernel, stride, dilation) == expected_size - 1


@thousand_examples
@given(size=st.integers(1, 40), kernel=lengths, stride=lengths, dilation=st.integers(1, 4))
def test_with_causal_padding_a_unit_depends_on_no_later_pixel(size, kernel, stride, dilation):
    before, after = keras_padding(size, kernel, stride=stride, padding="causal", dilation=dilation)
    last_taps = [unit * stride - before + (kernel - 1) * dilation for unit in range(len(range(0, size, stride)))]
    assert (after, last_taps) == (0, list(range(0, size, stride)))
    assert keras_output_size(size, kernel, stride=stride, padding="causal", dilation=dilation) == len(last_taps)


def spread(size: int, kernel: int, stride: int, dilation: int) -> set[int]:
    """The positions that a transposed convolution writes the values of a side to, one by one."""
    return {place * stride + tap * dilation for place in range(size) for tap in range(kernel)}


@thousand_examples
@given(size=st.integers(1, 40), kernel=lengths, stride=lengths, dilation=st.integers(1, 4))
def test_a_transposed_convolution_reaches_from_the_first_place_to_the_last(size, kernel, stride, dilation):
    reached = spread(size, kernel, stride, dilation)
    assert transposed_size(size, kernel, stride=stride, dilation=dilation) == max(reached) - min(reached) + 1


@thousand_examples
@given(
    size=st.integers(1, 40),
    kernel=lengths,
    stride=lengths,
    dilation=st.integers(1, 4),
    padding=st.integers(0, 4),
    data=st.data(),
)
def test_a_convolution_with_the_same_parameters_inverts_a_transposed_size(
    size, kernel, stride, dilation, padding, data
):
    options = {"stride": stride, "padding": padding, "dilation": dilation}
    output_padding = data.draw(st.integers(0, stride - 1))
    if (size - 1) * stride + dilated_kernel(kernel, dilation) + output_padding <= 2 * padding:
        with pytest.raises(ValueError, match="`padding` must leave at least one of"):
            transposed_size(size, kernel, output_padding=output_padding, **options)
    else:
        assert (
            output_size(transposed_size(size, kernel, output_padding=output_padding, **options), kernel, **options)
            == size
        )


@thousand_examples
@given(size=st.integers(1, 40), kernel=lengths, stride=lengths, dilation=st.integers(1, 4))
def test_a_keras_convolution_inverts_its_transposed_sizes(size, kernel, stride, dilation):
    options = {"stride": stride, "dilation": dilation}
    reach = max(spread(size, kernel, stride, dilation)) + 1
    expected = {"same": size * stride, "valid": max(reach, size * stride)}
    for padding, expected_size in expected.items():
        assert keras_transposed_size(size, kernel, padding=padding, **options) == expected_size
        assert keras_output_size(expected_size, kernel, padding=padding, **options) == size


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding", "output_padding", "expected"),
    # Dumoulin & Visin 2016, figures 4.1 to 4.7.
    [
        (2, 3, 1, 0, 0, 4),
        (6, 4, 1, 2, 0, 5),
        (5, 3, 1, 1, 0, 5),
        (7, 3, 1, 2, 0, 5),
        (2, 3, 2, 0, 0, 5),
        (3, 3, 2, 1, 0, 5),
        (3, 3, 2, 1, 1, 6),
    ],
)
def test_transposed_sizes_are_those_of_the_guide(size, kernel, stride, padding, output_padding, expected):
    assert transposed_size(size, kernel, stride=stride, padding=padding, output_padding=output_padding) == expected


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
def test_sizes_are_those_of_the_guide(size, kernel, stride, padding, expected):
    assert output_size(size, kernel, stride=stride, padding=padding) == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 3, "kernel": 5}, "Received kernel=5, dilation=1, size=3 and 0 pixels"),
        ({"size": 3, "kernel": 3, "stride": 0}, "`stride` must be at least 1. Received stride=0"),
        ({"size": 0, "kernel": 1}, "`size` must be at least 1. Received size=0"),
        ({"size": 3, "kernel": 0}, "`kernel` must be at least 1. Received kernel=0"),
        ({"size": 3, "kernel": 3, "padding": -1}, "`padding` must not be negative. Received padding=-1"),
        ({"size": 3, "kernel": 3, "padding": (0, -1)}, "`padding` must not be negative"),
        ({"size": 9, "kernel": 3, "dilation": 0}, "`dilation` must be at least 1. Received dilation=0"),
    ],
)
def test_an_error_states_the_rule_and_the_value(arguments, message):
    with pytest.raises(ValueError, match=message):
        output_size(**arguments)


def test_negative_output_padding_is_rejected():
    with pytest.raises(ValueError, match=r"`output_padding` must not be negative\. Received output_padding=-1"):
        transposed_size(3, 3, output_padding=-1)


def test_a_dilated_kernel_includes_its_gaps():
    assert [dilated_kernel(3, dilation) for dilation in (1, 2, 4)] == [3, 5, 9]  # Dumoulin & Visin 2016, chapter 5.1
