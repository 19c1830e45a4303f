import numpy as np
import pytest
from scipy import stats

from pipeline.augmentation.mixing import Mixture, mixture


def drawn(images=2000, height=12, width=16, *, mixup=0.0, cutmix=0.0, seed=0):
    return mixture(np.random.default_rng(seed), images, height, width, mixup=mixup, cutmix=cutmix)


def test_shares_of_mix_up_have_the_beta_distribution():
    found = drawn(mixup=0.4)
    assert stats.kstest(found.shares, stats.beta(0.4, 0.4).cdf).pvalue > 0.001
    np.testing.assert_array_equal(found.mask[:, 0, 0, 0], found.shares)


def test_cut_mix_takes_one_rectangle_with_the_aspect_ratio_of_the_image():
    found = drawn(cutmix=1)
    taken = found.mask[..., 0] == 0
    rows, columns = taken.any(axis=2), taken.any(axis=1)
    np.testing.assert_array_equal(taken, rows[:, :, None] & columns[:, None, :])
    np.testing.assert_allclose(found.shares, 1 - taken.mean(axis=(1, 2)), atol=1e-6)
    inside = ~(rows[:, 0] | rows[:, -1] | columns[:, 0] | columns[:, -1]) & taken.any(axis=(1, 2))
    difference = rows.sum(axis=1) / 12 - columns.sum(axis=1) / 16
    assert inside.sum() > 200 and np.abs(difference[inside]).max() <= 1 / 12 + 1 / 16


def test_with_both_half_of_the_images_have_either():
    found = drawn(mixup=1, cutmix=1)
    averaged = ((found.mask > 0) & (found.mask < 1)).all(axis=(1, 2, 3))
    assert abs(averaged.mean() - 0.5) < 0.04


def test_partners_are_a_permutation_and_the_generator_determines_everything():
    one, same, other = drawn(mixup=1, cutmix=1), drawn(mixup=1, cutmix=1), drawn(mixup=1, cutmix=1, seed=1)
    assert sorted(one.partners) == list(range(2000))
    for values, again, different in zip(one, same, other, strict=True):
        np.testing.assert_array_equal(values, again)
        assert (values != different).any()
    assert one.mask.dtype == one.shares.dtype == np.float32


def test_inputs_are_mixed_pixel_by_pixel_and_vectors_by_the_share():
    mask = np.ones((2, 2, 2, 1), np.float32)
    mask[0, 0] = 0
    mixed = Mixture(np.array([1, 0]), mask, np.array([0.5, 1], np.float32))
    images = np.array([1, 3], np.float32).reshape(2, 1, 1, 1).repeat(2, 1).repeat(2, 2)
    assert mixed.inputs(images)[..., 0].tolist() == [[[3, 3], [1, 1]], [[3, 3], [3, 3]]]
    assert mixed.inputs(np.array([[0, 4], [2, 2]], np.float32)).tolist() == [[1, 3], [2, 2]]


@pytest.mark.parametrize("units", [1, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_loss_of_a_mixed_example_is_the_weighted_sum_of_the_losses_of_both_labels(units, weighted):
    random = np.random.default_rng(0)
    labels = random.integers(max(units, 2), size=20)
    weights = random.uniform(0.5, 3, 20).astype(np.float32) if weighted else np.ones(20, np.float32)
    mixed = drawn(20, mixup=1)
    predicted = random.dirichlet(np.ones(max(units, 2)), 20)
    one_hot = np.eye(max(units, 2), dtype=np.float32)[labels]
    probabilities = one_hot if units > 1 else one_hot[:, 1:]
    targets, total = mixed.targets(probabilities, weights if weighted else None)
    full = targets if units > 1 else np.concatenate([1 - targets, targets], axis=1)
    found = -(full * np.log(predicted)).sum(axis=1) * (total if weighted else 1)
    for one in range(20):
        other = mixed.partners[one]
        losses = [-np.log(predicted[one, labels[which]]) * weights[which] for which in (one, other)]
        share = mixed.shares[one]
        assert found[one] == pytest.approx(share * losses[0] + (1 - share) * losses[1], rel=1e-4)
    np.testing.assert_allclose(full.sum(axis=1), 1, rtol=1e-5)


def test_examples_without_weight_have_finite_targets():
    targets, total = drawn(4, mixup=1).targets(np.eye(4, dtype=np.float32), np.zeros(4, np.float32))
    assert np.isfinite(targets).all() and not total.any()
