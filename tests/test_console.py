import pytest

from pipeline.console import Progress, columns, say


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


@pytest.fixture
def clock(monkeypatch):
    """The time in seconds, which a test sets."""
    now = [0.0]
    monkeypatch.setattr("pipeline.console.time.monotonic", lambda: now[0])
    return now


def test_progress_in_a_file_is_a_line_every_ten_seconds(clock, capsys):
    progress = Progress(1000, "pictures read")
    for clock[0] in (4.0, 8.0, 12.0, 16.0, 20.0, 24.0):
        progress.advance(100)
    progress.close()
    assert capsys.readouterr().out == (
        "300 of 1,000 pictures read, about 28 s left\n600 of 1,000 pictures read, about 16 s left\n"
    )


def test_progress_on_a_terminal_is_one_line_that_disappears(clock, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    progress = Progress(100, "pictures read")
    clock[0] = 2.0  # Workers have started. Nothing is known about the rate yet.
    progress.advance(1)
    clock[0] = 200.0
    progress.advance(49)
    clock[0] = 201.0
    progress.advance(49)
    progress.close()
    first, second, cleared, last = capsys.readouterr().out.split("\r")[1:]
    assert first == "50 of 100 pictures read, about 3 min left"
    assert second.rstrip() == "99 of 100 pictures read, about 2 s left" and len(second) == len(first)
    assert cleared.strip() == "" and last == ""


def test_quick_tasks_report_no_progress(clock, capsys):
    progress = Progress(10, "pictures read")
    progress.advance(10)
    progress.close()
    assert capsys.readouterr().out == ""
