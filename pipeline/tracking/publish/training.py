"""Log trainings: live while they happen, or afterwards from the run folder; those of a sweep below its run."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from pipeline.config.reading import flattened
from pipeline.console import say
from pipeline.data.prepared import Prepared, read_prepared
from pipeline.data.splits import OWN_TESTS, SPLITS, TEST
from pipeline.errors import reason
from pipeline.storage.files import read_json
from pipeline.storage.folders import ResultFolder, RunFolder
from pipeline.storage.provenance import commit, dirty
from pipeline.tracking.tracker import (
    DATA_DIGEST,
    REASON,
    REASON_LENGTH,
    STORE_ERRORS,
    TRIAL_STATE,
    Images,
    Place,
    Status,
    Tracker,
)
from pipeline.training.task import Progress, Pruned, Task

SEED = "training.seed"
NETWORK_TOTALS = (
    "parameters",
    "connections",
    "multiply_accumulates",
    "activations",
    "parameter_bytes",
    "activation_bytes",
    "largest_activation_bytes",
)
"""What a network's layer table sums up."""
KEPT = ("kept_loss", "kept_accuracy")
"""What the record of a training says of its kept weights, on validation images."""


class SweepTrial(Protocol):
    """What is asked of a trial: its number and its sweep's name and fingerprint, and the process that has it made."""

    number: int
    sweep: str
    sweep_fingerprint: str
    sweeper: str


@dataclass
class Published:
    """The runs of one model, or of a trial, in MLflow: its parent, and one child per replicate."""

    tracker: Tracker
    parent: str
    make_child: Callable[[int], str]
    children: dict[int, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        tracker: Tracker,
        model: str,
        model_fingerprint: str,
        fingerprints: Mapping[int, str],
        *,
        configuration: Mapping[str, Any],
        data_digest: str,
        trial: SweepTrial | None = None,
    ) -> "Published":
        """The runs of a model, made where they are missing, those of a `trial` below its sweep's.

        The seed is the children's parameter: a model's run stands for its trainings with any seed.
        """
        parameters = dict(flattened(configuration))
        own = {SEED: parameters.pop(SEED)}
        tags = {**_own_provenance(), DATA_DIGEST: data_digest}
        place = None
        if trial is not None:
            sweep = tracker.sweep(trial.sweep, trial.sweep_fingerprint, process=trial.sweeper)
            place = Place(trial.number, trial.sweep, trial.sweep_fingerprint, sweep)
        parent = tracker.parent(model_fingerprint, model, parameters=parameters, tags=tags, place=place)

        def make_child(replicate: int) -> str:
            fingerprint = fingerprints[replicate]
            return tracker.child(parent, fingerprint, model, replicate, parameters=own, tags=tags, place=place)

        published = cls(tracker, parent, make_child)
        if trial is None:
            for replicate in fingerprints:
                published.child(replicate)
        return published

    def child(self, replicate: int) -> str:
        """The run of a replicate; that of a trial's is made when it begins, for a pruned trial does not begin all."""
        if replicate not in self.children:
            self.children[replicate] = self.make_child(replicate)
        return self.children[replicate]

    def log_images(self, prepared: Prepared) -> None:
        """Log which images were trained on, validated with and tested on, as inputs of every run."""
        for replicate, run in self.children.items():
            self.tracker.log_images(run, images_of(prepared, replicate))
        self.tracker.log_images(self.parent, images_of(prepared))

    def log_result(self, replicate: int, result: ResultFolder, *, pictures: bool = True) -> None:
        """Log a finished training: every epoch, the kernels, what it took; the child's run ends."""
        run = self.child(replicate)
        record = read_json(result.record)
        self.tracker.log_epochs(run, result.epochs)
        if pictures:
            self.tracker.log_kernels(run, result.pictures)
        self.tracker.log_metrics(
            run,
            {"train_seconds": record["seconds"], **{name: record[name] for name in ("epochs", "kept_epoch", *KEPT)}},
            # What was trained at another commit than this one says so.
            tags=_provenance(record["commit"], record["dirty"]),
        )
        self.tracker.end(run, "FINISHED")

    def log_model(
        self, results: Sequence[ResultFolder], layers: Mapping[str, Any], *, tags: Mapping[str, str] | None = None
    ) -> None:
        """Log what the kept weights reach on validation images, as means over replicates, and the network's costs.

        `layers` are the values of the layer table's file. In this order, because MLflow's compare page opens with the
        metric that a run was told first.
        """
        records = [read_json(result.record) for result in results]
        means = {name: float(np.mean([record[name] for record in records])) for name in KEPT}
        self.tracker.log_metrics(self.parent, {**means, **_network(layers)}, tags=tags)

    def end(self, status: Status) -> None:
        """End the parent, and the children that are still running, in the same way."""
        for run in self.children.values():
            self.tracker.end(run, status, only_running=True)
        self.tracker.end(self.parent, status, only_running=status != "FINISHED")


class Live:
    """Logs while a model trains. A store that vanishes stops the logging, not the training.

    Of a trial no pictures are logged: they would take longer than all the rest.
    """

    def __init__(self, published: Published, prepared: Path, *, pictures: bool = True) -> None:
        """Nothing has started yet."""
        self.published = published
        self.prepared = prepared
        self.pictures = pictures
        self.reachable = True
        self.started: set[int] = set()

    def begin(self) -> None:
        """Log what is known before the model is trained: its images."""
        published = self.published
        with self._while_reachable() as reachable:
            if reachable:
                for replicate, run in published.children.items():
                    published.tracker.log_images(run, _images_in(self.prepared, replicate))
                published.tracker.log_images(published.parent, _images_in(self.prepared))

    def _child(self, replicate: int) -> str:
        new = replicate not in self.published.children
        run = self.published.child(replicate)
        if new:
            self.published.tracker.log_images(run, _images_in(self.prepared, replicate))
        return run

    def __call__(self, progress: Progress) -> None:
        """Log what is new in a sign of life."""
        tracker = self.published.tracker
        with self._while_reachable() as reachable:
            if not reachable:
                return
            run = self._child(progress.replicate)
            if not self.started:
                tracker.start(self.published.parent)
            if progress.replicate not in self.started:
                tracker.start(run)
                self.started.add(progress.replicate)
            tracker.log_epochs(run, progress.history)
            if progress.kernels is not None and self.pictures:
                # A training that has ended took its checkpoints along; the pictures are logged with its result.
                with suppress(FileNotFoundError):
                    tracker.log_kernels(run, {len(progress.history): progress.kernels})

    def finish(self, tasks: Sequence[Task], layers: Mapping[str, Any], tags: Mapping[str, str]) -> None:
        """Log every finished training whole, how many of them were answered from an earlier one, and the network."""
        published = self.published
        with self._while_reachable() as reachable:
            if reachable:
                for task in tasks:
                    self._child(task.replicate)
                    published.log_result(task.replicate, task.result, pictures=self.pictures)
                reused = str(len(tasks) - len(self.started))
                results = [task.result for task in tasks]
                published.log_model(results, layers, tags={**tags, "convtrack.reused_replicates": reused})

    def stop(self, layers: Mapping[str, Any], tags: Mapping[str, str]) -> None:
        """Log the network of a trial that was not finished, and how it ended."""
        published = self.published
        with self._while_reachable() as reachable:
            if reachable and published.tracker.is_ours(published.parent):
                published.tracker.log_metrics(published.parent, _network(layers), tags=tags)

    def end(self, status: Status) -> None:
        """End the runs, if the store answers (again); what another process works on is left to it."""
        published = self.published
        if status == "KILLED":
            # Ctrl-C may have cut a connection in use, which only the next one gets over.
            with suppress(*STORE_ERRORS):
                self.published.tracker.status(self.published.parent)
        with suppress(*STORE_ERRORS) if not self.reachable else self._while_reachable():
            if status == "FINISHED" or published.tracker.is_ours(published.parent):
                published.end(status)

    @contextmanager
    def _while_reachable(self) -> Iterator[bool]:
        try:
            yield self.reachable
        except STORE_ERRORS as problem:
            self.reachable = False
            say(
                f"MLflow does not answer ({type(problem).__name__}); training goes on. "
                "The same command logs it later, or `convtrack publish` what has been evaluated."
            )


@contextmanager
def logging_live(
    tracker: Tracker,
    model: str,
    tasks: Sequence[Task],
    configuration: Mapping[str, Any],
    data_digest: str,
    *,
    layers: Mapping[str, Any],
    trial: SweepTrial | None = None,
) -> Iterator[Live]:
    """Log a model's training while it happens; however the block ends, no run stays RUNNING.

    At a good end every replicate is logged whole, those reused from an earlier training included. `layers` are the
    values of the layer table's file. A `trial` is logged in runs of its own below the sweep's, with how it ended: to be
    pruned is a good end; a process that took it over in the meantime keeps the runs.
    """
    status: Status = "FAILED"
    live: Live | None = None
    try:
        live = Live(
            Published.of(
                tracker,
                model,
                tasks[0].model_fingerprint,
                {task.replicate: task.fingerprint for task in tasks},
                configuration=configuration,
                data_digest=data_digest,
                trial=trial,
            ),
            tasks[0].prepared,
            pictures=trial is None,
        )
        if trial is not None:
            # Said at once, so that whoever made it before leaves the runs alone from now on.
            tracker.start(live.published.parent)
        live.begin()
        yield live
        live.finish(tasks, layers, {TRIAL_STATE: "complete"} if trial else {})
        status = "FINISHED"
    except Pruned:
        status = "FINISHED"
        if live is not None:
            live.stop(layers, {TRIAL_STATE: "pruned"})
        raise
    except KeyboardInterrupt:
        status = "KILLED"
        raise
    except Exception as problem:
        if live is not None and trial is not None:
            live.stop(layers, {TRIAL_STATE: "failed", REASON: reason(problem)[:REASON_LENGTH]})
        raise
    finally:
        if live is not None:
            live.end(status)


def publish(tracker: Tracker, run: RunFolder, data_digest: str) -> Published:
    """Log a trained model from its run folder."""
    trained = read_json(run.replicates)
    records = trained["replicates"]
    published = Published.of(
        tracker,
        trained["model"],
        trained["model_fingerprint"],
        {record["replicate"]: record["fingerprint"] for record in records},
        configuration=trained["configuration"],
        data_digest=data_digest,
    )
    tracker.tag(published.parent, _provenance(records[0]["commit"], records[0]["dirty"]))
    for record in records:
        published.log_result(record["replicate"], run.result(record["replicate"]))
    published.log_model([run.result(record["replicate"]) for record in records], read_json(run.layers))
    published.end("FINISHED")
    return published


def images_of(prepared: Prepared, replicate: int | None = None) -> list[Images]:
    """The images that a replicate was trained on, validated with and tested on; without one, those of a whole model.

    A model's replicates draw training and validation images from the same ones, and, where each has a test set of its
    own, these as well.
    """
    if replicate is not None:
        chosen = [prepared.splits[replicate] == value for value, _ in enumerate(SPLITS)]
    elif prepared.manifest["settings"]["split"]["strategy"] in OWN_TESTS:
        chosen = [np.ones(len(prepared.labels), bool)] * len(SPLITS)
    else:
        tested = prepared.splits[0] == TEST
        chosen = [tested if value == TEST else ~tested for value, _ in enumerate(SPLITS)]
    name, source = prepared.manifest["name"], prepared.manifest["source"]
    return [
        Images(name, source, part, int(images.sum()), _images_digest(prepared, images))
        for part, images in zip(SPLITS, chosen, strict=True)
    ]


def _network(layers: Mapping[str, Any]) -> dict[str, float]:
    """What a network costs and sees, from the values of its layer table's file."""
    totals = {name: layers[name] for name in NETWORK_TOTALS}
    if layers["receptive_field"]:
        totals["receptive_field"] = max(layers["receptive_field"])
    return totals


def _images_in(prepared: Path, replicate: int | None = None) -> list[Images]:
    """As `images_of`, for a folder that the trials of a sweep share: to digest many images takes long."""
    return _images_written(prepared.resolve(), (prepared / "manifest.json").stat().st_mtime_ns, replicate)


@cache
def _images_written(prepared: Path, when: int, replicate: int | None) -> list[Images]:
    return images_of(read_prepared(prepared), replicate)


def _images_digest(prepared: Prepared, chosen: npt.NDArray[np.bool_]) -> str:
    digests = sorted(np.array(prepared.manifest["image_digests"])[chosen].tolist())
    return hashlib.sha256(json.dumps(digests).encode()).hexdigest()


@cache
def _own_provenance() -> dict[str, str]:
    """That of this process, whose code stays what it was at the start."""
    return _provenance(commit(), dirty())


def _provenance(commit: str, dirty: bool) -> dict[str, str]:
    return {"mlflow.source.git.commit": commit, "convtrack.dirty": str(dirty).lower()}
