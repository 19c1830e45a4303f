import numpy as np
import pytest

from pipeline.augmentation.intensities import with_changed_intensities

OFF = {"brightness": 0, "contrast": 0, "noise": 0}


def images(count=500):
    return np.random.default_rng(1).integers(100, 156, size=(count, 6, 5, 2), dtype=np.uint8)


def changed(batch, seed=0, **options):
    return with_changed_intensities(batch, np.random.default_rng(seed), **OFF | options)


def test_brightness_adds_one_value_per_image():
    difference = changed(images(), brightness=0.2).astype(int) - images()
    assert (difference == difference[:, :1, :1, :1]).all()
    added = difference[:, 0, 0, 0]
    assert -51 <= added.min() < -45 and 45 < added.max() <= 51
    assert added.std() == pytest.approx(2 * 51 / np.sqrt(12), rel=0.1)


def test_contrast_changes_deviations_and_keeps_the_mean_of_each_channel():
    batch, found = images(), changed(images(), contrast=0.5)
    np.testing.assert_allclose(found.mean(axis=(1, 2)), batch.mean(axis=(1, 2)), atol=0.5)
    factors = found.std(axis=(1, 2)) / batch.std(axis=(1, 2))
    assert 0.48 < factors.min() < 0.55 and 1.45 < factors.max() < 1.52
    np.testing.assert_allclose(factors[:, 0], factors[:, 1], atol=0.03)


def test_noise_is_gaussian_with_the_stated_deviation():
    noise = changed(images(), noise=0.05).astype(int) - images()
    assert noise.mean() == pytest.approx(0, abs=0.5)
    assert noise.std() == pytest.approx(0.05 * 255, rel=0.02)
    assert (np.abs(noise) < 0.05 * 255).mean() == pytest.approx(0.683, abs=0.02)


def test_grey_levels_stay_in_the_range_instead_of_wrapping_around():
    extremes = np.array([0, 255], np.uint8).reshape(1, 1, 2, 1).repeat(200, axis=0)
    found = changed(extremes, brightness=1, contrast=1)
    assert (found[:, 0, 1] >= found[:, 0, 0]).all()


def test_the_generator_determines_the_result_and_the_batch_is_unchanged():
    batch = images()
    options = {"brightness": 0.1, "contrast": 0.1, "noise": 0.1}
    np.testing.assert_array_equal(changed(batch, **options), changed(batch, **options))
    assert (changed(batch, **options) != changed(batch, seed=1, **options)).any()
    np.testing.assert_array_equal(batch, images())
