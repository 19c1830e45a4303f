"""Parts of a training again that need no training."""

import h5py
import numpy as np
import pytest
from scipy import stats

from pipeline.storage.folders import ResultFolder
from pipeline.verification.trained_again import _different_arrays, expected_range


@pytest.mark.parametrize("new", [1, 5])
def test_new_trainings_lie_in_the_expected_range_19_times_of_20(new):
    random = np.random.default_rng(0)
    inside = 0
    for _ in range(4000):
        low, high = expected_range(random.normal(0.9, 0.01, 10), new)
        inside += low <= random.normal(0.9, 0.01, new).mean() <= high
    assert abs(inside / 4000 - 0.95) < 0.01


def test_the_expected_range_is_that_of_a_worked_example():
    low, high = expected_range([1.0, 2.0, 3.0], 1)
    half = 4.302653 * 1.0 * (4 / 3) ** 0.5  # t(0.975, 2), s, √(1/3 + 1)
    assert (low, high) == pytest.approx((2 - half, 2 + half), rel=1e-6)
    assert stats.t.ppf(0.975, 2) == pytest.approx(4.302653)


@pytest.mark.parametrize("damaged", ["kept.weights.h5", "outputs.npz"])
def test_unreadable_weights_or_outputs_are_a_difference(tmp_path, damaged):
    folders = [ResultFolder(tmp_path / name) for name in ("then", "now")]
    for one in folders:
        one.folder.mkdir()
        with h5py.File(one.weights, "w") as file:
            file["kernel"] = np.arange(3.0)
        np.savez(one.outputs, test=np.arange(4.0))
    assert _different_arrays(*folders) == []
    file = folders[0].folder / damaged
    file.write_bytes(file.read_bytes()[:50])
    assert _different_arrays(*folders) == [f"files in {folders[0].folder}"]
