import os
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from pipeline.data.sources import load_images, watched_files
from pipeline.errors import UserError


def picture(path, *, size=(10, 8), mode="RGB", color=(200, 30, 30), **saving):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, color).save(path, **saving)


@pytest.fixture
def pets(tmp_path):
    picture(tmp_path / "dogs" / "rex-2.png")
    picture(tmp_path / "dogs" / "rex-1.JPG")
    picture(tmp_path / "cats" / "tom" / "a.png", color=(0, 0, 255))
    picture(tmp_path / "cats" / "kit" / "b.bmp")
    (tmp_path / "cats" / "notes.txt").write_text("no picture")
    (tmp_path / "cats" / "._a.png").write_bytes(b"left by an operating system")
    return tmp_path


def message(path, **options):
    with pytest.raises(UserError) as caught:
        load_images("folder", {"path": str(path), **options})
    return str(caught.value)


def load(path, **options):
    images = load_images("folder", {"path": str(path), **options})
    return replace(images, pixels=images.pixels[:])


def test_folders_are_classes_and_classes_and_images_are_sorted(pets):
    images = load(pets, size=[4, 6])
    assert images.classes == ("cats", "dogs")
    assert images.names.tolist() == ["cats/kit/b.bmp", "cats/tom/a.png", "dogs/rex-1.JPG", "dogs/rex-2.png"]
    assert images.labels.tolist() == [0, 0, 1, 1]
    assert images.pixels.shape == (4, 4, 6, 3)
    assert images.pixels[1].reshape(-1, 3).tolist() == [[0, 0, 255]] * 24


def test_groups_are_found_by_a_pattern_in_the_path(pets):
    images = load(pets, group_pattern=r"(tom|kit|rex)")
    assert images.groups.tolist() == ["kit", "tom", "rex", "rex"]
    assert load(pets, group_pattern=r"\w+/\w+").groups.tolist() == ["cats/kit", "cats/tom", "dogs/rex", "dogs/rex"]


def test_a_picture_without_group_is_named(pets):
    assert message(pets, group_pattern=r"(tom|kit)").startswith("Picture 'dogs/rex-1.JPG' and 1 more have no group")
    assert "'dogs/rex-1.JPG' and 1 more have no group" in message(pets, group_pattern=r"(tom|kit)|rex")


def test_an_invalid_pattern_is_reported(pets):
    assert "must be a regular expression" in message(pets, group_pattern="(")


def test_without_pattern_each_picture_is_its_own_group_and_the_notes_say_so(pets):
    images = load(pets)
    assert images.groups.tolist() == images.names.tolist()
    assert any("Every picture is its own group" in note for note in images.notes)


@pytest.mark.parametrize(
    ("resize", "done"),
    [
        ("stretch", "were stretched by 25 %."),
        ("crop", "lost what the crop cuts off: 20 % of the picture."),
        ("pad", "were padded: 20 % of the image is background."),
    ],
)
def test_pictures_of_another_aspect_ratio_are_counted_with_the_change(pets, resize, done):
    assert (
        f"4 of 4 pictures have another aspect ratio than 'size' and {done}" in load(pets, size=8, resize=resize).notes
    )
    assert not any("ratio" in note for note in load(pets, size=[4, 5]).notes)


def test_a_small_change_of_the_aspect_ratio_is_not_mentioned(pets):
    assert not any("ratio" in note for note in load(pets, size=[25, 30]).notes)


def test_pictures_are_rotated_according_to_exif(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # EXIF orientation: rotate by 90° clockwise
    left_dark = Image.fromarray(np.array([[0, 255]] * 2, np.uint8).repeat(8, 0).repeat(8, 1))
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        left_dark.save(tmp_path / name / "x.png", exif=exif)
    pixels = load(tmp_path, size=2, channels=1).pixels
    assert pixels[0, :, :, 0].tolist() == [[0, 0], [255, 255]]


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_of_16_bits_keep_black_and_white(tmp_path, channels):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        Image.fromarray(np.array([[0, 32896, 65535]], np.uint16)).save(tmp_path / name / "x.png")
    pixels = load(tmp_path, size=[1, 3], channels=channels).pixels
    assert pixels[0, 0].tolist() == [[value] * channels for value in (0, 128, 255)]


def test_transparent_pixels_become_white(tmp_path):
    picture(tmp_path / "a" / "x.png", mode="RGBA", color=(9, 9, 9, 0))
    picture(tmp_path / "b" / "x.png", mode="LA", color=(9, 255))
    pixels = load(tmp_path, size=1).pixels
    assert pixels[:, 0, 0].tolist() == [[255] * 3, [9] * 3]


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "LAB", "I;16"])
def test_every_picture_mode_is_converted_to_rgb_or_grey(tmp_path, mode):
    suffix = "tif" if mode in ("CMYK", "LAB") else "png"
    for name in ("a", "b"):
        picture(tmp_path / name / f"x.{suffix}", mode=mode, color=0)
    for channels in (1, 3):
        pixels = load(tmp_path, channels=channels, value_range=[0, 65535]).pixels
        assert pixels.shape == (2, 64, 64, channels)


def test_shrinking_averages_areas(tmp_path):
    values = np.random.default_rng(0).integers(256, size=(12, 12), dtype=np.uint8)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        Image.fromarray(values).save(tmp_path / name / "x.png")
    pixels = load(tmp_path, size=4, channels=1).pixels[0, :, :, 0]
    assert np.abs(pixels - values.reshape(4, 3, 4, 3).mean(axis=(1, 3))).max() <= 1


@pytest.mark.parametrize(
    "garbage", [b"", b"no picture at all", b"\x89PNG\r\n\x1a\n" + bytes(40), b"\xff\xd8\xff\xe0" * 9]
)
@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "gif", "webp", "bmp"])
def test_a_picture_that_cannot_be_read_is_named(pets, garbage, suffix):
    (pets / "dogs" / f"bad.{suffix}").write_bytes(garbage)
    assert f"1 of 5 pictures in '{pets}' cannot be read" in message(pets)
    assert f"dogs/bad.{suffix}: " in message(pets)


@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "bmp", "tif"])
def test_a_truncated_picture_is_named(pets, suffix):
    path = pets / "dogs" / f"bad.{suffix}"
    noise = np.random.default_rng(0).integers(256, size=(64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert f"1 of 5 pictures in '{pets}' cannot be read" in message(pets)
    assert f"dogs/bad.{suffix}: " in message(pets)


def test_a_wrong_folder_layout_is_reported_with_the_expected_one(tmp_path):
    layout = "one folder for each class"
    assert "does not exist" in message(tmp_path / "absent") and layout in message(tmp_path / "absent")
    assert "Found none" in message(tmp_path) and layout in message(tmp_path)
    picture(tmp_path / "cats" / "a.png")
    assert "at least two class folders" in message(tmp_path) and "Found 'cats'" in message(tmp_path)
    picture(tmp_path / "dogs" / "b.png")
    picture(tmp_path / "loose.png")
    assert load(tmp_path).skipped == (("loose.png", "outside the class folders", 1),)


def test_a_class_without_a_readable_picture_is_named_even_if_it_is_the_positive_one(pets):
    for file in (pets / "dogs").iterdir():
        file.write_bytes(b"garbage")
    assert message(pets, unreadable="skip", positive="dogs").startswith("No picture of 'dogs' in '")


def test_a_folder_that_vanishes_while_it_is_read_is_named(pets, monkeypatch):
    def vanished(*_, **__):
        raise FileNotFoundError(2, "No such file or directory", str(pets / "dogs"))

    monkeypatch.setattr("pipeline.data.sources.folder.find_pictures", vanished)
    assert message(pets) == (
        f"'{pets / 'dogs'}' cannot be read (No such file or directory). If the images were changed meanwhile, run the "
        "same command again."
    )


def test_a_folder_that_cannot_be_opened_is_named(pets, monkeypatch):
    def scandir(path, given=os.scandir):
        if str(path).startswith(str(pets)):
            raise PermissionError(13, "Permission denied")
        return given(path)

    monkeypatch.setattr("os.scandir", scandir)
    assert message(pets) == f"Folder '{pets}' cannot be opened (Permission denied): check its permissions."


def test_a_file_that_vanishes_after_it_was_listed_is_not_watched(pets, monkeypatch):
    files = watched_files("folder", {"path": str(pets)})
    (pets / "dogs" / "rex-2.png").unlink()
    monkeypatch.setattr(
        "pipeline.data.sources.folder.watched", lambda **_: [pets / "dogs" / "rex-1.JPG", pets / "dogs" / "rex-2.png"]
    )
    (left,) = watched_files("folder", {"path": str(pets)})
    assert left in files
