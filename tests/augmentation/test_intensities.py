import numpy as np
import pytest
from scipy import stats

from pipeline.augmentation.intensities import with_changed_light, with_noise


def images(count=500):
    return np.random.default_rng(1).integers(100, 156, size=(count, 6, 5, 2), dtype=np.uint8)


def changed(batch, seed=0, *, brightness=0.0, contrast=0.0):
    return with_changed_light(batch, np.random.default_rng(seed), brightness=brightness, contrast=contrast)


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
    noise = with_noise(images(), np.random.default_rng(0), noise=0.05).astype(int) - images()
    assert noise.mean() == pytest.approx(0, abs=0.5)
    assert noise.std() == pytest.approx(0.05 * 255, rel=0.02)
    assert (
        stats.kstest((noise + np.random.default_rng(1).random(noise.shape) - 0.5).ravel(), "norm", (0, 12.75))[0] < 0.01
    )
    assert len(np.unique(noise)) > 70


def test_grey_levels_stay_in_the_range_instead_of_wrapping_around():
    extremes = np.array([0, 255], np.uint8).reshape(1, 1, 2, 1).repeat(200, axis=0)
    found = changed(extremes, brightness=1, contrast=1)
    assert (found[:, 0, 1] >= found[:, 0, 0]).all()
    noisy = with_noise(extremes, np.random.default_rng(0), noise=0.2)
    assert (noisy[:, 0, 0] < 200).all() and (noisy[:, 0, 1] > 55).all()


def test_the_generator_determines_the_result_and_the_batch_is_unchanged():
    batch = images()
    for change in (changed, lambda batch, seed=0: with_noise(batch, np.random.default_rng(seed), noise=0.1)):
        options = {"brightness": 0.1, "contrast": 0.1} if change is changed else {}
        np.testing.assert_array_equal(change(batch, **options), change(batch, **options))
        assert (change(batch, **options) != change(batch, seed=1, **options)).any()
    np.testing.assert_array_equal(batch, images())
