"""Predictions written to a file and read again."""

import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.evaluation.predictions import Predictions, read_predictions, write_predictions


def predictions(images, probability, **changes):
    """Predictions for images whose class is the parity of their number."""
    images = np.array(images)
    values = {
        "images": images,
        "partners": None,
        "groups": images // 10,
        "subgroups": np.where(images < 20, "mono", "poly"),
        "classes": np.array(["even", "odd"]),
        "truth": images % 2,
        "probabilities": np.stack([1 - np.array(probability), np.array(probability)], axis=1),
        "trained_on": 12,
    }
    return Predictions(**values | changes)


def equal(one, other):
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in vars(one))


def test_predictions_are_read_back_with_the_first_output_first(tmp_path):
    written = {
        "same": {3: predictions([4, 7], [0.1, 0.9], partners=np.array([5, 9]))},
        "output": {3: predictions([4, 7], [0.25, 1 / 3]), 11: predictions([40], [0.5], subgroups=None)},
    }
    write_predictions(tmp_path / "predictions.npz", written)
    read = read_predictions(tmp_path / "predictions.npz")
    assert {output: list(by_replicate) for output, by_replicate in read.items()} == {"same": [3], "output": [3, 11]}
    assert list(read) == ["same", "output"]
    assert all(equal(read[output][number], one) for output, by in written.items() for number, one in by.items())


def test_the_same_predictions_give_the_same_bytes(tmp_path):
    for name in ("one.npz", "other.npz"):
        write_predictions(tmp_path / name, {"output": {0: predictions([4, 7], [0.25, 0.75])}})
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "other.npz").read_bytes()


@pytest.mark.parametrize("content", [b"", b"<<<<<<< HEAD", b"PK\x03\x04 cut in half"])
def test_a_damaged_file_raises_an_error_with_the_remedy(tmp_path, content):
    (tmp_path / "predictions.npz").write_bytes(content)
    with pytest.raises(UserError, match=r"predictions\.npz is damaged .*\. Delete it and run `dvc repro`\.$"):
        read_predictions(tmp_path / "predictions.npz")


def test_a_file_of_an_earlier_version_raises_an_error(tmp_path):
    np.savez(tmp_path / "old.npz", **{"output-truth-0": np.zeros(2), "output-images-0": np.arange(2)})
    with pytest.raises(UserError, match="comes from another version"):
        read_predictions(tmp_path / "old.npz")
