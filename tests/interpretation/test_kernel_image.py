import numpy as np

from pipeline.interpretation.kernel_image import SEPARATOR, kernel_grid


def squares(grid, side, columns, n):
    """Cut the squares out of a grid."""
    pitch = side + SEPARATOR
    return [grid[SEPARATOR + i // columns * pitch :, SEPARATOR + i % columns * pitch :][:side, :side] for i in range(n)]


def test_zero_is_mid_grey_and_the_largest_weight_is_black_or_white():
    kernel = np.array([[0.0, 1.0], [-2.0, 0.5]])[:, :, None, None]
    (square,) = squares(kernel_grid(kernel), 48, 1, 1)
    assert square[::24, ::24].tolist() == [[128, 191], [0, 159]]


def test_each_kernel_is_scaled_by_its_own_largest_weight():
    kernels = np.ones((1, 1, 1, 2)) * [0.001, 1000.0]
    assert [square.max() for square in squares(kernel_grid(kernels), 48, 2, 2)] == [255, 255]


def test_a_kernel_of_zeros_is_mid_grey():
    assert (squares(kernel_grid(np.zeros((3, 3, 1, 1))), 48, 1, 1)[0] == 128).all()


def test_weights_are_enlarged_by_whole_factors():
    (square,) = squares(kernel_grid(np.random.default_rng(0).normal(size=(5, 5, 1, 1))), 45, 1, 1)
    assert (square == square[::9, ::9].repeat(9, axis=0).repeat(9, axis=1)).all()


def test_at_most_64_kernels_are_shown():
    grid = kernel_grid(np.random.default_rng(0).normal(size=(3, 3, 1, 100)))
    assert grid.shape == (8 * 51 + 3, 8 * 51 + 3)


def test_kernels_with_three_channels_give_a_coloured_image():
    grid = kernel_grid(np.random.default_rng(0).normal(size=(3, 3, 3, 4)))
    assert grid.shape == (2 * 51 + 3, 2 * 51 + 3, 3)
    assert grid.dtype == np.uint8


def test_a_kernel_with_two_channels_is_a_row_of_two_squares_on_a_common_scale():
    kernels = np.array([1.0, -0.5])[None, None, :, None]
    grid = kernel_grid(kernels)
    assert grid.shape == (51 + 3, 2 * 51 + 3)
    assert [int(square[0, 0]) for square in squares(grid, 48, 2, 2)] == [255, 64]
