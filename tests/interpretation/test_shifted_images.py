"""Shifts and rotations of images against loops, NumPy and exact properties."""

import numpy as np
import pytest

from pipeline.interpretation.shifted_images import (
    bicubic_shift,
    circular_shift,
    edge_shift,
    phase_shift,
    rotated,
    uniform_border,
)

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (5, 8, 7, 3)).astype(np.uint8)
WHOLE = RNG.integers(-3, 4, (5, 2))


def keys(distance, a=-0.75):
    """The kernel of bicubic interpolation (Keys 1981, equation 4, with OpenCV's parameter)."""
    t = abs(distance)
    if t < 1:
        return (a + 2) * t**3 - (a + 3) * t**2 + 1
    return a * (t**3 - 5 * t**2 + 8 * t - 4) if t < 2 else 0.0


def smooth_images(height, width):
    """Images without the highest frequency of an even side, which no fractional shift keeps."""
    spectrum = np.fft.fft2(RNG.normal(size=(5, height, width, 2)), axes=(1, 2))
    if height % 2 == 0:
        spectrum[:, height // 2] = 0
    if width % 2 == 0:
        spectrum[:, :, width // 2] = 0
    return np.fft.ifft2(spectrum, axes=(1, 2)).real.astype(np.float32)


def test_an_edge_shift_repeats_the_pixels_at_the_border():
    shifted = edge_shift(PIXELS, WHOLE)
    for image, (down, right), result in zip(PIXELS, WHOLE, shifted, strict=True):
        for row, column in np.ndindex(8, 7):
            source = image[min(max(row - down, 0), 7), min(max(column - right, 0), 6)]
            np.testing.assert_array_equal(result[row, column], source)
    assert shifted.dtype == np.uint8


def test_a_circular_shift_is_that_of_numpy():
    for image, offset, result in zip(PIXELS, WHOLE, circular_shift(PIXELS, WHOLE), strict=True):
        np.testing.assert_array_equal(result, np.roll(image, offset, axis=(0, 1)))


def test_a_bicubic_shift_is_the_sum_over_sixteen_neighbours():
    offsets = RNG.integers(-64, 65, (5, 2)) / 32
    shifted = bicubic_shift(PIXELS, offsets)
    for image, (down, right), result in zip(PIXELS.astype(float), offsets, shifted, strict=True):
        expected = np.zeros(image.shape)
        for row, column in np.ndindex(8, 7):
            y, x = row - down, column - right
            for i in range(int(np.floor(y)) - 1, int(np.floor(y)) + 3):
                for j in range(int(np.floor(x)) - 1, int(np.floor(x)) + 3):
                    expected[row, column] += keys(y - i) * keys(x - j) * image[np.clip(i, 0, 7), np.clip(j, 0, 6)]
        np.testing.assert_allclose(result, expected, atol=1e-2)


def test_a_bicubic_shift_by_whole_pixels_is_the_edge_shift():
    np.testing.assert_array_equal(bicubic_shift(PIXELS, WHOLE), edge_shift(PIXELS, WHOLE))


def test_a_phase_shift_by_whole_pixels_is_the_circular_shift():
    np.testing.assert_allclose(phase_shift(PIXELS, WHOLE), circular_shift(PIXELS, WHOLE), atol=1e-3)


@pytest.mark.parametrize(("height", "width"), [(8, 6), (7, 9), (8, 9)])
def test_a_phase_shift_there_and_back_gives_the_image(height, width):
    images, offsets = smooth_images(height, width), RNG.uniform(-3, 3, (5, 2))
    back = phase_shift(phase_shift(images, offsets), -offsets)
    np.testing.assert_allclose(back, images, atol=1e-5)


def test_a_phase_shift_moves_a_sine_by_any_distance():
    columns = np.arange(16)
    sine = np.tile(np.sin(2 * np.pi * 3 * columns / 16), (1, 4, 1))[..., np.newaxis]
    moved = phase_shift(sine, np.array([[0.0, 0.3]]))[0, 0, :, 0]
    np.testing.assert_allclose(moved, np.sin(2 * np.pi * 3 * (columns - 0.3) / 16), atol=1e-6)


def test_a_quarter_turn_is_that_of_numpy():
    square = PIXELS[:, :7]
    np.testing.assert_allclose(
        rotated(square, np.full(5, 90.0)), np.rot90(square, axes=(1, 2)).astype(float), atol=1e-2
    )


def test_a_rotation_keeps_the_centre_and_the_size():
    image = np.zeros((1, 9, 9, 1), np.uint8)
    image[0, 4, 4] = 255
    turned = rotated(image, np.array([37.0]))
    assert turned.shape == image.shape
    assert turned.argmax() == image.argmax()


def test_the_uniform_border_is_the_largest_distance_at_which_an_edge_shift_is_circular():
    images = np.full((20, 12, 10, 2), 7, np.uint8)
    for image in images:
        (top, left), (below, right) = RNG.integers(0, 4, (2, 2))
        content = image[top : 12 - below, left : 10 - right]
        content[...] = RNG.integers(8, 255, content.shape)

    def is_circular(image, distance):
        offsets = distance * np.array([[0, 1], [0, -1], [1, 0], [-1, 0]])
        copies = np.repeat(image[np.newaxis], 4, axis=0)
        return np.array_equal(edge_shift(copies, offsets), circular_shift(copies, offsets))

    largest = [next(d for d in range(10) if not is_circular(image, d + 1)) for image in images]
    assert uniform_border(images).tolist() == largest
    assert len(set(largest)) > 1
