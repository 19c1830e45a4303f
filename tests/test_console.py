import pytest

from pipeline.console import columns, say


def test_a_line_is_flushed_immediately(monkeypatch):
    calls = []
    monkeypatch.setattr("builtins.print", lambda *lines, **options: calls.append((lines, options)))
    say("epoch 1")
    assert calls == [(("epoch 1",), {"flush": True})]


def test_columns_are_as_wide_as_their_widest_cell():
    assert columns([("model", "scores"), ("lecture_cnn", "0.9")]) == ["model        scores", "lecture_cnn  0.9"]


@pytest.mark.parametrize("right", [(1,), range(1, 7)])
def test_numbers_are_aligned_on_the_right(right):
    assert columns([("a", "loss"), ("b", "0.25"), ("c", "10.5")], right=right) == ["a  loss", "b  0.25", "c  10.5"]
    assert columns([("a", "1"), ("b", "100")], right=right) == ["a    1", "b  100"]


def test_numbers_are_printed_as_they_are_written():
    assert columns([("1e3", "0.10"), ("1", "-2.000")]) == ["1e3  0.10", "1    -2.000"]


def test_lines_do_not_end_in_spaces_and_empty_cells_keep_their_place():
    assert columns([("a", "b", "c"), ("long", "", "x"), ("d", "e", "")]) == ["a     b  c", "long     x", "d     e"]


def test_a_table_without_rows_has_no_lines():
    assert columns([]) == []
