import re

import pytest
from PIL import Image

from pipeline.data.pictures.named_pictures import named_pictures
from pipeline.errors import UserError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("cats/b.png", "cats/a.png", "cats/young/c.png", "dogs/[1].png", "empty/notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (2, 2)).save(tmp_path / name, "png")
    (tmp_path / "nothing").mkdir()
    return tmp_path


def found(*names, listed=()):
    return [str(file) for file in named_pictures(names, listed)]


def test_files_and_folders_keep_their_order_and_a_folder_is_sorted(folder):
    assert found("dogs", "cats", "cats/a.png") == [
        "dogs/[1].png", "cats/a.png", "cats/b.png", "cats/young/c.png", "cats/a.png",
    ]  # fmt: skip


def test_patterns_that_the_shell_left_are_matched_with_files_and_folders(folder):
    assert found("cats/?.png", "**/c.*", "d*") == ["cats/a.png", "cats/b.png", "cats/young/c.png", "dogs/[1].png"]
    assert found(f"{folder}/cats/[ab].png") == [f"{folder}/cats/a.png", f"{folder}/cats/b.png"]


def test_a_file_whose_name_looks_like_a_pattern_is_a_file(folder):
    assert found("dogs/[1].png") == ["dogs/[1].png"]


def test_a_list_names_files_and_folders_one_per_line_without_patterns(folder):
    assert found("-", listed=["cats/a.png\n", "\n", "dogs\r\n", "*.png\n"]) == ["cats/a.png", "dogs/[1].png", "*.png"]


def test_a_list_is_read_only_as_far_as_it_is_needed(folder):
    def endless():
        while True:
            yield "cats/a.png\n"

    assert str(next(iter(named_pictures(["-"], endless())))) == "cats/a.png"


def test_the_number_of_pictures_is_known_unless_there_is_a_list(folder):
    assert named_pictures(["cats", "cats/a.png"], []).count == 4
    assert named_pictures(["cats", "-"], []).count is None


def test_a_missing_file_is_kept_because_reading_it_reports_the_reason(folder):
    assert found("missing.png") == ["missing.png"]


def test_what_is_left_out_is_stated(folder):
    pictures = named_pictures(["cats", "nothing", "empty", "x*.png"], [])
    assert len(list(pictures)) == 3
    assert pictures.left_out == [
        "Folder 'nothing' contains no pictures.",
        "Folder 'empty' contains no pictures, but 1 file or folder, such as notes.txt: not a supported picture format "
        "(.txt).",
        "No file matches 'x*.png'.",
    ]
    (folder / "cats/list.txt").touch()
    assert named_pictures(["cats"], []).left_out == [
        "Left out of 'cats': 1 file or folder, such as list.txt: not a supported picture format (.txt)."
    ]


@pytest.mark.parametrize("names", [["nothing"], ["x*.png"], ["-"]])
def test_names_without_any_picture_are_a_user_error(folder, names):
    reason = {"nothing": "Folder 'nothing' contains no pictures.", "x*.png": "No file matches 'x*.png'."}
    message = reason.get(names[0], "No picture is named.") + " Name picture files, folders of pictures, or - for a list"
    with pytest.raises(UserError, match=re.escape(message)):
        list(named_pictures(names, []))


def test_a_path_that_the_system_refuses_does_not_end_a_list(folder):
    (folder / "circle").symlink_to("circle")
    names = ["a" * 300, "a\0b", "circle", "~nobody-of-this-name/x.png"]
    assert found(*names, "cats/a.png") == [*names, "cats/a.png"]
    assert found("-", listed=[f"{name}\n" for name in (*names, "cats/a.png")]) == [*names, "cats/a.png"]


def test_an_empty_name_is_not_the_current_folder(folder):
    with pytest.raises(UserError, match="A name of pictures is empty"):
        named_pictures(["cats", ""], [])


def test_a_pattern_lists_each_picture_once_and_follows_no_links_in_circles(folder):
    (folder / "cats/young/circle").symlink_to("..")
    (folder / "cats-and-dogs").mkdir()
    assert found("cats/**") == ["cats/a.png", "cats/b.png", "cats/young/c.png"]
    assert found("cats/**/*.png") == ["cats/a.png", "cats/b.png", "cats/young/c.png"]
    assert found("**.png", "cats/a**") == ["cats/a.png"]
    assert found(f"{folder}/c**") == [f"{folder}/cats/a.png", f"{folder}/cats/b.png", f"{folder}/cats/young/c.png"]


def test_a_pattern_matches_hidden_files_only_if_it_names_them(folder):
    (folder / "cats/.a.png").touch()
    assert found("cats/*.png") == ["cats/a.png", "cats/b.png"]
    assert found("cats/.*.png") == ["cats/.a.png"]
