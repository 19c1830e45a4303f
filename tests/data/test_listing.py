"""Finding pictures in folders: each file is either a picture or listed with the reason why it is not."""

import os
from pathlib import Path

import pytest
from PIL import Image

from pipeline.data.pictures.listing import find_pictures
from pipeline.data.sources import load_images, watched_files


def picture(path, color=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (4, 4), color).save(path, "PNG")


def listed(root, **options):
    """The names of the pictures, and the reasons for the other files by name."""
    found = find_pictures(root, **options)
    return [one.name for one in found.pictures], {one.name: one.reason for one in found.skipped}


def test_copies_in_hidden_and_system_folders_are_no_pictures_and_are_counted(tmp_path):
    for folder in ("ok", "defect"):
        picture(tmp_path / folder / "0.png")
    hidden = ["ok/.ipynb_checkpoints", "defect/.thumbnails"]
    system = ["ok/@eaDir/sub", "__MACOSX/ok", "defect/#recycle", "$RECYCLE.BIN"]
    for folder in (*hidden, *system):
        picture(tmp_path / folder / "0.png")
        picture(tmp_path / folder / "1.png")
    picture(tmp_path / "ok" / "._0.png")
    found = find_pictures(tmp_path)
    assert [one.name for one in found.pictures] == ["defect/0.png", "ok/0.png"]
    assert {(one.name, one.reason, one.files) for one in found.skipped} == {
        ("ok/.ipynb_checkpoints/", "hidden file or folder", 2),
        ("defect/.thumbnails/", "hidden file or folder", 2),
        ("ok/._0.png", "hidden file or folder", 1),
        ("ok/@eaDir/", "folder of an operating system or storage device", 2),
        ("__MACOSX/", "folder of an operating system or storage device", 2),
        ("defect/#recycle/", "folder of an operating system or storage device", 2),
        ("$RECYCLE.BIN/", "folder of an operating system or storage device", 2),
    }


@pytest.mark.parametrize("suffix", ["jpg", "JPEG", "jfif", "jpe", "png", "bmp", "gif", "TIF", "webp", "heic", "pgm"])
def test_every_suffix_of_pictures_is_found(tmp_path, suffix):
    (tmp_path / f"0.{suffix}").touch()
    assert listed(tmp_path) == ([f"0.{suffix}"], {})


def test_other_files_are_listed_with_their_suffix(tmp_path):
    for name in ("notes.txt", "a.svg", "README", "photo.png.part"):
        (tmp_path / name).touch()
    _, skipped = listed(tmp_path)
    assert skipped == {
        "notes.txt": "not a supported picture format (.txt)",
        "a.svg": "not a supported picture format (.svg)",
        "README": "not a supported picture format (no suffix)",
        "photo.png.part": "not a supported picture format (.part)",
    }


def test_empty_folders_are_listed(tmp_path):
    (tmp_path / "cats").mkdir()
    assert listed(tmp_path) == ([], {"cats/": "empty folder"})


def test_linked_folders_inside_and_outside_are_followed(tmp_path):
    root, outside = tmp_path / "root", tmp_path / "outside"
    for number in range(5):
        picture(outside / "more" / f"{number}.png")
    picture(root / "ok" / "0.png")
    (root / "ok" / "linked").symlink_to(outside / "more")
    (root / "whole").symlink_to(outside)
    names, skipped = listed(root)
    assert len([name for name in names if "linked" in name or "whole" in name]) == 5
    assert list(skipped.values()) == ["link to 'ok/linked/', which is read already"]
    changed = {file for file, _, _ in watched_files("folder", {"path": str(root)})}
    assert str(root / "ok" / "linked" / "4.png") in changed


def test_loops_of_links_end_and_real_folders_keep_their_names(tmp_path):
    picture(tmp_path / "b" / "0.png")
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b" / "self").symlink_to(tmp_path / "b")
    (tmp_path / "b" / "root").symlink_to(tmp_path)
    (tmp_path / "b" / "above").symlink_to(tmp_path.parent)
    (tmp_path / "b" / "itself").symlink_to(tmp_path / "b" / "itself")
    (tmp_path / "b" / "nowhere.png").symlink_to(tmp_path / "absent.png")
    assert listed(tmp_path) == (
        ["b/0.png"],
        {
            "a/": "link to 'b/', which is read already",
            "b/self/": "link to 'b/', which is read already",
            "b/root/": "link to './', which is read already",
            "b/above/": "link to a folder that contains it",
            "b/itself": "broken link",
            "b/nowhere.png": "broken link",
        },
    )


def test_many_folders_that_link_to_each_other_are_read_once(tmp_path):
    for one in range(12):
        picture(tmp_path / str(one) / "0.png")
        for other in range(12):
            (tmp_path / str(one) / f"to-{other}").symlink_to(tmp_path / str(other))
    assert len(find_pictures(tmp_path).pictures) == 12


def test_pipes_and_folders_named_like_pictures_are_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    picture(tmp_path / "folder.png" / "0.png")
    assert listed(tmp_path) == (["folder.png/0.png"], {"pipe.png": "neither file nor folder"})


def test_a_folder_that_cannot_be_opened_is_listed(tmp_path, monkeypatch):
    picture(tmp_path / "a" / "0.png")
    picture(tmp_path / "b" / "0.png")
    scandir = os.scandir

    def forbidden(path):
        if Path(path).name == "b":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", forbidden)
    assert listed(tmp_path) == (["a/0.png"], {"b/": "cannot be opened (Permission denied)"})


def test_names_in_any_language_are_read_and_only_broken_ones_are_skipped(tmp_path):
    names = ["日本", "می‌شود", "ñandú", "a\nb", "<b>", "a|b", "`c`", "x" * 250, " ", "-rf", "%s", "{0}"]
    for name in names:
        picture(tmp_path / name / "0.png")
    (tmp_path / os.fsdecode(b"\xff.png")).touch()
    found, skipped = listed(tmp_path)
    assert found == sorted(f"{name}/0.png" for name in names)
    assert skipped == {r"\udcff.png": "name is not valid UTF-8"}
    images = load_images("folder", {"path": str(tmp_path), "size": 4})
    assert r"a\nb" in images.classes and r"a\nb/0.png" in images.names


def test_deep_folders_are_read(tmp_path):
    folder = tmp_path
    for _ in range(300):
        folder = folder / "d"
        folder.mkdir()
    picture(folder / "0.png")
    assert len(find_pictures(tmp_path).pictures) == 1


def test_pages_of_tiff_files_are_pictures_only_if_wanted(tmp_path):
    pages = [Image.new("L", (4, 4), value) for value in (10, 20, 30)]
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        pages[0].save(tmp_path / name / "x.tiff", save_all=True, append_images=pages[1:])
    (tmp_path / "a" / "bad.tif").touch()
    assert [(one.name, one.page) for one in find_pictures(tmp_path, all_pages=True).pictures] == [
        ("a/bad.tif", 0),
        *[(f"{name}/x.tiff", page) for name in "ab" for page in range(3)],
    ]
    (tmp_path / "a" / "bad.tif").unlink()
    first = load_images("folder", {"path": str(tmp_path), "size": 4, "channels": 1})
    assert first.pixels[:][:, 0, 0, 0].tolist() == [10, 10]
    assert any("2 of 2 pictures have several pages or frames" in note for note in first.notes)
    every = load_images("folder", {"path": str(tmp_path), "size": 4, "channels": 1, "all_pages": True})
    assert every.pixels[:][:, 0, 0, 0].tolist() == [10, 20, 30] * 2
    assert every.names.tolist()[:3] == ["a/x.tiff", "a/x.tiff#2", "a/x.tiff#3"]
    assert every.groups.tolist() == ["a/x.tiff"] * 3 + ["b/x.tiff"] * 3
    assert not any("pages" in note for note in every.notes)
