"""Paths that a user writes never end in a traceback."""

from pathlib import Path

import pytest

from pipeline.data.images import printable
from pipeline.data.sources import load_images
from pipeline.data.user_paths import user_path
from pipeline.errors import UserError

PATHS = {
    "~no_such_user_here/photos": "home folder of an unknown user",
    "x" * 5000: "cannot be opened (File name too long)",
    "a\0b": "is invalid (embedded null byte)",
}


@pytest.mark.parametrize("source", ["folder", "table", "npz", "hdf5", "idx"])
@pytest.mark.parametrize("path", PATHS, ids=["unknown user", "too long", "zero byte"])
def test_a_path_that_the_system_refuses_is_named_by_each_source(source, path):
    with pytest.raises(UserError) as caught:
        load_images(source, {"path": path})
    assert PATHS[path] in str(caught.value)
    assert len(str(caught.value)) < 1200 and printable(str(caught.value)) == str(caught.value)


def test_a_missing_path_is_returned(tmp_path):
    assert user_path(tmp_path / "absent") == tmp_path / "absent"
    (tmp_path / "file").touch()
    assert user_path(tmp_path / "file" / "below") == tmp_path / "file" / "below"


def test_a_device_that_does_not_respond_is_named(tmp_path, monkeypatch):
    def stale(*_, **__):
        raise OSError(116, "Stale file handle")

    monkeypatch.setattr("pathlib.Path.stat", stale)
    with pytest.raises(UserError, match=r"/mount' cannot be opened \(Stale file handle\)"):
        user_path(tmp_path / "mount")


def test_a_temporary_folder_of_an_experiment_finds_untracked_images_in_the_project(tmp_path, temporary_folder):
    (tmp_path / "data/images").mkdir(parents=True)
    assert user_path("data/images") == tmp_path / "data/images"
    assert user_path("data/absent") == Path("data/absent")


def test_images_that_an_experiment_has_of_its_own_come_before_those_of_the_project(tmp_path, temporary_folder):
    for folder in (tmp_path, temporary_folder):
        (folder / "data/images").mkdir(parents=True)
    assert user_path("data/images") == Path("data/images")
