from pathlib import Path

import pytest

from pipeline.storage.durations import FILE, read_durations, record_duration
from pipeline.storage.folders import cache_folder


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_the_last_duration_of_each_command_is_kept():
    record_duration(["train", "model=a"], 3.14159)
    record_duration(["report"], 2)
    record_duration(["train", "model=a"], 4.0)
    assert read_durations() == {"train model=a": 4.0, "report": 2.0}


@pytest.mark.parametrize("content", ["", "[1]", '{"report": "long"}', "{", "\0"])
def test_a_damaged_file_counts_as_empty_and_is_replaced(content):
    file = cache_folder() / FILE
    file.parent.mkdir()
    file.write_text(content)
    assert read_durations() == {}
    record_duration(["report"], 2)
    assert read_durations() == {"report": 2.0}


def test_a_folder_that_cannot_be_written_is_no_failure():
    Path(".convtrack").write_text("a file in place of the folder")
    record_duration(["report"], 2)
    assert read_durations() == {}
