"""Pictures are decoded in parallel and once; what was decoded before an interruption is not decoded again."""

import errno
import multiprocessing
import os
import shutil
import sqlite3

import numpy as np
import pytest
from PIL import Image

from pipeline.cli.messages import sentence
from pipeline.data.pictures import parallel_reading
from pipeline.data.pictures.decode import Decoding, decode
from pipeline.data.pictures.listing import find_pictures
from pipeline.data.pictures.parallel_reading import read_pictures
from pipeline.errors import UserError

DECODING = Decoding(4, 5, 3)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of 300 pictures, more than are decoded without workers; the cache is in a folder of the test."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(300):
        Image.new("RGB", (6, 5), (number % 256, number // 256, 7)).save(folder / f"{number:03d}.png")
    return folder


@pytest.fixture
def decoded(monkeypatch):
    """The names of the pictures that this process decodes, in order."""
    names = []

    def recording(picture, *arguments, **options):
        names.append(picture.name)
        return decode(picture, *arguments, **options)

    monkeypatch.setattr(parallel_reading, "decode", recording)
    return names


def read(folder, workers=1):
    return read_pictures(folder, find_pictures(folder).pictures, DECODING, workers=workers)


def assert_in_order(reading):
    expected = [[number % 256, number // 256, 7] for number in range(300)]
    assert reading.pixels[0:300][:, 0, 0].tolist() == expected
    assert reading.files.width.tolist() == [6] * 300
    assert set(reading.files.mode.tolist()) == {"RGB"} and set(reading.files.format.tolist()) == {"PNG"}


def test_workers_keep_the_order_of_the_pictures_and_end(folder):
    before = multiprocessing.active_children()
    assert_in_order(read(folder, workers=2))
    assert multiprocessing.active_children() == before


def test_only_new_and_changed_pictures_are_decoded(folder, decoded):
    read(folder)
    assert len(decoded) == 300
    decoded.clear()
    Image.new("RGB", (6, 5), "white").save(folder / "new.png")
    Image.new("RGB", (6, 6), "black").save(folder / "100.png")
    reading = read(folder)
    assert decoded == ["100.png", "new.png"]
    assert reading.pixels[99:101][:, 0, 0].tolist() == [[99, 0, 7], [0, 0, 0]]
    assert reading.files.height[[99, 100, 300]].tolist() == [5, 6, 5]


def test_an_interrupted_reading_continues(folder, decoded, monkeypatch):
    def interrupted(picture, *arguments, **options):
        if picture.name == "200.png":
            raise KeyboardInterrupt
        return decode(picture, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(parallel_reading, "decode", interrupted)
        with pytest.raises(KeyboardInterrupt):
            read(folder)
    assert_in_order(read(folder))
    # 64 pictures are decoded at a time: three times 64 had been recorded.
    assert decoded == [f"{number:03d}.png" for number in range(192, 300)]


def test_pictures_that_are_not_stored_side_by_side_are_read_in_their_order(folder):
    read(folder)
    for number in (0, 7, 8, 299):
        (folder / f"{number:03d}.png").touch()
    os.utime(folder / "250.png", (1, 1))
    reading = read(folder)
    assert_in_order(reading)
    np.testing.assert_array_equal(reading.pixels[5:10], reading.pixels[0:300][5:10])
    assert reading.pixels[3:3].shape == (0, 4, 5, 3)


def test_truncated_pixels_raise_an_error(folder):
    reading = read(folder)
    os.truncate(reading.pixels.path, 1000)
    with pytest.raises(UserError, match="became shorter while it was read"):
        reading.pixels[0:300]


def test_damaged_pixels_are_decoded_again(folder, decoded):
    path = read(folder).pixels.path
    with path.open("r+b") as stream:
        stream.seek(5 * int(np.prod((4, 5, 3))))
        stream.write(b"x")
    decoded.clear()
    assert_in_order(read(folder))
    assert decoded == ["005.png"]


def test_a_damaged_index_is_replaced(folder):
    index = read(folder).pixels.path.with_name("index.sqlite")
    index.write_bytes(b"no database" * 1000)
    assert_in_order(read(folder))


def test_unreadable_pictures_keep_their_place(folder):
    (folder / "150.png").write_bytes((folder / "150.png").read_bytes()[:-30])
    reading = read(folder)
    assert np.flatnonzero(~reading.readable).tolist() == [150]
    assert [(picture.name, bool(reason)) for picture, reason in reading.problems] == [("150.png", True)]
    assert reading.pixels.shape[0] == len(reading.files.bytes) == 299
    assert reading.pixels[149:151][:, 0, 0].tolist() == [[149, 0, 7], [151, 0, 7]]


def test_a_killed_worker_is_reported_and_the_next_run_continues(folder, monkeypatch):
    before = multiprocessing.active_children()
    with monkeypatch.context() as patch:
        patch.setattr(parallel_reading, "_start_worker", _die)
        with pytest.raises(parallel_reading.UserError, match="was killed, possibly because memory ran out"):
            read(folder, workers=2)
    assert multiprocessing.active_children() == before
    assert_in_order(read(folder, workers=2))


def _die():
    os._exit(9)


def test_an_index_that_is_damaged_in_the_middle_is_named(folder):
    pictures = find_pictures(folder).pictures
    read_pictures(folder, pictures, DECODING, workers=1)
    (index,) = folder.parent.glob(".convtrack/pictures/*/index.sqlite")
    content = bytearray(index.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 8192] = b"x" * 8192
    index.write_bytes(content)
    with pytest.raises(UserError, match=r"index of the decoded pictures in '.+' cannot be read .+: delete the folder"):
        read_pictures(folder, pictures, DECODING, workers=1)


@pytest.mark.parametrize(
    ("code", "number"),
    [
        (sqlite3.SQLITE_FULL, errno.ENOSPC),
        (sqlite3.SQLITE_IOERR_WRITE, errno.EIO),
        (sqlite3.SQLITE_READONLY_DIRECTORY, errno.EROFS),
        (sqlite3.SQLITE_CANTOPEN, errno.EACCES),
    ],
)
def test_a_disk_that_refuses_the_index_has_a_message(folder, monkeypatch, code, number):
    def refused(*_, **__):
        problem = sqlite3.OperationalError("refused")
        problem.sqlite_errorcode = code
        raise problem

    monkeypatch.setattr("sqlite3.connect", refused)
    with pytest.raises(OSError) as caught:
        read_pictures(folder, find_pictures(folder).pictures, DECODING)
    assert caught.value.errno == number and sentence(caught.value)


def test_a_copy_of_the_pictures_in_the_temporary_folder_of_an_experiment_is_not_decoded_again(
    folder, decoded, tmp_path, temporary_folder
):
    read(folder)
    copy = temporary_folder / folder.name
    shutil.copytree(folder, copy)
    decoded.clear()
    assert_in_order(read(copy))
    assert decoded == [] and not (temporary_folder / ".convtrack").exists()
