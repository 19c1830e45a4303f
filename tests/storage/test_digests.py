"""Digests of files, which readers compare."""

import json
import os

import pytest

from pipeline.errors import UserError
from pipeline.storage.digests import DIGESTS, add_digests, changed, intact, write_digests
from pipeline.storage.files import check_complete, existing, read_json, write_checked_json


@pytest.fixture
def folder(tmp_path):
    """A folder with a file and a file in a folder below, and their digests."""
    (tmp_path / "train/replicate-0").mkdir(parents=True)
    for name in ("history.csv", "replicate-0/kept.weights.h5"):
        (tmp_path / "train" / name).write_bytes(b"content of " + name.encode())
    write_digests(tmp_path / "train")
    return tmp_path / "train"


def flip(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize("name", ["history.csv", "replicate-0/kept.weights.h5"])
def test_a_changed_file_is_named_before_it_is_used(folder, name):
    assert existing(folder / name) == folder / name
    flip(folder / name)
    assert changed(folder / name) == folder / name
    assert not intact(folder)
    with pytest.raises(UserError, match=rf"{name} is damaged or comes from another version\. Delete it and run `dvc "):
        existing(folder / name)


def test_a_file_of_the_same_size_and_time_but_another_inode_is_compared_again(folder):
    file = folder / "history.csv"
    existing(file)
    before = file.stat()
    other = folder / "other"
    other.write_bytes(file.read_bytes()[::-1])
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(file)
    assert changed(file) == file


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"history.csv": "0"}', b"\xff"])
def test_a_damaged_record_is_named_rather_than_the_file(folder, content):
    (folder / DIGESTS).write_bytes(content)
    assert not intact(folder)
    for check in (lambda: existing(folder / "history.csv"), lambda: check_complete(folder)):
        with pytest.raises(UserError, match=rf"{DIGESTS} is damaged"):
            check()


def test_a_missing_file_is_named(folder):
    (folder / "history.csv").unlink()
    assert not intact(folder)
    with pytest.raises(UserError, match=r"history\.csv is missing"):
        check_complete(folder)


def test_without_a_record_as_in_earlier_versions_files_count_as_unchanged(folder):
    (folder / DIGESTS).unlink()
    flip(folder / "history.csv")
    assert intact(folder)
    existing(folder / "history.csv")


def test_a_file_is_compared_with_the_nearest_record_that_lists_it(folder):
    write_digests(folder / "replicate-0")
    (folder / "replicate-0/latency.json").write_text("{}")
    write_digests(folder)
    (folder / "replicate-0/latency.json").write_text("{1}")
    assert changed(folder / "replicate-0/latency.json") == folder / "replicate-0/latency.json"


def test_digests_of_later_files_are_added_and_known_ones_are_kept(folder):
    (folder / "latency.json").write_text("{}")
    flip(folder / "history.csv")
    add_digests(folder)
    assert changed(folder / "latency.json") is None
    assert changed(folder / "history.csv") == folder / "history.csv"
    flip(folder / "latency.json")
    assert changed(folder / "latency.json") == folder / "latency.json"


def test_a_file_that_was_written_again_gets_a_new_digest(folder):
    for name in ("history.csv", "replicate-0/kept.weights.h5"):
        flip(folder / name)
    add_digests(folder, written=[folder / "history.csv"])
    assert changed(folder / "history.csv") is None
    assert changed(folder / "replicate-0/kept.weights.h5")
    flip(folder / "history.csv")
    assert changed(folder / "history.csv") == folder / "history.csv"


def test_a_json_file_with_its_own_digest_may_be_reformatted_but_not_edited(tmp_path):
    file = tmp_path / "champion.json"
    write_checked_json(file, {"model": "lenet5", "score": {"mean": 0.5}})
    content = json.loads(file.read_bytes())
    file.write_text(json.dumps(dict(reversed(content.items())), indent=7))
    assert read_json(file) == {"model": "lenet5", "score": {"mean": 0.5}}
    for edited in ({**content, "model": "vgg"}, {**content, "score": {"mean": 0.6}}, {**content, "more": 1}):
        file.write_text(json.dumps(edited))
        with pytest.raises(UserError, match="is damaged"):
            read_json(file)


def test_a_damaged_key_of_the_digest_is_no_content(tmp_path):
    file = tmp_path / "champion.json"
    write_checked_json(file, {"model": "lenet5", "trained": "f" * 64})
    file.write_text(file.read_text().replace("content_sha256", "content_sha356"))
    with pytest.raises(UserError, match="is damaged"):
        read_json(file)


def test_a_json_file_without_a_digest_may_end_with_that_of_something_else(tmp_path):
    file = tmp_path / "manifest.json"
    file.write_text(json.dumps({"data": "digits", "digest": "f" * 64}))
    assert read_json(file)["digest"] == "f" * 64
