"""What a trial promises after each epoch: the value that a pruner compares with other trials after the same step.

A trial of several replicates trains one after the other. Its steps are the epochs of them all, and its value after a
step is the mean, over the replicates begun, of what each has reached so far. So a pruner lets only the promising go on
to their second replicate, and of those only the promising to their third.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import TYPE_CHECKING, Literal

from pipeline.training.task import Progress

if TYPE_CHECKING:
    from pipeline.sweeping.trial import Trial

LOGGED = {"validation_loss": "val/loss", "validation_accuracy": "val/accuracy"}
"""The objectives that are known after each epoch, as a training's history names them."""


def reached(history: Sequence[dict[str, float]], objective: str, keep: Literal["best", "last"]) -> float:
    """What the weights that would be kept after these epochs reach.

    >>> epochs = [{"val/loss": 0.3, "val/accuracy": 0.8}, {"val/loss": 0.5, "val/accuracy": 0.9}]
    >>> reached(epochs, "validation_accuracy", "best"), reached(epochs, "validation_accuracy", "last")
    (0.8, 0.9)
    """
    kept = min(history, key=lambda epoch: epoch["val/loss"]) if keep == "best" else history[-1]
    return kept[LOGGED[objective]]


@dataclass
class Promise:
    """Tells a trial what its replicates, of so many `epochs` each, have reached after each epoch."""

    trial: "Trial"
    epochs: int
    keep: Literal["best", "last"]
    _told: dict[int, int] = field(default_factory=dict, init=False)
    _reached: dict[int, float] = field(default_factory=dict, init=False)

    def __call__(self, progress: Progress, *, prunable: bool = True) -> None:
        """Tell what is new; raises as `Trial.report`.

        What was trained before this process took the trial over is told again: nobody may have told it.
        """
        objective = self.trial.objectives[0]
        if objective not in LOGGED:
            return
        replicate, history = progress.replicate, progress.history
        for epoch in range(self._told.get(replicate, 0) + 1, len(history) + 1):
            self._told[replicate] = epoch
            self._reached[replicate] = reached(history[:epoch], objective, self.keep)
            step = replicate * self.epochs + epoch
            self.trial.report(step, fmean(self._reached.values()), prunable=prunable and epoch == len(history))
