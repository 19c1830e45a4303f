import json
import stat
from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.storage.files import read_json, read_network_text, replacing, replacing_folder, write_json
from pipeline.storage.folders import CheckpointFolder, ResultFolder, RunFolder


class Failure(Exception):
    pass


def names(folder):
    return sorted(file.name for file in folder.iterdir())


def test_a_file_is_replaced_when_the_block_succeeds(tmp_path):
    file = tmp_path / "new" / "folder" / "result"
    for text in ("first", "second"):
        with replacing(file) as unfinished:
            unfinished.write_text(text)
            assert not file.exists() or file.read_text() == "first"
        assert file.read_text() == text
    assert names(file.parent) == ["result"]


def test_a_failed_write_leaves_the_old_file_and_no_temporary_file(tmp_path):
    file = tmp_path / "result"
    file.write_text("old")
    with pytest.raises(Failure), replacing(file) as unfinished:
        unfinished.write_text("half of the n")
        raise Failure
    assert file.read_text() == "old"
    assert names(tmp_path) == ["result"]


def test_a_file_that_was_not_written_raises_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "result"):
        pass
    assert names(tmp_path) == []


def test_a_temporary_file_has_the_suffix_of_the_final_one(tmp_path):
    # Keras and Pillow infer the format from it.
    with replacing(tmp_path / "kept.weights.h5") as unfinished:
        assert unfinished.name.endswith(".weights.h5")
        unfinished.touch()


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    folder = tmp_path / "new" / "results"
    for name in ("first", "second"):
        with replacing_folder(folder) as unfinished:
            assert names(unfinished) == []
            (unfinished / name).write_text(name)
        assert names(folder) == [name]
    assert names(folder.parent) == ["results"]


def test_a_failed_write_leaves_the_old_folder_and_no_temporary_folder(tmp_path):
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "old").write_text("old")
    with pytest.raises(Failure), replacing_folder(folder) as unfinished:
        (unfinished / "new").write_text("new")
        raise Failure
    assert (names(tmp_path), names(folder)) == (["results"], ["old"])


def test_a_replaced_folder_is_readable_by_other_users(tmp_path):
    with replacing_folder(tmp_path / "results"):
        pass
    assert stat.S_IMODE((tmp_path / "results").stat().st_mode) == 0o755


def test_written_json_is_read_back(tmp_path):
    values = {"b": [1, 0.1 + 0.2, None], "a": "Größe: 3 × 3"}
    write_json(tmp_path / "x.json", values)
    assert read_json(tmp_path / "x.json") == values
    text = (tmp_path / "x.json").read_text(encoding="utf-8")
    assert "Größe: 3 × 3" in text
    assert text.endswith("}\n")


def test_invalid_json_keeps_the_old_file(tmp_path):
    write_json(tmp_path / "x.json", {"old": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "x.json", {"new": float("inf")})
    assert read_json(tmp_path / "x.json") == {"old": 1}
    assert names(tmp_path) == ["x.json"]


def test_a_missing_file_raises_an_error_with_the_command_that_creates_it(tmp_path):
    with pytest.raises(UserError, match=r"x\.json is missing\. Run `dvc repro`"):
        read_json(tmp_path / "x.json")


@pytest.mark.parametrize("content", ['{"a": 1}', "[]", '{"a": 1,'])
def test_a_file_that_lacks_a_key_raises_an_error_with_the_remedy(tmp_path, content):
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(UserError, match=r"x\.json is damaged or comes from another version\. Delete it and run `dvc"):
        read_json(tmp_path / "x.json", "a", "b")


def test_a_missing_key_inside_a_file_raises_an_error_with_the_remedy(tmp_path):
    (tmp_path / "x.json").write_text('{"replicates": [{"seconds": 1}]}')
    (record,) = read_json(tmp_path / "x.json")["replicates"]
    assert record["seconds"] == 1 and record.get("commit") is None
    with pytest.raises(UserError, match=r"x\.json is damaged or comes from another version"):
        record["commit"]


@pytest.mark.parametrize("content", ["", '{"a": 1', "{}", '{"class_name": 1, "config": 2}', "\\xff"])
def test_a_file_that_is_not_a_network_raises_an_error_with_the_remedy(tmp_path, content):
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(UserError, match=r"x\.json is damaged or comes from another version"):
        read_network_text(tmp_path / "x.json")


def test_a_result_is_finished_when_its_record_exists(tmp_path):
    result = ResultFolder(tmp_path / "result")
    assert not result.finished
    with replacing_folder(result.folder) as unfinished:
        (unfinished / result.weights.name).write_text("weights")
        (unfinished / result.record.name).write_text(json.dumps({"sizes": {result.weights.name: 7}}))
        assert not result.finished
    assert result.finished


@pytest.mark.parametrize("file", ["weights", "record"])
def test_a_truncated_result_is_not_finished(tmp_path, file):
    result = ResultFolder(tmp_path)
    result.weights.write_text("weights")
    result.record.write_text(json.dumps({"sizes": {result.weights.name: 7}}))
    assert result.finished
    getattr(result, file).write_text("w")
    assert not result.finished


def test_pictures_are_sorted_by_epoch(tmp_path):
    folder = CheckpointFolder(tmp_path)
    for epoch in (16, 2, 100_000, 1):
        folder.picture(epoch).touch()
    assert folder.pictures == {epoch: folder.picture(epoch) for epoch in (1, 2, 16, 100_000)}
    assert ResultFolder(tmp_path).pictures == folder.pictures


def test_results_and_checkpoints_are_outside_the_outputs_that_dvc_deletes():
    for folder in (ResultFolder.stored("f").folder, CheckpointFolder.of("f").folder):
        assert folder.parts[0] == ".convtrack"


def test_the_lock_of_a_training_outlives_its_checkpoints():
    checkpoint = CheckpointFolder.of("f")
    assert checkpoint.folder not in checkpoint.lock.parents


def test_no_two_files_of_a_run_share_a_name():
    run = RunFolder.of("lenet5")
    files = [getattr(run, name) for name, part in vars(RunFolder).items() if isinstance(part, property)]
    files += [run.curve("roc"), run.result(0).folder, run.result(1).folder]
    assert len(set(files)) == len(files)
    assert all({run.folder, run.network} & set(file.parents) for file in files)


def test_processes_that_replace_the_same_folder_at_once_do_not_disturb_each_other(tmp_path, monkeypatch):
    folder, other = tmp_path / "results", tmp_path / "other"
    move = Path.replace

    def disturbed(path, target):
        # Another process moves its folder into place just before this one does.
        if target == folder and other.exists():
            other.rename(folder)
        return move(path, target)

    monkeypatch.setattr(Path, "replace", disturbed)
    other.mkdir()
    (other / "theirs").touch()
    with replacing_folder(folder) as unfinished:
        (unfinished / "ours").touch()
    assert (names(tmp_path), names(folder)) == (["results"], ["ours"])
