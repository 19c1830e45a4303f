"""What new pictures are compared with is computed from prepared data and predictions, and kept in one file."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.data.pixel_file import image_digests
from pipeline.deployment.picture_features import PictureFeatures, picture_features
from pipeline.deployment.reference import (
    MOST,
    REFERENCE,
    digest_prefixes,
    make_reference,
    read_reference,
    write_reference,
)
from pipeline.errors import UserError

PIXELS = np.random.default_rng(0).integers(0, 256, (2500, 8, 8, 1), np.uint8)
PREPARED = SimpleNamespace(
    pixels=PIXELS, labels=np.arange(2500) % 2, digests=image_digests(PIXELS), manifest={"classes": ["a", "b", "c"]}
)


def answered(first, last):
    """Images that all get class 0 with the same confidence; half of them belong to class 1."""
    return np.arange(first, last), np.tile([0.9, 0.1], (last - first, 1))


def test_the_reference_holds_features_predictions_and_digests():
    made = make_reference(PREPARED, np.arange(2200), answered(2200, 2300), answered(2300, 2500))
    assert len(made.training.thumbnails) == MOST
    np.testing.assert_array_equal(made.held_out.measures, picture_features(PIXELS[2300:]).measures)
    assert made.scored is made.test
    assert made.class_counts.tolist() == [1100, 1100, 0]
    assert len(made.training_labels) == MOST
    assert abs(made.separation - 0.5) < 0.1
    assert made.test.correct.mean() == 0.5
    assert set(made.test.labels) == {0}
    assert np.isin(digest_prefixes(image_digests(PIXELS[7:8])), made.copies).all()
    assert not np.isin(digest_prefixes(image_digests(PIXELS[2400:])), made.copies).any()


def test_without_test_images_the_validation_images_take_their_place():
    made = make_reference(PREPARED, np.arange(100), answered(100, 200), answered(0, 0))
    assert made.scored is made.validation
    assert len(made.test.labels) == 0
    assert len(made.held_out.measures) == 100


def test_a_written_reference_is_read_again_and_has_the_same_bytes_each_time(tmp_path):
    made = make_reference(PREPARED, np.arange(50), answered(100, 200), answered(0, 0))
    for name in ("one.npz", "two.npz"):
        write_reference(tmp_path / name, made)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    for value, again in zip(made, read_reference(tmp_path / "one.npz"), strict=True):
        np.testing.assert_equal(again, value)
        assert type(again) is type(value)


def test_a_missing_reference_says_what_to_do():
    with pytest.raises(UserError, match=r"is missing, so new pictures cannot be compared.*dvc repro"):
        read_reference(Path("absent") / REFERENCE)


def test_a_damaged_reference_says_what_to_do(tmp_path):
    (tmp_path / REFERENCE).write_bytes(b"not an archive")
    with pytest.raises(UserError, match="is damaged"):
        read_reference(tmp_path / REFERENCE)
    np.savez(tmp_path / REFERENCE, **{"training-thumbnails": np.zeros(1)})
    with pytest.raises(UserError, match="is damaged"):
        read_reference(tmp_path / REFERENCE)


def test_a_reference_with_damaged_contents_is_a_user_error(tmp_path):
    file = tmp_path / REFERENCE
    np.savez_compressed(file, **{f"training-{PictureFeatures._fields[0]}": np.arange(9999)})
    content = bytearray(file.read_bytes())
    content[90:400] = b"\xff" * 310
    file.write_bytes(content)
    with pytest.raises(UserError, match="is damaged"):
        read_reference(file)
