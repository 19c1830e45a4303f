"""Paths in data and names lead nowhere else, and nothing that is written is open to other users of the machine."""

import os
import re
import sqlite3
import stat
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.cli import dvc_command
from pipeline.cli.arguments import check_arguments
from pipeline.data.sources import load_images
from pipeline.data.table_file import read_table
from pipeline.errors import UserError
from pipeline.storage import provenance
from pipeline.storage.clean_checkout import clean_checkout
from pipeline.storage.files import replacing, replacing_folder, write_json
from pipeline.storage.imports import ROOT
from pipeline.training.shipped_files import node_folder, unpack


def picture(file):
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(file)


@pytest.mark.parametrize(
    "path",
    [
        "../outside.png",
        "a/../../outside.png",
        "..\\outside.png",
        "{outside}",
        "//{outside}",
        "C:\\outside.png",
        "\\\\server\\share\\outside.png",
        "~/outside.png",
        "a.png\0.txt",
        "a\n.png",
        "file://{outside}",
        "/dev/stdin",
        ".",
        "a" * 5000,
    ],
)
def test_no_row_of_a_table_leads_out_of_its_folder(path, tmp_path):
    picture(tmp_path / "outside.png")
    for name in ("a.png", "b.png"):
        picture(tmp_path / "data" / name)
    written = path.format(outside=tmp_path / "outside.png")
    text = f'path,label\na.png,a\nb.png,b\n"{written}",a\n'
    (tmp_path / "data" / "labels.csv").write_text(text, encoding="utf-8")
    options = {"path": str(tmp_path / "data" / "labels.csv"), "size": 4}
    with pytest.raises(UserError) as error:
        load_images("table", options)
    assert "\0" not in str(error.value)
    loaded = load_images("table", options | {"unreadable": "skip"})
    assert loaded.names.tolist() == ["a.png", "b.png"]


def test_a_table_that_is_a_device_or_a_folder_is_no_table(tmp_path):
    for path in (Path("/dev/zero"), tmp_path):
        with pytest.raises(UserError):
            read_table(path)


@pytest.mark.parametrize(
    "argument",
    ["data=../data/digits", "model=../../elsewhere/model", "+experiment=..", "model=lenet5,../x", "data=glob(../*)"],
)
def test_no_choice_leaves_the_folder_of_its_group(argument, monkeypatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises(UserError, match="must name a file in conf/"):
        check_arguments(["-m", argument])


@pytest.mark.parametrize("name", ["../outside", "a/../../outside", "/tmp/outside"])
def test_files_from_another_machine_stay_in_their_folder(name, tmp_path):
    with pytest.raises(ValueError, match="must lead into"):
        unpack({name: b""}, tmp_path / "inside")


@pytest.mark.parametrize("commit", ["--output=outside", "-x", "HEAD", "main", "", "abcd; true", "ABCDEF"])
def test_only_a_commit_of_a_run_reaches_git(commit, monkeypatch):
    monkeypatch.setattr(provenance, "_run_git", lambda *_, **__: pytest.fail("Git was called"))
    assert not provenance.commit_exists(commit)
    with pytest.raises(UserError, match="is not a commit"), clean_checkout(commit):
        pass


def test_changes_with_a_password_are_not_recorded(monkeypatch, tmp_path):
    (tmp_path / "index").touch()
    monkeypatch.setattr(provenance, "commit", lambda: "abcd")
    monkeypatch.setattr(provenance, "_git", lambda *_: str(tmp_path / "index"))
    for patch, recorded in ((b"+url: https://host/a", True), (b"+url: https://me:s3cr3t@host/a", False)):
        monkeypatch.setattr(provenance, "_run_git", lambda *_, found=patch, **__: found)
        assert (provenance.uncommitted() == patch) is recorded


def modes(folder):
    return {stat.S_IMODE(one.stat().st_mode) for one in [folder, *folder.rglob("*")]}


@pytest.fixture(params=[0o077, 0o027, 0o022], ids=["077", "027", "022"])
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def test_files_follow_the_umask(umask, tmp_path):
    write_json(tmp_path / "one" / "a.json", {})
    with replacing(tmp_path / "two" / "b") as file:
        file.write_text("b")
    with replacing(tmp_path / "three" / "c.db") as file:
        sqlite3.connect(file).execute("create table t (a)")
    with replacing_folder(tmp_path / "four") as folder:
        (folder / "d").write_text("d")
    for name in ("one", "two", "three", "four"):
        assert all(mode & umask == 0 for mode in modes(tmp_path / name))


def test_the_folder_of_a_node_belongs_to_one_user(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert stat.S_IMODE(node_folder().stat().st_mode) == 0o700
    node_folder().rmdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / f"convtrack-{os.getuid()}").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="must belong to the user"):
        node_folder()


def test_the_caches_of_dvc_are_in_the_project_and_belong_to_its_user(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "environ", {name: one for name, one in os.environ.items() if name != "DVC_SITE_CACHE_DIR"})
    (tmp_path / ".dvc").mkdir()
    dvc_command._keep_cache_private()
    folder = Path(os.environ["DVC_SITE_CACHE_DIR"])
    assert folder == tmp_path / dvc_command.SITE_CACHE and stat.S_IMODE(folder.stat().st_mode) == 0o700
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^DVC_SITE_CACHE_DIR \?= \$\(CURDIR\)/{re.escape(str(dvc_command.SITE_CACHE))}$", makefile, re.M)
