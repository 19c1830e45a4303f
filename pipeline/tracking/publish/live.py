"""Log a model while it trains. An unreachable store stops the logging, not the training.

Missing values are logged when the training ends, if the store responds again.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from pipeline.console import say
from pipeline.errors import reason
from pipeline.tracking.image_sets import image_sets_in
from pipeline.tracking.names import AUGMENTED, REASON, TRIAL_STATE
from pipeline.tracking.publish.model_runs import ModelRuns, SweepTrial, network_metrics, network_tags
from pipeline.tracking.store_errors import STORE_ERRORS, logging_failed, lost_store, store_failures
from pipeline.tracking.tracker import Status, Tracker
from pipeline.training.task import Progress, Pruned, Task

REASON_LENGTH = 500
"""Characters of a tag that MLflow's run table can display."""


@contextmanager
def logging_live(
    tracker: Tracker,
    model: str,
    tasks: Sequence[Task],
    configuration: Mapping[str, Any],
    data_digest: str,
    *,
    layers: Mapping[str, Any],
    augmented: bytes | None = None,
    trial: SweepTrial | None = None,
) -> Iterator["LiveLogger"]:
    """Log a model's training; when the block ends, for whatever reason, no run stays RUNNING.

    Yields the logger, which must be called with each progress. When the block completes, the result of every task is
    logged, including results reused from an earlier training.

    Args:
        layers: the content of the layer table's file.
        augmented: a picture (PNG) of examples of the augmentation, if there is one.
        trial: the trial that is trained, if any. Its runs are below the run of its sweep, and a tag states how it
            ended. A pruned trial is FINISHED. If another process has taken the trial over, its runs are left alone.

    Raises:
        Unreachable: the store does not respond when the block begins. For a trial, also when the block ends: the trial
            must then run again.
        OSError: the disk of the store is full at one of these times.
    """
    status: Status = "FAILED"
    logger: LiveLogger | None = None
    try:
        with store_failures():
            runs = ModelRuns.of(
                tracker,
                model,
                tasks[0].model_fingerprint,
                {task.replicate: task.fingerprint for task in tasks},
                configuration=configuration,
                data_digest=data_digest,
                trial=trial,
            )
        logger = LiveLogger(runs, tasks, layers, pictures=trial is None)
        if trial is not None:
            with store_failures():
                # At once, so that a process that ran the trial before leaves the runs alone from now on.
                tracker.start(runs.parent)
        logger.begin(augmented)
        yield logger
        logger.finish({TRIAL_STATE: "complete"} if trial else {})
        status = "FINISHED"
    except Pruned:
        status = "FINISHED"
        if logger is not None:
            logger.stop({TRIAL_STATE: "pruned"})
        raise
    except KeyboardInterrupt:
        status = "KILLED"
        raise
    except Exception as problem:
        if logger is not None and trial is not None:
            logger.stop({TRIAL_STATE: "failed", REASON: reason(problem)[:REASON_LENGTH]})
        raise
    finally:
        if logger is not None:
            needs_store = trial is not None and status == "FINISHED"
            logger.end("KILLED" if needs_store and logger.lost else status)
            if needs_store and (lost := logger.lost):
                raise lost


class LiveLogger:
    """Log the training of one model. The methods are in the order in which they are called.

    `pictures` is False for trials, where logging pictures would take longer than everything else.
    """

    def __init__(
        self, runs: ModelRuns, tasks: Sequence[Task], layers: Mapping[str, Any], *, pictures: bool = True
    ) -> None:
        """Create the logger; nothing is logged yet."""
        self.runs = runs
        self.tasks = tasks
        self.layers = layers
        self.pictures = pictures
        self.reachable = True
        self.failure: Exception | None = None
        self.started: set[int] = set()
        self.histories: dict[int, Sequence[Mapping[str, Any]]] = {}

    def begin(self, augmented: bytes | None) -> None:
        """Log the images that the model uses, and the picture of their augmentation."""
        runs, prepared = self.runs, self.tasks[0].prepared
        with self._while_reachable() as reachable:
            if reachable:
                for replicate, run in runs.children.items():
                    runs.tracker.log_images(run, image_sets_in(prepared, replicate))
                if not runs.single:
                    runs.tracker.log_images(runs.parent, image_sets_in(prepared))
                if augmented is not None:
                    runs.tracker.log_picture(runs.parent, augmented, AUGMENTED)

    def __call__(self, progress: Progress) -> None:
        """Log the new epochs and pictures of a replicate."""
        tracker = self.runs.tracker
        self.histories[progress.replicate] = progress.history
        with self._while_reachable() as reachable:
            if not reachable:
                return
            run = self._child(progress.replicate)
            if not self.started:
                tracker.start(self.runs.parent)
            if progress.replicate not in self.started:
                if run != self.runs.parent:
                    tracker.start(run)
                self.started.add(progress.replicate)
            tracker.log_epochs(run, progress.history)
            if self.pictures:
                epoch = len(progress.history)
                # A training that has ended has deleted its checkpoints; `finish` logs the pictures of its result.
                with suppress(FileNotFoundError):
                    tracker.log_kernels(run, {epoch: progress.kernels} if progress.kernels else {})
                    tracker.log_maps(run, {epoch: progress.maps} if progress.maps else {})

    def finish(self, tags: Mapping[str, str]) -> None:
        """Log the results that are missing, the network, and how many trainings were reused."""
        self._try_again()
        with self._while_reachable() as reachable:
            if reachable:
                for task in self.tasks:
                    self._child(task.replicate)
                    if task.replicate in self.started or not self.runs.holds_result(task.replicate, task.result):
                        self.runs.log_result(task.replicate, task.result, pictures=self.pictures)
                reused = str(len(self.tasks) - len(self.started))
                results = [task.result for task in self.tasks]
                self.runs.log_model(results, self.layers, tags={**tags, "convtrack.reused_replicates": reused})

    def stop(self, tags: Mapping[str, str]) -> None:
        """Log the network and the missing epochs of a trial that was pruned or failed."""
        runs = self.runs
        self._try_again()
        with self._while_reachable() as reachable:
            if reachable and runs.tracker.is_ours(runs.parent):
                all_tags = {**network_tags(self.layers), **tags}
                runs.tracker.log_metrics(runs.parent, network_metrics(self.layers), tags=all_tags)
                for replicate, history in self.histories.items():
                    runs.tracker.log_epochs(self._child(replicate), history)

    def end(self, status: Status) -> None:
        """End the runs if the store is reachable (again) and no other process has taken them over."""
        runs = self.runs
        with self._while_reachable():
            if status == "FINISHED" or runs.tracker.is_ours(runs.parent):
                runs.end(status)

    @property
    def lost(self) -> Exception | None:
        """The error to raise if something could not be logged because the store did not respond, else None."""
        return None if self.reachable or self.failure is None else lost_store(self.failure)

    def _try_again(self) -> None:
        """Use the store again, and forget what is known about its runs, because earlier writes may be incomplete."""
        if not self.reachable:
            self.reachable = True
            for run in (self.runs.parent, *self.runs.children.values()):
                self.runs.tracker.forget(run)

    def _child(self, replicate: int) -> str:
        new = replicate not in self.runs.children
        run = self.runs.child(replicate)
        if new:
            self.runs.tracker.log_images(run, image_sets_in(self.tasks[0].prepared, replicate))
        return run

    @contextmanager
    def _while_reachable(self) -> Iterator[bool]:
        """Yield whether the store has been reachable so far; a store error in the block ends that."""
        try:
            yield self.reachable
        except STORE_ERRORS as problem:
            self.reachable = False
            if self.failure is None:
                say(
                    f"{logging_failed(problem)} Training continues without logging. The missing values are logged "
                    "when it ends. If that fails too, run the same command again, or `convtrack publish` after "
                    "evaluation."
                )
            if self.failure is None or lost_store(self.failure) is None:
                self.failure = problem
