from dataclasses import replace

import numpy as np
import pytest

from pipeline.data.images import blocks
from pipeline.errors import UserError


def test_a_class_without_image_is_named(few):
    with pytest.raises(UserError, match="Class 'burnt' of source 'few' has no image"):
        replace(few, classes=("sound", "cracked", "burnt"))


def test_a_single_class_is_rejected(few):
    with pytest.raises(UserError, match="at least two classes"):
        replace(few, classes=("sound",), labels=np.zeros(60, np.int64))


@pytest.mark.parametrize("field", ["labels", "groups", "subgroups", "names", "test"])
def test_lengths_must_agree(few, field):
    with pytest.raises(ValueError, match=f"`{field}` must have shape"):
        replace(few, **{field: np.zeros(59, bool)})


def test_pixels_must_be_bytes_with_channels(few):
    with pytest.raises(ValueError, match="uint8 of shape"):
        replace(few, pixels=few.pixels.astype(float))
    with pytest.raises(ValueError, match="uint8 of shape"):
        replace(few, pixels=few.pixels[..., 0])


def test_labels_must_lie_in_the_classes(few):
    with pytest.raises(ValueError, match="`labels` must lie in"):
        replace(few, labels=few.labels + 1)


def test_classes_must_differ(few):
    with pytest.raises(ValueError, match="must not contain a name twice"):
        replace(few, classes=("sound", "sound"))


def test_blocks_are_limited_in_bytes_and_hold_all_images():
    pixels = np.zeros((5, 1000, 500, 3), np.uint8)
    assert [len(block) for block in blocks(pixels)] == [2, 2, 1]
    assert [len(block) for block in blocks(np.zeros((2, 3000, 2000, 1), np.uint8))] == [1, 1]
    assert [len(block) for block in blocks(np.zeros((3, 1, 1, 1), np.uint8))] == [3]
