"""The intermediate values of a trial, which a pruner compares with those of other trials after the same step.

A trial with several replicates trains one after the other. Its steps are the epochs of all replicates. Its value after
a step is the mean, over the replicates started so far, of what each has reached. A pruner thus lets only promising
trials start their second replicate.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Literal, Protocol

from pipeline.training.task import Progress

LOGGED = {"validation_loss": "val/loss", "validation_accuracy": "val/accuracy"}
"""The objectives that are known after each epoch, with their names in the history of a training."""


class ReportingTrial(Protocol):
    """What receives intermediate values: `pipeline.sweeping.trial.Trial`."""

    objectives: list[str]

    def report(self, step: int, value: float, *, prunable: bool = True) -> None:
        """Store an intermediate value; raises `Pruned` if the trial should stop."""


def reached(history: Sequence[dict[str, float]], objective: str, keep: Literal["best", "last"]) -> float:
    """The value of the weights that would be kept if training stopped after these epochs.

    >>> epochs = [{"val/loss": 0.3, "val/accuracy": 0.8}, {"val/loss": 0.5, "val/accuracy": 0.9}]
    >>> reached(epochs, "validation_accuracy", "best"), reached(epochs, "validation_accuracy", "last")
    (0.8, 0.9)
    """
    kept = min(history, key=lambda epoch: epoch["val/loss"]) if keep == "best" else history[-1]
    return kept[LOGGED[objective]]


@dataclass
class IntermediateValues:
    """Report a value to the trial after each epoch; each replicate trains for at most `epochs`."""

    trial: ReportingTrial
    epochs: int
    keep: Literal["best", "last"]
    _reported: dict[int, int] = field(default_factory=dict, init=False)
    _reached: dict[int, float] = field(default_factory=dict, init=False)

    def report(self, progress: Progress, *, prunable: bool = True) -> None:
        """Report the new epochs; raises as `Trial.report` does.

        Epochs that another process trained before this one are reported again, because it may have died before it
        reported them.
        """
        objective = self.trial.objectives[0]
        if objective not in LOGGED:
            return
        replicate, history = progress.replicate, progress.history
        for epoch in range(self._reported.get(replicate, 0) + 1, len(history) + 1):
            self._reported[replicate] = epoch
            self._reached[replicate] = reached(history[:epoch], objective, self.keep)
            step = replicate * self.epochs + epoch
            self.trial.report(step, fmean(self._reached.values()), prunable=prunable and epoch == len(history))
