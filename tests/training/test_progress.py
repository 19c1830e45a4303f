import pytest

from pipeline.training import progress
from pipeline.training.progress import Reporter, in_turn, time_left
from pipeline.training.task import Progress


def epochs(number, *, seconds=2.0):
    return [
        {"train/loss": 0.5, "val/loss": 0.25, "val/accuracy": 0.875, "seconds": seconds, "train/accuracy": 0.5}
    ] * number


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test sets, in seconds."""

    class Clock:
        now = 1000.0

        def monotonic(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


@pytest.fixture
def reporter():
    """A reporter of four replicates of ten epochs, two at a time; the epochs `done` took two seconds each."""

    def made(*done, workers=2):
        reporter = Reporter("lenet5", range(4), 10, workers, interval=5.0)
        for replicate, number in enumerate(done):
            reporter.histories[replicate] = epochs(number)
        return reporter

    return made


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "done soon"),
        (4.9, "done soon"),
        (5, "about 5 s left"),
        (43, "about 45 s left"),
        (57.4, "about 55 s left"),
        (57.6, "about 1 min left"),
        (89, "about 1 min left"),
        (91, "about 2 min left"),
        (3569, "about 59 min left"),
        (3571, "about 1 h 0 min left"),
        (36_000, "about 10 h 0 min left"),
    ],
)
def test_the_time_left_is_rounded(seconds, words):
    assert time_left(seconds) == words


@pytest.mark.parametrize(
    ("done", "workers", "seconds"),
    [
        ((1,), 1, 39 * 2),
        ((1, 1), 2, 38 / 2 * 2),
        ((10, 10), 2, 20 / 2 * 2),
        # The last replicate trains alone, even with more workers.
        ((10, 10, 10, 4), 2, 6 * 2),
        ((10, 10, 9, 1), 2, 9 * 2),
        ((1, 1, 1, 1), 8, 9 * 2),
        ((10, 10, 10, 10), 2, 0),
    ],
)
def test_the_time_left_is_estimated_from_the_measured_epochs(reporter, done, workers, seconds):
    assert reporter(*done, workers=workers).seconds_left() == pytest.approx(seconds)


def test_the_pace_is_the_mean_of_all_measured_epochs(reporter):
    mixed = reporter(10, 10, 10)
    mixed.histories[3] = epochs(5, seconds=9.0)
    assert mixed.seconds_left() == pytest.approx(5 * (30 * 2 + 5 * 9) / 35)


def test_a_line_shows_model_progress_and_remaining_time(reporter):
    assert reporter(10, 4).line(1) == (
        "lenet5  replicate 2/4  epoch  4/10  loss 0.500  validation loss 0.250 accuracy 0.875  |  35 %, about 25 s left"
    )


def test_lines_are_printed_at_most_once_per_interval_except_for_last_epochs(reporter, clock, capsys):
    report = reporter()
    lines = []
    for now, replicate, number in [
        (1000, 0, 0),
        (1001, 0, 1),
        (1002, 0, 2),
        (1005.9, 1, 1),
        (1006.1, 0, 3),
        (1006.2, 1, 10),
        (1007, 0, 4),
    ]:
        clock.now = now
        report(Progress(replicate, epochs(number), last=number == 10))
        if line := capsys.readouterr().out:
            assert line.endswith("left\n")
            lines.append((now, line.split("loss")[0].split("  ", 1)[1].strip()))
    assert lines == [
        (1001, "replicate 1/4  epoch  1/10"),
        (1006.1, "replicate 1/4  epoch  3/10"),
        (1006.2, "replicate 2/4  epoch 10/10"),
    ]


def test_a_training_that_ends_early_prints_its_line_and_has_no_epochs_left(reporter, clock, capsys):
    report = reporter(10, 10, 10)
    report(Progress(3, epochs(4)))
    assert "85 %, about 10 s left" in capsys.readouterr().out
    report(Progress(3, epochs(5), last=True))
    assert "epoch  5/10" in (line := capsys.readouterr().out)
    assert "100 %, done soon" in line


def test_nothing_is_printed_before_the_first_epoch(reporter, clock, capsys):
    reporter()(Progress(0, []))
    assert capsys.readouterr().out == ""


def test_a_resumed_training_counts_its_earlier_epochs(reporter, clock, capsys):
    reporter()(Progress(0, epochs(6)))
    assert "epoch  6/10" in (line := capsys.readouterr().out)
    assert "15 %" in line


def test_every_callback_gets_each_progress_in_turn():
    calls = []
    on_progress = in_turn(lambda one: calls.append(("log", one)), lambda one: calls.append(("print", one)))
    for replicate in range(2):
        on_progress(Progress(replicate, []))
    assert calls == [(name, Progress(replicate, [])) for replicate in range(2) for name in ("log", "print")]
