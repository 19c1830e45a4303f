"""The moving figures show the positions of a brute-force loop, and the convolutions of Keras."""

from itertools import product

import numpy as np
import pytest

from pipeline.lecture.moving_svg import Moving
from pipeline.lecture.sliding_figure import computing_figure, convolution, sliding_figure, transposed


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding", "dilation"), list(product((5, 6, 7), (2, 3), (1, 2, 3), (0, 1, 2), (1, 2)))
)
def test_the_positions_are_those_at_which_the_taps_fit(size, kernel, stride, padding, dilation):
    geometry = convolution(size, kernel, stride=stride, padding=padding, dilation=dilation)
    length = size + 2 * padding
    fitting = [start for start in range(0, length, stride) if start + (kernel - 1) * dilation < length]
    assert len(geometry.pixels) == length
    assert sum(geometry.pixels) == size
    assert [geometry.taps(position)[0] for position in range(geometry.output)] == fitting


@pytest.mark.parametrize(("size", "kernel", "stride"), [(2, 3, 2), (3, 3, 1), (4, 2, 2), (3, 4, 3)])
def test_a_transposed_convolution_is_the_drawn_convolution_of_the_spread_pixels(size, kernel, stride, tensorflow):
    import keras

    rng = np.random.default_rng(0)
    values, weights = rng.normal(size=size).astype("float32"), rng.normal(size=kernel).astype("float32")
    layer = keras.layers.Conv1DTranspose(1, kernel, strides=stride, use_bias=False)
    layer.build((None, size, 1))
    layer.set_weights([weights.reshape(-1, 1, 1)])
    geometry = transposed(size, kernel, stride=stride)
    spread = np.zeros(len(geometry.pixels))
    spread[np.array(geometry.pixels)] = values
    drawn = [sum(weights[::-1] * spread[geometry.taps(position)]) for position in range(geometry.output)]
    np.testing.assert_allclose(np.asarray(layer(values.reshape(1, -1, 1))).ravel(), drawn, rtol=1e-5, atol=1e-6)


def test_a_figure_has_one_frame_per_position_and_rests_on_one_of_them():
    figure = sliding_figure("name", "label", convolution(5, 3, stride=2))
    svg = figure.__html__()
    assert svg.count('class="frame') == 2 * 2
    assert svg.count("frame rest") == 1
    assert "prefers-reduced-motion: no-preference" in svg


def test_the_numbers_in_a_figure_are_those_of_a_correlation():
    image, kernel = np.arange(16).reshape(4, 4), np.array([[1, 0], [0, -2]])
    frames = computing_figure("name", "label", image, kernel).frames
    expected = [int((image[y : y + 2, x : x + 2] * kernel).sum()) for y, x in product(range(3), range(3))]
    assert [int(frame.rpartition(" = ")[2].partition("<")[0].replace("−", "-")) for frame in frames] == expected


def test_every_moment_shows_exactly_one_frame():
    """Each frame starts to show when its negative delay has passed, for one share of the cycle."""
    count, seconds = 4, 1.5
    svg = Moving("m", "label", (1, 1), "", ["<g/>"] * count, seconds).__html__()
    assert f"{100 / count:g}% {{ visibility: hidden; }}" in svg
    for now in np.arange(0.1, 12, 0.2):
        phases = [(now - (frame * seconds - count * seconds)) % (count * seconds) for frame in range(count)]
        assert sum(phase < seconds for phase in phases) == 1
