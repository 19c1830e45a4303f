"""What replicates say, kept in a file and read again."""

import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.evaluation.predictions import Answers, read_predictions, subgroup_scores, write_predictions


def answers(images, probability, **changes):
    """Answers about images whose class is that of an odd or an even number."""
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
    return Answers(**values | changes)


def equal(one, other):
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in vars(one))


def test_predictions_come_back_as_they_were_with_the_first_output_first(tmp_path):
    said = {
        "same": {3: answers([4, 7], [0.1, 0.9], partners=np.array([5, 9]))},
        "output": {3: answers([4, 7], [0.25, 1 / 3]), 11: answers([40], [0.5], subgroups=None)},
    }
    write_predictions(tmp_path / "predictions.npz", said)
    read = read_predictions(tmp_path / "predictions.npz")
    assert {output: list(by_replicate) for output, by_replicate in read.items()} == {"same": [3], "output": [3, 11]}
    assert list(read) == ["same", "output"]
    assert all(equal(read[output][number], one) for output, by in said.items() for number, one in by.items())


def test_the_same_predictions_give_the_same_bytes(tmp_path):
    for name in ("one.npz", "other.npz"):
        write_predictions(tmp_path / name, {"output": {0: answers([4, 7], [0.25, 0.75])}})
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "other.npz").read_bytes()


@pytest.mark.parametrize("content", [b"", b"<<<<<<< HEAD", b"PK\x03\x04 cut in half"])
def test_a_damaged_file_is_told_with_what_to_do(tmp_path, content):
    (tmp_path / "predictions.npz").write_bytes(content)
    with pytest.raises(UserError, match=r"predictions\.npz is damaged .*: delete it and run `dvc repro`\.$"):
        read_predictions(tmp_path / "predictions.npz")


def test_predictions_of_an_earlier_version_which_lack_something_are_told_too(tmp_path):
    np.savez(tmp_path / "old.npz", **{"output-truth-0": np.zeros(2), "output-images-0": np.arange(2)})
    with pytest.raises(UserError, match="written by another version"):
        read_predictions(tmp_path / "old.npz")


def test_what_statistics_need_are_questions_groups_and_answers():
    tested = answers([4, 17], [0.25, 0.75]).tested
    assert (tested.images.tolist(), tested.groups.tolist(), tested.trained_on) == ([4, 17], [0, 1], 12)
    assert (tested.truth.tolist(), tested.probabilities[:, 1].tolist()) == ([0, 1], [0.25, 0.75])


def test_a_subgroup_is_scored_by_its_own_images():
    said = {0: answers([1, 2, 21, 22], [0.9, 0.1, 0.2, 0.1]), 1: answers([1, 3], [0.9, 0.2])}
    scores = subgroup_scores(said)
    assert {name: list(by) for name, by in scores.items()} == {"mono": [0, 1], "poly": [0]}
    assert scores["mono"][0]["accuracy"] == 1
    assert scores["mono"][1]["accuracy"] == scores["poly"][0]["accuracy"] == 0.5
    assert scores["poly"][0]["roc_auc"] == pytest.approx(1)


def test_without_subgroups_there_is_nothing_to_tell_apart():
    assert subgroup_scores({0: answers([1], [0.9], subgroups=None)}) == {}
