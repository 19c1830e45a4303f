"""Console progress of a training, in lines for a terminal or a log file."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.console import say
from pipeline.training.task import OnProgress, Progress, Task


def time_left(seconds: float) -> str:
    """Format an estimated duration, rounded to its precision.

    >>> time_left(1), time_left(47), time_left(100), time_left(7300)
    ('done soon', 'about 45 s left', 'about 2 min left', 'about 2 h 2 min left')
    """
    if seconds < 5:
        return "done soon"
    if seconds < 57.5:
        return f"about {5 * round(seconds / 5)} s left"
    minutes = round(seconds / 60)
    return f"about {minutes} min left" if minutes < 60 else f"about {minutes // 60} h {minutes % 60} min left"


def report_reused(model: str, tasks: Sequence[Task], unfinished: Sequence[Task]) -> None:
    """Print how many replicates are not trained again, if any."""
    reused = len(tasks) - len(unfinished)
    if reused:
        say(f"{model}: reusing {reused} of {len(tasks)} replicates, which are already trained")


def in_turn(*callbacks: OnProgress) -> OnProgress:
    """A callback that passes each progress to several callbacks, in their order."""

    def call(progress: Progress) -> None:
        for callback in callbacks:
            callback(progress)

    return call


@dataclass
class Reporter:
    """Print at most one line per `interval` seconds, and one for the last epoch of each replicate.

    The remaining time is estimated from the epochs measured so far; there is no estimate before the first.
    """

    model: str
    replicates: Sequence[int]
    epochs: int
    workers: int
    interval: float = 5.0
    histories: dict[int, Sequence[Mapping[str, float]]] = field(default_factory=dict, init=False)
    ended: set[int] = field(default_factory=set, init=False)
    printed: float = field(default=0.0, init=False)

    def __call__(self, progress: Progress) -> None:
        """Record the progress of a replicate, and print a line if it is time."""
        self.histories[progress.replicate] = progress.history
        if progress.last:
            self.ended.add(progress.replicate)
        if progress.history and (progress.last or time.monotonic() - self.printed >= self.interval):
            self.printed = time.monotonic()
            say(self.line(progress.replicate))

    def line(self, replicate: int) -> str:
        """Return one line about the replicate's last epoch and the whole training."""
        history = self.histories[replicate]
        epoch = history[-1]
        done = sum(len(history) for history in self.histories.values())
        planned = done + sum(self._epochs_left())
        return (
            f"{self.model}  replicate {replicate + 1}/{max(self.replicates) + 1}  "
            f"epoch {len(history):>2}/{self.epochs}  loss {epoch['train/loss']:.3f}  "
            f"validation loss {epoch['val/loss']:.3f} accuracy {epoch['val/accuracy']:.3f}  "
            f"|  {100 * done // planned} %, {time_left(self.seconds_left())}"
        )

    def seconds_left(self) -> float:
        """Return the seconds until all replicates are trained, at the measured pace."""
        measured = [epoch["seconds"] for history in self.histories.values() for epoch in history]
        pace = sum(measured) / len(measured)
        left = self._epochs_left()
        side_by_side = min(self.workers, sum(epochs > 0 for epochs in left)) or 1
        return pace * max(sum(left) / side_by_side, max(left))

    def _epochs_left(self) -> list[int]:
        """Return the remaining epochs of each replicate; none for a training that ended early."""
        waiting = {replicate: self.epochs - len(self.histories.get(replicate, ())) for replicate in self.replicates}
        return [0 if replicate in self.ended else epochs for replicate, epochs in waiting.items()]
