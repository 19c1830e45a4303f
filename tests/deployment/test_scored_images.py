"""Images that a packaged network is scored on: none has trained a replicate that predicts it."""

from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.data.splits import TEST, TRAIN, VALIDATION
from pipeline.deployment import scored_images
from pipeline.deployment.scored_images import answered_by_one, answered_out_of_bag, unseen_images

SPLITS = np.array(
    [
        [TEST, TEST, VALIDATION, TRAIN, TRAIN],
        [TEST, VALIDATION, TRAIN, VALIDATION, TRAIN],
        [TEST, TRAIN, VALIDATION, TRAIN, TRAIN],
    ],
    np.uint8,
)
PREPARED = SimpleNamespace(
    labels=np.array([0, 1, 0, 1, 0]),
    classes=("a", "b"),
    splits=SPLITS,
    indices=lambda replicate, part: np.flatnonzero(SPLITS[replicate] == part),
)


@pytest.fixture
def run(monkeypatch):
    """A run folder whose replicate r predicts image i as `b` with probability (r + i) / 10; one sigmoid output."""

    def outputs(replicate):
        parts = {part: PREPARED.indices(replicate, part) for part in (TEST, VALIDATION)}
        return {part: [(replicate + images[:, None]) / 10] for part, images in parts.items()}

    monkeypatch.setattr(scored_images, "read_outputs", outputs)
    return SimpleNamespace(result=lambda replicate: SimpleNamespace(outputs=replicate))


def test_each_image_is_predicted_by_the_mean_of_the_replicates_that_were_not_trained_on_it(run):
    parts = answered_out_of_bag(PREPARED, run, [0, 1, 2])
    test, validation = parts["test"], parts["validation"]
    assert (test.images.tolist(), test.truth.tolist(), test.members) == ([0, 1], [0, 1], 2.0)
    np.testing.assert_allclose(test.probabilities[:, 1], [(0 + 1 + 2) / 30, 1 / 10])
    assert (validation.images.tolist(), validation.members) == ([1, 2, 3], pytest.approx(4 / 3))
    np.testing.assert_allclose(validation.probabilities[:, 1], [2 / 10, (2 + 4) / 20, 4 / 10])
    np.testing.assert_allclose(validation.probabilities.sum(axis=1), 1)


def test_images_that_all_replicates_test_are_predicted_by_all_of_them(run):
    test = answered_out_of_bag(PREPARED, run, [1, 2])["test"]
    assert (test.images.tolist(), test.members) == ([0], 2.0)


def test_a_single_replicate_predicts_its_own_validation_and_test_images():
    parts = answered_by_one(PREPARED, 1, lambda images: np.column_stack([images, images]))
    assert {name: one.images.tolist() for name, one in parts.items()} == {"validation": [1, 3], "test": [0]}
    assert parts["validation"].probabilities.tolist() == [[1, 1], [3, 3]]
    assert parts["test"].members == 1


def test_unseen_images_have_trained_no_replicate():
    assert unseen_images(PREPARED, [0, 1, 2]).tolist() == [0]
    assert unseen_images(PREPARED, [0]).tolist() == [0, 1, 2]
