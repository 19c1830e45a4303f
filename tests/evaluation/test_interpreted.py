import numpy as np
import pytest

from pipeline.evaluation.interpreted import balanced_sample


@pytest.mark.parametrize("count", [1, 4, 6, 15, 40, 100, 1000])
def test_a_sample_is_as_balanced_as_the_classes_allow(count):
    available = np.array([90, 9, 1])
    labels = np.repeat([0, 1, 2], available)
    chosen = balanced_sample(labels, np.arange(100), count, seed=0)
    counts = np.bincount(labels[chosen], minlength=3)
    assert len(np.unique(chosen)) == len(chosen) == min(count, 100)
    # A class has fewer images than another one, by more than one, only if it has no more.
    assert (counts[counts < counts.max() - 1] == available[counts < counts.max() - 1]).all()


def test_a_sample_draws_only_from_the_given_images_and_repeats():
    labels = np.tile(np.arange(5), 20)
    indices = np.arange(50, 100)
    chosen = balanced_sample(labels, indices, 10, seed=3)
    assert set(chosen) <= set(indices)
    np.testing.assert_array_equal(np.bincount(labels[chosen]), [2] * 5)
    np.testing.assert_array_equal(chosen, balanced_sample(labels, indices, 10, seed=3))
    assert chosen.tolist() != balanced_sample(labels, indices, 10, seed=4).tolist()
