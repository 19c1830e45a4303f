import numpy as np
import pytest
from scipy import ndimage

from pipeline.augmentation.warping import rotated_zoomed


class Largest:
    """A generator that draws the upper end of every range."""

    def uniform(self, low, high, size):
        return np.full(size, high)


def images(height=16, width=16, channels=3, count=4):
    noise = np.random.default_rng(0).integers(256, size=(count, height, width, channels))
    return ndimage.uniform_filter(noise, (1, 3, 3, 1)).astype(np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_rotation_by_90_degrees_is_numpys_quarter_turn(channels):
    batch = images(channels=channels)
    np.testing.assert_array_equal(rotated_zoomed(batch, Largest(), rotate=90, zoom=0), np.rot90(batch, axes=(1, 2)))


@pytest.mark.parametrize(("rotate", "zoom"), [(20, 0), (0, 0.3), (35, 0.1)])
@pytest.mark.parametrize("shape", [(16, 16), (12, 20)])
def test_pixels_are_those_of_scipys_bilinear_interpolation(shape, rotate, zoom):
    batch = images(*shape)
    angle, centre = np.deg2rad(rotate), (np.array(shape) - 1) / 2
    inverse = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) / (1 + zoom)
    for image, found in zip(batch, rotated_zoomed(batch, Largest(), rotate=rotate, zoom=zoom), strict=True):
        for channel in range(3):
            expected = ndimage.affine_transform(
                image[..., channel].astype(float), inverse, centre - inverse @ centre, order=1, mode="mirror"
            )
            # OpenCV rounds positions to 1/32 pixel.
            np.testing.assert_allclose(found[..., channel], expected, atol=6)


def test_images_are_enlarged_as_often_as_reduced():
    square = np.zeros((2000, 21, 21, 1), np.uint8)
    square[:, 5:16, 5:16] = 255
    areas = rotated_zoomed(square, np.random.default_rng(0), rotate=0, zoom=0.3).sum(axis=(1, 2, 3)) / 255
    assert abs((areas > 11**2).mean() - 0.5) < 0.05
    assert areas.max() == pytest.approx((11 * 1.3) ** 2, rel=0.05)
    assert areas.min() == pytest.approx((11 / 1.3) ** 2, rel=0.05)


def test_the_generator_determines_the_result_and_the_batch_is_unchanged():
    batch, before = images(), images()
    one, same, other = (rotated_zoomed(batch, np.random.default_rng(seed), rotate=10, zoom=0.1) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()
    np.testing.assert_array_equal(batch, before)
    assert one.dtype == np.uint8
