import numpy as np
import pytest

from pipeline.interpretation.occlusion import BYTES, TOGETHER, occlusion_map


def looks_at(row, column):
    """A classifier whose probability of class 1 is the grey level of one pixel, as a share of white."""

    def probabilities(pixels):
        share = pixels[:, row, column, 0].astype(np.float32) / 255
        return np.stack([1 - share, share], axis=1)

    return probabilities


@pytest.fixture
def white():
    return np.full((12, 8, 1), 255, np.uint8)


def test_patches_of_one_pixel_show_exactly_the_pixel_that_counts(white):
    drop = occlusion_map(looks_at(5, 3), white, 1, fill=[51], patch=1 / 12, stride=1 / 12)
    expected = np.zeros((12, 8))
    expected[5, 3] = 0.8
    np.testing.assert_allclose(drop, expected, atol=1e-6)
    assert drop.dtype == np.float32


def test_the_map_of_the_other_class_has_the_opposite_sign(white):
    one, other = (occlusion_map(looks_at(5, 3), white, label, fill=[0]) for label in (1, 0))
    np.testing.assert_allclose(one, -other, atol=1e-6)


def test_the_map_is_the_mean_drop_of_the_patches_that_cover_a_pixel():
    """Against a loop over all pixels and patches, with a patch of 4×2 pixels and steps of 2×1."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(256, size=(8, 4, 3), dtype=np.uint8)
    weights = rng.normal(size=pixels.shape) / 1000

    def probabilities(many):
        score = (many * weights).sum(axis=(1, 2, 3))
        return np.stack([-score, score], axis=1)

    expected = np.zeros((8, 4))
    for row in range(8):
        for column in range(4):
            drops = []
            for top in range(-2, 8, 2):
                for left in range(-1, 4):
                    if top <= row < top + 4 and left <= column < left + 2:
                        hidden = pixels.copy()
                        hidden[max(top, 0) : top + 4, max(left, 0) : left + 2] = [10, 20, 30]
                        drops.append(probabilities(pixels[None])[0, 1] - probabilities(hidden[None])[0, 1])
            expected[row, column] = np.mean(drops)
    drop = occlusion_map(probabilities, pixels, 1, fill=[10.2, 19.8, 30], patch=0.5, stride=0.25)
    np.testing.assert_allclose(drop, expected, atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 7, 3), (5, 5, 1), (63, 64, 3)])
def test_every_pixel_is_covered_whatever_the_size(shape):
    pixels = np.full(shape, 200, np.uint8)
    drop = occlusion_map(looks_at(0, 0), pixels, 1, fill=[0] * shape[2])
    assert drop.shape == shape[:2] and np.isfinite(drop).all()
    assert drop[0, 0] == pytest.approx(200 / 255, abs=1e-5)


def test_batches_are_small_for_large_pictures():
    sizes = []

    def probabilities(pixels):
        sizes.append(pixels.nbytes)
        return np.zeros((len(pixels), 2), np.float32)

    occlusion_map(probabilities, np.zeros((2048, 2048, 3), np.uint8), 0, fill=[0, 0, 0], patch=0.5, stride=0.5)
    assert max(sizes) <= BYTES
    sizes.clear()
    occlusion_map(probabilities, np.zeros((12, 12, 1), np.uint8), 0, fill=[0])
    assert max(sizes) == TOGETHER * 144


def test_the_picture_is_left_unchanged(white):
    occlusion_map(looks_at(0, 0), white, 1, fill=[0])
    assert (white == 255).all()


@pytest.mark.parametrize(("patch", "stride"), [(0.0, 0.0), (0.2, 0.3), (1.5, 0.5)])
def test_shares_outside_their_range_are_refused(white, patch, stride):
    with pytest.raises(ValueError, match=r"0 < stride <= patch <= 1\. Received stride="):
        occlusion_map(looks_at(0, 0), white, 1, fill=[0], patch=patch, stride=stride)
