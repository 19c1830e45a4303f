import numpy as np

from pipeline.data.looks import test_set_digest as digest_of_test_set
from pipeline.tracking.image_sets import image_sets
from tests.tracking.conftest import SPLITS, write_images


def test_replicates_share_only_their_test_images(project):
    prepared = write_images(project / "prepared", SPLITS)
    (_, first_validation, first_test), (_, second_validation, second_test) = (image_sets(prepared, r) for r in (0, 1))
    train, validation, test = image_sets(prepared)
    assert first_test == second_test == test
    assert first_validation.digest != second_validation.digest
    assert train.digest == validation.digest and train.count == 3
    assert test.digest == digest_of_test_set(prepared)


def test_if_the_test_set_is_redrawn_a_model_uses_all_images(project):
    prepared = write_images(project / "prepared", np.array([[0, 1, 2, 0], [2, 0, 1, 0]], np.uint8), "resampled")
    assert [images.count for images in image_sets(prepared)] == [4, 4, 4]
