import numpy as np

from pipeline.augmentation.erasing import with_holes


def test_a_hole_is_a_square_of_the_stated_side_around_every_pixel_equally_often():
    batch = np.zeros((4000, 8, 10, 2), np.uint8)
    found = with_holes(batch, np.random.default_rng(0), cutout=0.5, fill=(3, 7))
    assert set(np.unique(found[..., 0])) == {0, 3} and set(np.unique(found[..., 1])) == {0, 7}
    holes = found[..., 0] == 3
    np.testing.assert_array_equal(holes, found[..., 1] == 7)
    heights, widths = holes.any(axis=2).sum(axis=1), holes.any(axis=1).sum(axis=1)
    np.testing.assert_array_equal(holes.sum(axis=(1, 2)), heights * widths)
    # Whole inside, cut at the border.
    assert set(heights) == set(widths) == {2, 3, 4}
    # A row is covered if the centre is one of four rows around it, fewer at the border.
    np.testing.assert_allclose(holes.any(axis=2).mean(axis=0)[2:6], 4 / 8, atol=0.04)
    assert not batch.any()


def test_a_hole_has_at_least_one_pixel():
    found = with_holes(np.zeros((50, 8, 8, 1), np.uint8), np.random.default_rng(0), cutout=0.01, fill=(9,))
    np.testing.assert_array_equal((found == 9).sum(axis=(1, 2, 3)), 1)
