"""Folders as people bring them: splits above classes, rare classes, deep and transparent pictures, broken files."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.config.schema import AuditConfig, DataConfig, SplitConfig
from pipeline.data.labelling import labels_of, part_of, parts_of
from pipeline.data.prepared_cache import prepared_folder
from pipeline.data.sources import load_images
from pipeline.errors import UserError


def pictures(folder, count, mode="L", **saving):
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        Image.new(mode, (4, 4), 10 * number).save(folder / f"{number}.png", **saving)


def load(root, **options):
    return load_images("folder", {"path": str(root), "size": 4, "channels": 1, **options})


def message(root, **options):
    with pytest.raises(UserError) as caught:
        load(root, **options)
    return str(caught.value)


@pytest.mark.parametrize(
    "names",
    [("train", "val", "test"), ("Training", "validation", "TEST"), ("train2017", "valid", "testset"),
     ("train_set", "dev", "test data"), ("01_train", "02-val", "03.test")],
)  # fmt: skip
def test_the_division_of_folders_above_the_classes_is_kept(tmp_path, names):
    for name, count in zip(names, (4, 2, 3), strict=True):
        for label in ("cats", "dogs"):
            pictures(tmp_path / name / label / "deeper", count)
    images = load(tmp_path)
    assert images.classes == ("cats", "dogs")
    top = np.array([name.partition("/")[0] for name in images.names])
    np.testing.assert_array_equal(images.test, top == names[2])
    np.testing.assert_array_equal(images.validation, top == names[1])


def test_without_test_folder_the_validation_pictures_are_the_test_set(tmp_path):
    for name in ("train", "val"):
        for label in ("cats", "dogs"):
            pictures(tmp_path / name / label, 2)
    images = load(tmp_path)
    assert images.test.sum() == 4 and images.validation is None
    assert any("no test set" in note for note in images.notes)


def test_a_test_folder_without_classes_gives_no_empty_test_set(tmp_path):
    for label in ("cats", "dogs"):
        pictures(tmp_path / "train" / label, 2)
    pictures(tmp_path / "test", 3)
    images = load(tmp_path)
    assert images.test is None and images.validation is None
    assert [one.reason for one in images.skipped] == ["outside the class folders"] * 3


def test_folders_of_parts_beside_others_are_refused(tmp_path):
    for name in ("train", "test", "unlabelled"):
        for label in ("cats", "dogs"):
            pictures(tmp_path / name / label, 1)
    assert "'test', 'train' are, 'unlabelled' are not" in message(tmp_path)
    with pytest.raises(UserError, match="must be the training set"):
        parts_of(["val", "test"], among="folders")


def test_a_vehicle_may_be_a_train():
    assert parts_of(["train", "bus", "tram"], among="folders") == {}
    assert part_of("Training shoes") is None and part_of("trainee") is None


def test_a_folder_around_the_class_folders_is_named(tmp_path):
    for label in ("cats", "dogs"):
        pictures(tmp_path / "archive" / label, 1)
    assert f"To use the folders in '{tmp_path / 'archive'}', set option 'path' to it." in message(tmp_path)


def test_the_positive_class_does_not_depend_on_the_alphabet(tmp_path):
    for ok, defect in (("ok", "defect"), ("a_ok", "b_defect"), ("b_ok", "a_defect")):
        root = tmp_path / ok
        pictures(root / ok, 9)
        pictures(root / defect, 3)
        images = load(root)
        assert images.classes == (ok, defect) and images.labels.sum() == 3
        assert any(f"'{defect}' is the positive class, because it is rarer" in note for note in images.notes)
        assert load(root, positive=ok).classes == (defect, ok)
    assert "Unknown class in option 'positive' 'x'" in message(root, positive="x")
    pictures(root / "third", 1)
    assert "requires exactly two classes" in message(root, positive=ok)


def test_classes_that_look_the_same_are_noted_and_stay_apart():
    classes, labels, notes = labels_of(["Cat", "cat", "dog", "caf\u00e9", "cafe\u0301", "0", "00"], None)
    assert len(classes) == 7 and sorted(labels.tolist()) == list(range(7))
    assert [note.partition(" differ")[0] for note in notes] == [
        "Classes 'Cat', 'cat'",
        "Classes 'cafe\u0301', 'caf\u00e9'",
    ]


def test_one_class_is_refused_and_one_picture_in_a_class_is_read(tmp_path):
    pictures(tmp_path / "cats", 3)
    assert "at least two class folders" in message(tmp_path)
    pictures(tmp_path / "dogs", 1)
    assert np.bincount(load(tmp_path).labels).tolist() == [3, 1]


def test_one_picture_in_a_class_cannot_be_split_and_the_class_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pictures(tmp_path / "p" / "cats", 9)
    pictures(tmp_path / "p" / "dogs", 1)
    data = DataConfig("pets", "folder", {"path": "p", "size": 4})
    split = SplitConfig("kfold", "kfold", None, 0.15, 5, None, 0)
    with pytest.raises(UserError, match="dogs"):
        prepared_folder(data, split, AuditConfig(margin=0.1, checks={}), 5)


def test_all_unreadable_pictures_are_in_one_message_or_are_skipped_and_listed(tmp_path):
    for label in ("cats", "dogs"):
        pictures(tmp_path / label, 3)
    whole = (tmp_path / "cats" / "1.png").read_bytes()
    for number, content in enumerate((b"", b"no picture", whole[:50], whole[:20], whole[:-20] + bytes(20))):
        (tmp_path / "dogs" / f"bad-{number}.png").write_bytes(content)
    said = message(tmp_path)
    assert said.startswith(f"5 of 11 pictures in '{tmp_path}' cannot be read.")
    assert [line.split(":")[0] for line in said.splitlines()[1:]] == [f"  dogs/bad-{number}.png" for number in range(5)]
    images = load(tmp_path, unreadable="skip")
    assert len(images.labels) == 6 and len(images.skipped) == 5


def test_many_unreadable_pictures_are_all_listed_in_a_file(tmp_path):
    for label in ("cats", "dogs"):
        pictures(tmp_path / label, 3)
    for number in range(25):
        (tmp_path / "dogs" / f"bad-{number:02}.png").touch()
    said = message(tmp_path).splitlines()
    assert len(said) == 12 and said[-1] == "  and 15 more; .convtrack/unreadable.txt lists all"
    listed = Path(".convtrack/unreadable.txt").read_text().splitlines()
    assert listed == [f"dogs/bad-{number:02}.png: empty file" for number in range(25)]


def test_a_class_whose_pictures_are_all_unreadable_does_not_disappear(tmp_path):
    for label in ("cats", "dogs"):
        pictures(tmp_path / label, 2)
    (tmp_path / "birds").mkdir()
    (tmp_path / "birds" / "0.png").touch()
    assert "No picture of 'birds'" in message(tmp_path, unreadable="skip")


def test_a_file_is_read_again_after_the_reason_is_gone(tmp_path, monkeypatch):
    for label in ("cats", "dogs"):
        pictures(tmp_path / label, 2)
    decode = "pipeline.data.pictures.parallel_reading.decode"

    def failing(*_, **__):
        from pipeline.data.pictures.opening import Unreadable

        raise Unreadable("the disk does not answer")

    with monkeypatch.context() as patched:
        patched.setattr(decode, failing)
        assert "the disk does not answer" in message(tmp_path)
    assert len(load(tmp_path).labels) == 4


def deep(folder, highest):
    folder.mkdir(parents=True)
    for number in range(2):
        Image.fromarray(np.full((4, 4), highest - number, np.uint16)).save(folder / f"{number}.png")


def test_deep_pictures_that_use_few_values_need_a_stated_range(tmp_path):
    for label in ("cats", "dogs"):
        deep(tmp_path / label, 4000)
    said = message(tmp_path)
    assert "no value exceeds 4,000 of 65,535" in said and "set option 'value_range' to [0, 4095]" in said
    assert load(tmp_path, value_range=[0, 4095]).pixels[:].max() == 249
    assert load(tmp_path, value_range=[0, 65535]).pixels[:].max() == 16
    notes = load(tmp_path, value_range=[0, 1000]).notes
    assert "4 of 4 pictures have values outside 0 to 1000, which are clipped." in notes
    assert "Option 'value_range'" in message(tmp_path, value_range=[5, 5])


def test_deep_pictures_with_their_whole_range_need_none(tmp_path):
    deep(tmp_path / "cats", 4000)
    deep(tmp_path / "dogs", 60000)
    images = load(tmp_path)
    assert images.pixels[:].max() == 233
    assert "Of 4 pictures with more than 8 bits per value, 2 keep at most 32" in " ".join(images.notes)


def test_the_background_of_transparent_pictures_is_noted(tmp_path):
    for label in ("cats", "dogs"):
        pictures(tmp_path / label, 2, transparency=10)
    assert "4 of 4 pictures can have transparent pixels, which become white." in load(tmp_path).notes
    assert "Option 'background'" in message(tmp_path, background="no colour")


@pytest.mark.parametrize("option", [{"size": 0}, {"size": 10**9}, {"largest": 0}, {"channels": 2}, {"resize": "zoom"}])
def test_options_out_of_range_are_refused(tmp_path, option):
    assert f"Option '{next(iter(option))}'" in message(tmp_path, **option)
