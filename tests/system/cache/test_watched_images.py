"""`dvc repro prepare` on images in a folder outside the project."""

import numpy as np
import pytest
from PIL import Image

from pipeline.data.prepared import read_manifest


def add_pictures(folder, first, last):
    for name in ("ok", "defect"):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(first, last):
            pixels = np.random.default_rng(number).integers(0, 256, (9, 9, 3), np.uint8)
            Image.fromarray(pixels if name == "ok" else 255 - pixels).save(folder / name / f"{number}.png")


@pytest.fixture
def project(untouched_project, tmp_path):
    add_pictures(tmp_path / "photos", 0, 20)
    untouched_project.change("conf/data/folder.yaml", options__path=str(tmp_path / "photos"), options__size=8)
    untouched_project.change("conf/comparison.yaml", data="folder", split="kfold", replicates=5)
    return untouched_project


def images(project):
    return read_manifest(project.folder / "data/prepared")["images"]


def test_images_added_outside_the_project_are_prepared(project, tmp_path):
    # As `make repro` does before it starts DVC.
    project.run("convtrack", "repair")
    assert project.repro("prepare") == {"prepare"}
    assert "up to date" in project.run("dvc", "status", "prepare")
    assert project.repro("prepare") == set()
    add_pictures(tmp_path / "photos", 20, 25)
    assert project.repro("prepare") == {"prepare"}
    assert images(project) == 50


def test_with_dvc_alone_the_second_run_watches_and_the_third_has_nothing_to_do(project, tmp_path):
    assert "with the paths of the images" in project.run("dvc", "repro", "prepare")
    add_pictures(tmp_path / "photos", 20, 25)
    assert project.repro("prepare") == {"prepare"}
    assert images(project) == 50
    assert project.repro("prepare") == set()
    (tmp_path / "photos/ok/3.png").unlink()
    assert project.repro("prepare") == {"prepare"}


def test_dvc_tracks_images_inside_the_project_and_git_ignores_them(project, tmp_path):
    add_pictures(project.folder / "data/images", 0, 20)
    project.change("conf/data/folder.yaml", options__path="data/images")
    assert "?? data/images" not in project.run("git", "status", "--porcelain", "--untracked-files=all")
    project.run("dvc", "add", "--quiet", "data/images")
    project.run("convtrack", "repair")
    assert project.repro("prepare") == {"prepare"}
    add_pictures(project.folder / "data/images", 20, 25)
    assert project.repro("prepare") == {"prepare"}
    assert images(project) == 50
