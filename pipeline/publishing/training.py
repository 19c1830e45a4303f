"""Log trainings: live while they happen, or afterwards from the run folder."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.config import flattened
from pipeline.console import say
from pipeline.data.prepared import Prepared, read_prepared
from pipeline.data.splits import OWN_TESTS, SPLITS, TEST
from pipeline.provenance import commit, dirty
from pipeline.runs import ResultFolder, RunFolder, read_json
from pipeline.tracking import DATA_DIGEST, STORE_ERRORS, Images, Status, Tracker
from pipeline.training.task import Progress, Task

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


@dataclass
class Published:
    """The runs of one model in MLflow: its parent, and one child per replicate."""

    tracker: Tracker
    parent: str
    children: Mapping[int, str]

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
    ) -> "Published":
        """The runs of a model, made where they are missing.

        The seed is the children's parameter: a model's run stands for its trainings with any seed.
        """
        parameters = dict(flattened(configuration))
        own = {SEED: parameters.pop(SEED)}
        tags = {**_provenance(commit(), dirty()), DATA_DIGEST: data_digest}
        parent = tracker.parent(model_fingerprint, model, parameters=parameters, tags=tags)
        children = {
            replicate: tracker.child(parent, fingerprint, model, replicate, parameters=own, tags=tags)
            for replicate, fingerprint in fingerprints.items()
        }
        return cls(tracker, parent, children)

    def log_images(self, prepared: Prepared) -> None:
        """Log which images were trained on, validated with and tested on, as inputs of every run."""
        for replicate, run in self.children.items():
            self.tracker.log_images(run, images_of(prepared, replicate))
        self.tracker.log_images(self.parent, images_of(prepared))

    def log_network(self, layers: Mapping[str, Any]) -> None:
        """Log what a network costs and sees, from the values of its layer table's file."""
        totals = {name: layers[name] for name in NETWORK_TOTALS}
        if layers["receptive_field"]:
            totals["receptive_field"] = max(layers["receptive_field"])
        self.tracker.log_metrics(self.parent, totals)

    def log_result(self, replicate: int, result: ResultFolder) -> None:
        """Log a finished training: every epoch, the kernels, what it took; the child's run ends."""
        run = self.children[replicate]
        record = read_json(result.record)
        history = pd.read_csv(result.history).drop(columns="epoch").to_dict("records")
        self.tracker.log_epochs(run, history)
        self.tracker.log_kernels(run, result.pictures)
        self.tracker.log_metrics(
            run,
            {"train_seconds": record["seconds"], **{name: record[name] for name in ("epochs", "kept_epoch", *KEPT)}},
        )
        # What was trained at another commit than this one says so.
        self.tracker.tag(run, _provenance(record["commit"], record["dirty"]))
        self.tracker.end(run, "FINISHED")

    def log_kept(self, results: Sequence[ResultFolder]) -> None:
        """Log the means over replicates of what the kept weights reach on validation images."""
        records = [read_json(result.record) for result in results]
        means = {name: float(np.mean([record[name] for record in records])) for name in KEPT}
        self.tracker.log_metrics(self.parent, means)

    def end(self, status: Status) -> None:
        """End the parent, and the children that are still running, in the same way."""
        for run in self.children.values():
            if self.tracker.status(run) == "RUNNING":
                self.tracker.end(run, status)
        if status == "FINISHED" or self.tracker.status(self.parent) == "RUNNING":
            self.tracker.end(self.parent, status)


class Live:
    """Logs while a model trains. A store that vanishes stops the logging, not the training."""

    def __init__(self, published: Published) -> None:
        """Nothing has started yet."""
        self.published = published
        self.reachable = True
        self.started: set[int] = set()

    def begin(self, prepared: Prepared) -> None:
        """Log what is known before the model is trained: its images."""
        with self._while_reachable() as reachable:
            if reachable:
                self.published.log_images(prepared)

    def __call__(self, progress: Progress) -> None:
        """Log what is new in a sign of life."""
        run = self.published.children[progress.replicate]
        tracker = self.published.tracker
        with self._while_reachable() as reachable:
            if not reachable:
                return
            if not self.started:
                tracker.start(self.published.parent)
            if progress.replicate not in self.started:
                tracker.start(run)
                self.started.add(progress.replicate)
            tracker.log_epochs(run, progress.history)
            if progress.kernels is not None:
                # A training that has ended took its checkpoints along; the pictures are logged with its result.
                with suppress(FileNotFoundError):
                    tracker.log_kernels(run, {len(progress.history): progress.kernels})

    def finish(self, tasks: Sequence[Task], layers: Mapping[str, Any]) -> None:
        """Log every finished training whole, how many of them were answered from an earlier one, and the network."""
        published = self.published
        with self._while_reachable() as reachable:
            if reachable:
                for task in tasks:
                    published.log_result(task.replicate, task.result)
                # First, because MLflow's compare page opens with the metric that a run was told first.
                published.log_kept([task.result for task in tasks])
                published.log_network(layers)
                reused = len(tasks) - len(self.started)
                published.tracker.tag(published.parent, {"convtrack.reused_replicates": str(reused)})

    def end(self, status: Status) -> None:
        """End the runs, if the store answers (again)."""
        with suppress(*STORE_ERRORS) if not self.reachable else self._while_reachable():
            self.published.end(status)

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
) -> Iterator[Live]:
    """Log a model's training while it happens; however the block ends, no run stays RUNNING.

    At a good end every replicate is logged whole, those reused from an earlier training included. `layers` are the
    values of the layer table's file.
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
            )
        )
        live.begin(read_prepared(tasks[0].prepared))
        yield live
        live.finish(tasks, layers)
        status = "FINISHED"
    except KeyboardInterrupt:
        status = "KILLED"
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
    published.log_kept([run.result(record["replicate"]) for record in records])
    published.log_network(read_json(run.layers))
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


def _images_digest(prepared: Prepared, chosen: npt.NDArray[np.bool_]) -> str:
    digests = sorted(np.array(prepared.manifest["image_digests"])[chosen].tolist())
    return hashlib.sha256(json.dumps(digests).encode()).hexdigest()


def _provenance(commit: str, dirty: bool) -> dict[str, str]:
    return {"mlflow.source.git.commit": commit, "convtrack.dirty": str(dirty).lower()}
