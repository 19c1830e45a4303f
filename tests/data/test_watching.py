import pytest

from pipeline.data.watching import NOTHING, linked_folders, watch, watched_paths
from pipeline.storage.folders import WATCHED


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_path_inside_the_project_is_relative_and_another_one_absolute(project):
    assert watched_paths("folder", {"path": str(project / "data" / "images")})["path"] == "data/images"
    assert watched_paths("folder", {"path": "../photos"})["path"] == str(project.parent / "photos")


def test_a_path_in_the_home_folder_is_expanded(project, monkeypatch):
    monkeypatch.setenv("HOME", "/home/ada")
    assert watched_paths("npz", {"path": "~/cells.npz"}) == {
        "path": "/home/ada/cells.npz",
        "root": "/home/ada/cells.npz",
    }


def test_the_pictures_of_a_table_are_watched():
    assert watched_paths("table", {"path": "a/t.csv", "root": "b"}) == {"path": "a/t.csv", "root": "b"}
    assert watched_paths("table", {"path": "a/t.csv", "root": None}) == {"path": "a/t.csv", "root": "a"}


def test_nothing_is_watched_if_the_images_come_from_a_package():
    assert watched_paths("digits", {"size": 8}) == {"path": NOTHING, "root": NOTHING}


def test_the_file_is_written_only_if_it_names_other_paths():
    assert watch("folder", {"path": "photos"})
    before = WATCHED.stat().st_mtime_ns
    assert not watch("folder", {"path": "photos"})
    assert WATCHED.stat().st_mtime_ns == before


def test_linked_folders_are_listed_because_dvc_does_not_watch_them(project):
    (project / "photos/ok").mkdir(parents=True)
    (project / "more").mkdir()
    (project / "photos/ok/linked").symlink_to(project / "more")
    assert linked_folders("folder", {"path": "photos"}) == ["photos/ok/linked"]
    assert linked_folders("digits", {}) == []


def test_an_experiment_in_a_temporary_folder_watches_images_under_the_path_that_they_have_in_the_project(
    tmp_path, temporary_folder
):
    (tmp_path / "data/images/ok").mkdir(parents=True)
    (tmp_path / "data/images/ok/linked").symlink_to(tmp_path)
    assert watched_paths("folder", {"path": "data/images"}) == {"path": "data/images", "root": "data/images"}
    assert linked_folders("folder", {"path": "data/images"}) == [str(tmp_path / "data/images/ok/linked")]
