"""The MLflow runs of one model, and what a finished training logs to them."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from pipeline.config.reading import flattened
from pipeline.reporting.costs import NETWORK_COSTS
from pipeline.storage.files import read_json
from pipeline.storage.folders import ResultFolder
from pipeline.storage.home import temporary_experiment
from pipeline.storage.provenance import process_code
from pipeline.tracking.names import (
    CODE,
    COMMIT,
    COMPARED,
    DATA_DIGEST,
    DIRTY,
    ENVIRONMENT,
    KEPT,
    PATCH,
    REPLICATE,
    SEED,
    UNCOUNTED,
)
from pipeline.tracking.tracker import Status, Tracker, TrialKey

NETWORK_METRICS = (*NETWORK_COSTS, "connections", "activations", "parameter_bytes", "activation_bytes")
"""Totals of the layer table that become metrics of the model's run."""


class SweepTrial(Protocol):
    """A trial: its number, the name and fingerprint of its sweep, and the process that runs the sweep."""

    number: int
    sweep: str
    sweep_fingerprint: str
    sweeper: str


@dataclass
class ModelRuns:
    """The runs of one model or trial: the `parent`, and the `children` by replicate.

    A trial with one replicate has a single run, which is parent and child.
    """

    tracker: Tracker
    parent: str
    create_child: Callable[[int], str]
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
    ) -> "ModelRuns":
        """The runs of a model, created if they are missing. `fingerprints` are those of its trainings by replicate.

        Trainings with different seeds have different parents, so that no two children have the same number. The runs
        of a `trial` are below the run of its sweep; with one replicate it has a single run.
        """
        parameters = dict(flattened(configuration))
        own = {SEED: parameters[SEED]}
        tags = {**provenance_tags(process_code().record), DATA_DIGEST: data_digest}
        single = trial is not None and len(fingerprints) == 1
        if single:
            tags[REPLICATE] = str(*fingerprints)
        key = None
        if trial is not None:
            sweep = tracker.sweep_run(trial.sweep, trial.sweep_fingerprint, process=trial.sweeper)
            key = TrialKey(trial.number, trial.sweep, trial.sweep_fingerprint, sweep)
        parent = tracker.parent(model_fingerprint, model, parameters=parameters, tags=tags, trial=key)

        def create_child(replicate: int) -> str:
            fingerprint = fingerprints[replicate]
            return tracker.child(parent, fingerprint, model, replicate, parameters=own, tags=tags, trial=key)

        runs = cls(tracker, parent, create_child, dict.fromkeys(fingerprints, parent) if single else {})
        if trial is None:
            for replicate in fingerprints:
                runs.child(replicate)
        return runs

    @property
    def single(self) -> bool:
        """Whether the parent is also the run of its only replicate."""
        return self.parent in self.children.values()

    @property
    def shows_comparison(self) -> bool:
        """Whether the parent has the results of the project's comparison, and this is an experiment beside it.

        An experiment that DVC runs in a temporary folder does not change these results; its replicates may be others.
        """
        if temporary_experiment() is None:
            return False
        return bool(self.tracker.client.get_run(self.parent).data.tags.get(COMPARED) == "true")

    def child(self, replicate: int) -> str:
        """The run of a replicate. That of a trial is created on first use, because pruning may end the trial early."""
        if replicate not in self.children:
            self.children[replicate] = self.create_child(replicate)
        return self.children[replicate]

    def holds_result(self, replicate: int, result: ResultFolder) -> bool:
        """Whether `log_result` has been completed for this training."""
        return self.tracker.holds(self.child(replicate), result_metrics(read_json(result.record)))

    def log_result(self, replicate: int, result: ResultFolder, *, pictures: bool = True) -> None:
        """Log a finished training: its epochs, its pictures, and what it reached. Then end its run.

        What the only replicate of a single run reached is logged by `log_model`.
        """
        run = self.child(replicate)
        self.tracker.log_epochs(run, result.epochs)
        if pictures:
            self.tracker.log_kernels(run, result.pictures)
            self.tracker.log_maps(run, result.snapshots.pictured_maps)
        if self.single:
            return
        self._log_patch(run, result)
        record = read_json(result.record)
        # Last, because `holds_result` takes these metrics as the sign that everything is logged.
        self.tracker.log_metrics(run, result_metrics(record), tags=provenance_tags(record))
        self.tracker.end(run, "FINISHED")

    def log_model(
        self, results: Sequence[ResultFolder], layers: Mapping[str, Any], *, tags: Mapping[str, str] | None = None
    ) -> None:
        """Log to the parent the validation metrics of the kept weights, as means over replicates, and the network.

        `layers` is the content of the layer table's file.
        """
        if self.shows_comparison:
            return
        records = [read_json(result.record) for result in results]
        means = {name: float(np.mean([record[name] for record in records])) for name in KEPT}
        # In this order, because MLflow's compare page opens with the first metric and draws its largest value in red.
        metrics = {**network_metrics(layers), **means}
        all_tags = {**network_tags(layers), **(tags or {})}
        if self.single:
            metrics |= result_metrics(records[0])
            all_tags |= provenance_tags(records[0])
        self.tracker.log_metrics(self.parent, metrics, tags=all_tags)
        self._log_patch(self.parent, results[0])

    def _log_patch(self, run: str, result: ResultFolder) -> None:
        if result.patch.is_file():
            self.tracker.log_files(run, [result.patch], CODE)

    def end(self, status: Status) -> None:
        """End the parent, and those children that are still running."""
        for run in self.children.values():
            if run != self.parent:
                self.tracker.end(run, status, only_running=True)
        self.tracker.end(self.parent, status, only_running=status != "FINISHED")


def network_metrics(layers: Mapping[str, Any]) -> dict[str, float]:
    """The metrics of a network from the content of its layer table's file. Unknown totals are left out.

    >>> network_metrics({"parameters": 10, "connections": None, "receptive_field": [5, 7], "layers": []})
    {'parameters': 10, 'receptive_field': 7}
    """
    metrics = {name: layers[name] for name in NETWORK_METRICS if layers.get(name) is not None}
    if layers.get("receptive_field"):
        metrics["receptive_field"] = max(layers["receptive_field"])
    return metrics


def network_tags(layers: Mapping[str, Any]) -> dict[str, str]:
    """The tag that names the layers without a rule: with them, connections and multiply–accumulates are lower bounds.

    >>> network_tags({"uncounted": ["attention", "resizing"]}), network_tags({"uncounted": []})
    ({'convtrack.uncounted_layers': 'attention, resizing'}, {})
    """
    names = layers.get("uncounted")
    return {UNCOUNTED: ", ".join(names)} if names else {}


def provenance_tags(record: Mapping[str, Any]) -> dict[str, str]:
    """The tags for the code and the environment of a training; records of earlier versions have only the code."""
    tags = {
        COMMIT: record["commit"],
        DIRTY: str(record["dirty"]).lower(),
        # Always set, because it replaces that of the process that created the run.
        PATCH: record.get("patch") or "none",
    }
    if "environment" in record:
        tags[ENVIRONMENT] = json.dumps(record["environment"])
    return tags


def result_metrics(record: Mapping[str, Any]) -> dict[str, float]:
    """The metrics of a replicate's run from the record of its training."""
    return {"train_seconds": record["seconds"], **{name: record[name] for name in ("epochs", "kept_epoch", *KEPT)}}
