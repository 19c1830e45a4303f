"""Connect an experiment with its trial: what `pipeline.experiment` reports goes to Optuna's storage."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from filelock import FileLock, Timeout

from pipeline.storage.folders import CheckpointFolder
from pipeline.sweeping.intermediate_values import IntermediateValues
from pipeline.sweeping.study import CONFIGURATION, REUSED
from pipeline.sweeping.trial import Trial
from pipeline.training.task import Progress, Pruned, Task


class TrialObserver:
    """The hooks that an experiment calls when it is a trial of a sweep, in the order of the calls."""

    def __init__(self, trial: Trial) -> None:
        """Report to this trial."""
        self.trial = trial

    @property
    def objectives(self) -> Sequence[str]:
        """The objectives of the sweep."""
        return self.trial.objectives

    def on_tasks(self, tasks: Sequence[Task], configuration: Mapping[str, Any]) -> None:
        """Store the settings of the trial, and how many of its replicates are trained already."""
        self.trial.set_attribute(CONFIGURATION, {**configuration, "replicates": len(tasks)})
        self.trial.set_attribute("fingerprint", tasks[0].model_fingerprint)
        self.trial.set_attribute(REUSED, sum(task.result.finished for task in tasks))
        training = tasks[0].training
        self._values = IntermediateValues(self.trial, training.epochs, training.keep)

    def on_reused(self, task: Task) -> None:
        """Report the epochs of a replicate that was trained before; they never prune the trial."""
        self._values.report(Progress(task.replicate, task.result.epochs), prunable=False)

    @contextmanager
    def training(self, task: Task) -> Iterator[None]:
        """Delete the checkpoints of a replicate that is pruned, unless they existed before this trial."""
        checkpoint = CheckpointFolder.of(task.fingerprint)
        existed = checkpoint.state.is_file()
        try:
            yield
        except Pruned:
            if not existed:
                # If the lock is taken, another process trains the same replicate.
                with suppress(Timeout), FileLock(checkpoint.lock, timeout=0):
                    shutil.rmtree(checkpoint.folder, ignore_errors=True)
            raise

    def on_progress(self, progress: Progress) -> None:
        """Report each epoch; raises `Pruned` to stop the training."""
        self._values.report(progress)

    def on_end(self, values: Mapping[str, float]) -> None:
        """Complete the trial with the values of its objectives."""
        self.trial.complete(values)
