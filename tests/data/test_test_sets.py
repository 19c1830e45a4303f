import hashlib
import json

import numpy as np
import pytest

from pipeline.data.pixel_file import image_digests
from pipeline.data.test_sets import missing_images, read_test_set, write_test_set
from pipeline.errors import UserError


@pytest.fixture
def written(few, tmp_path):
    """The path of a test set of modules 2 and 7, the digests, and the test set."""
    path = tmp_path / "testsets" / "few.json"
    test = np.isin(few.groups, ["module-2", "module-7"])
    digests = image_digests(few.pixels)
    write_test_set(path, test, digests, few.groups, seed=3, share=0.25)
    return path, digests, test


def test_a_digest_is_sha256_of_shape_and_pixels():
    pixels = np.arange(12, dtype=np.uint8).reshape(2, 1, 2, 3)
    shape = b"\x01" + bytes(7) + b"\x02" + bytes(7) + b"\x03" + bytes(7)
    digests = image_digests(pixels)
    assert digests[1].tobytes() == hashlib.sha256(shape + bytes(range(6, 12))).digest()
    assert (image_digests(pixels.reshape(2, 2, 1, 3)) != digests).any(axis=1).all()


def test_what_is_written_is_read(few, written):
    path, digests, test = written
    np.testing.assert_array_equal(read_test_set(path, digests, few.groups), test)
    content = json.loads(path.read_text())
    assert (content["groups"], content["seed"], content["share"]) == (["module-2", "module-7"], 3, 0.25)
    assert len(content["images"]) == 12


def test_a_file_without_images_does_not_call_itself_a_test_set(few, written, tmp_path):
    path, digests, test = written
    write_test_set(tmp_path / "none.json", np.zeros_like(test), digests, few.groups, seed=3, share=0.25)
    assert json.loads((tmp_path / "none.json").read_text())["about"].startswith("No image is listed")
    assert json.loads(path.read_text())["about"].startswith("The test set: ")


def test_the_same_test_set_has_the_same_bytes(few, written, tmp_path):
    path, digests, test = written
    write_test_set(tmp_path / "again.json", test, digests, few.groups, seed=3, share=0.25)
    assert (tmp_path / "again.json").read_bytes() == path.read_bytes()


def test_new_images_of_a_test_group_join_and_new_groups_do_not(few, written):
    path, digests, test = written
    groups = np.append(few.groups, ["module-2", "module-99"])
    read = read_test_set(path, np.concatenate([digests, np.ones((2, 32), np.uint8)]), groups)
    assert read.tolist() == [*test.tolist(), True, False]


def test_renamed_groups_are_identified_by_their_images(few, written):
    path, digests, test = written
    renamed = np.char.replace(few.groups, "module", "panel")
    np.testing.assert_array_equal(read_test_set(path, digests, renamed), test)


def test_a_duplicate_of_a_test_image_in_a_training_group_does_not_move_the_group(few, tmp_path):
    pixels = few.pixels.copy()
    pixels[::6] = 0  # the first cell of every module is black
    digests = image_digests(pixels)
    test = few.groups == "module-2"
    write_test_set(tmp_path / "t.json", test, digests, few.groups, seed=0, share=0.1)
    np.testing.assert_array_equal(read_test_set(tmp_path / "t.json", digests, few.groups), test)


def test_missing_test_images_are_counted_while_some_remain(few, written):
    path, digests, _ = written
    kept = few.groups != "module-7"
    assert read_test_set(path, digests[kept], few.groups[kept]).sum() == 6
    assert missing_images(path, digests[kept]) == 6


def test_digests_that_end_in_zeros_are_distinguished(tmp_path):
    digests = np.zeros((4, 32), np.uint8)
    digests[:, :2] = [[0, 0], [0, 1], [1, 0], [1, 1]]
    test, groups = np.array([False, True, True, False]), np.array(["a", "b", "c", "d"])
    write_test_set(tmp_path / "t.json", test, digests, groups, seed=0, share=0.5)
    renamed = np.array(["e", "f", "g", "h"])
    assert read_test_set(tmp_path / "t.json", digests, renamed).tolist() == test.tolist()
    assert missing_images(tmp_path / "t.json", digests[[0, 1, 3]]) == 1


def test_a_test_set_of_other_data_is_rejected(few, written):
    path, digests, test = written
    with pytest.raises(UserError, match="None of the 12 images of the test set"):
        read_test_set(path, digests[~test], few.groups[~test])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "does not exist"),
        ("{", "is damaged"),
        ("[]", "is damaged"),
        ('{"groups": [1], "images": []}', "is damaged"),
        ('{"groups": [], "images": ["a"]}', "is damaged"),
        ('{"groups": ["g"], "images": [], "content_sha256": "0"}', "is damaged"),
    ],
)
def test_a_file_that_is_not_a_test_set_is_named(tmp_path, text, message):
    path = tmp_path / "t.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UserError, match=f"Test set '{path}' {message}"):
        read_test_set(path, np.zeros((1, 32), np.uint8), np.array(["g"]))
