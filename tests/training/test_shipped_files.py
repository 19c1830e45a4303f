import os
import tempfile
import time

import pytest

from pipeline.errors import UserError
from pipeline.training import shipped_files
from pipeline.training.shipped_files import Damaged, SentFolder, found_files, node_folder, packed, store_files, unpack


@pytest.fixture
def sent(tmp_path, monkeypatch):
    """A folder with a file of three chunks and an empty one."""
    monkeypatch.setattr(shipped_files, "CHUNK", 4)
    folder = tmp_path / "sender"
    folder.mkdir()
    (folder / "pixels").write_bytes(b"abcdefghij")
    (folder / "labels").write_bytes(b"")
    return SentFolder.of(folder)


def contents(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_a_node_with_the_same_files_in_the_same_place_uses_them_there(sent, tmp_path):
    assert found_files(sent, tmp_path / "store") == sent.place


def test_other_bytes_in_the_same_place_are_not_used(sent, tmp_path):
    (sent.place / "pixels").write_bytes(b"abcdefghiJ")
    assert found_files(sent, tmp_path / "store") is None


def test_files_that_were_sent_are_found_by_their_digest(sent, tmp_path):
    original = contents(sent.place)
    folder = store_files(sent, tmp_path / "store", lambda name: list(sent.chunks(name)))
    (sent.place / "pixels").unlink()
    assert found_files(sent, tmp_path / "store") == folder
    assert contents(folder) == original


def test_only_the_first_worker_of_a_node_fetches_the_files(sent, tmp_path):
    store_files(sent, tmp_path / "store", sent.chunks)
    store_files(sent, tmp_path / "store", lambda name: pytest.fail(f"fetched {name} again"))


def test_a_truncated_file_is_fetched_again(sent, tmp_path):
    folder = store_files(sent, tmp_path / "store", sent.chunks)
    (folder / "pixels").write_bytes(b"abc")
    store_files(sent, tmp_path / "store", sent.chunks)
    assert contents(folder) == contents(sent.place)


def test_a_changed_byte_in_the_folder_of_a_node_is_found_and_fetched_again(sent, tmp_path):
    folder = store_files(sent, tmp_path / "store", sent.chunks)
    original = contents(sent.place)
    for place in (folder, sent.place):
        (place / "pixels").write_bytes(b"abcdefghiJ")
    assert found_files(sent, tmp_path / "store") is None
    store_files(sent, tmp_path / "store", lambda name: [original[name]])
    assert found_files(sent, tmp_path / "store") == folder
    assert contents(folder) == original


def test_a_process_reads_files_once(sent, tmp_path, monkeypatch):
    assert found_files(sent, tmp_path / "store") == sent.place
    monkeypatch.setattr(shipped_files, "_digest", lambda file: pytest.fail(f"read {file} again"))
    assert found_files(sent, tmp_path / "store") == sent.place


def test_bytes_with_another_digest_are_not_stored(sent, tmp_path):
    with pytest.raises(Damaged, match="pixels"):
        store_files(sent, tmp_path / "store", lambda name: [b"abcdefghiJ"[: sent.files[name].size]])
    assert not (tmp_path / "store" / sent.digest).exists()


def test_only_the_named_files_of_a_folder_are_sent(sent):
    assert set(SentFolder.of(sent.place, ["labels"]).files) == {"labels"}


def test_packed_contents_are_unpacked_as_they_were(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    unpack({"a": b"1", "inner/b": b"2", "left": b"3", ".12-temporary": b"4"}, source)
    unpack(packed(source, without=["left"]), target)
    assert packed(target) == {"a": b"1", "inner/b": b"2"}


@pytest.mark.parametrize("name", ["../outside", "/tmp/outside", "inner/../../outside"])
def test_contents_stay_in_their_folder(tmp_path, name):
    with pytest.raises(ValueError, match="must lead into"):
        unpack({name: b"1"}, tmp_path / "folder")


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_only_its_user_reads_the_folder_of_a_node(temporary):
    assert node_folder().stat().st_mode & 0o777 == 0o700


def test_a_link_in_place_of_the_folder_of_a_node_is_refused(temporary):
    (temporary / "elsewhere").mkdir()
    (temporary / f"convtrack-{os.getuid()}").symlink_to(temporary / "elsewhere")
    with pytest.raises(UserError, match="must belong to the user"):
        node_folder()


def test_a_node_deletes_files_that_were_not_used_for_thirty_days(temporary):
    files, results = (node_folder() / name for name in ("files", ".convtrack/results"))
    for folder in (files / "new", files / "old", results / "old"):
        folder.mkdir(parents=True)
        if folder.name == "old":
            month_ago = time.time() - 31 * 24 * 3600
            os.utime(folder, (month_ago, month_ago))
    node_folder()
    assert [file.name for file in files.iterdir()] == ["new"]
    assert list(results.iterdir()) == []
