"""Train the networks of a study, all of them side by side, and read their scores.

A study describes each network by Hydra overrides, as on the command line of `convtrack experiment`. Finished trainings
are stored under their fingerprint in the cache, so a study that was interrupted continues, and a study whose settings
are unchanged trains nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import keras

from pipeline.cli.composing import composed
from pipeline.config.schema import RayConfig, Workers
from pipeline.console import Progress, duration, say
from pipeline.counts import number_of
from pipeline.data.looks import Purpose, record_look, test_set_digest, untuned_digest
from pipeline.data.prepared import Prepared, read_manifest, read_prepared
from pipeline.data.prepared_cache import prepared_folder
from pipeline.data.splits import TEST, VALIDATION
from pipeline.errors import UserError
from pipeline.evaluation.metrics import scores
from pipeline.evaluation.model_predictions import replicate_predictions
from pipeline.evaluation.predictions import Predictions
from pipeline.networks.describe import Network, make_network
from pipeline.storage.files import read_json
from pipeline.storage.folders import looks_file
from pipeline.storage.provenance import commit
from pipeline.training import task as training_task
from pipeline.training.examples import Columns
from pipeline.training.pools import training_pool
from pipeline.training.predict import trained_network
from pipeline.training.task import Task, make_tasks


class Candidate(NamedTuple):
    """One network of a study: its name in the report, and Hydra overrides such as `model=lenet5` or `data=digits`.

    A setting without an override comes from `conf/comparison.yaml`, which users change: a study that must not change
    with it states data, split, optimizer, training and augmentation.
    """

    label: str
    overrides: tuple[str, ...]


@dataclass(frozen=True)
class Trained:
    """The trained replicates of one candidate, with one value per replicate in each tuple.

    Attributes:
        label: the name of the candidate.
        tasks: what was trained, and where its results are.
        prepared: the folder of the prepared images.
        predictions: of the first output for the test images.
        scores: the metrics of these predictions by name.
        validation: the metrics for the validation images by name.
        seconds: the duration of each training.
        parameters: number of parameters, moving statistics included.
        multiply_accumulates: multiply–accumulates for one image.
        receptive_field: that of a unit of the last feature map, in input pixels along each axis; None if undefined.
    """

    label: str
    tasks: tuple[Task, ...]
    prepared: Path
    predictions: tuple[Predictions, ...]
    scores: tuple[dict[str, float], ...]
    validation: tuple[dict[str, float], ...]
    seconds: tuple[float, ...]
    parameters: int
    multiply_accumulates: int
    receptive_field: tuple[int, ...] | None

    def values(self, metric: str) -> tuple[float, ...]:
        """One test metric of every replicate."""
        return tuple(one[metric] for one in self.scores)

    def network(self, replicate: int) -> keras.Model:
        """Load the trained network of a replicate."""
        task = self.tasks[replicate]
        return trained_network(task.architecture, task.result)


class Tuned(NamedTuple):
    """A validation metric of the replicates of one candidate, and the duration of each training in seconds."""

    scores: tuple[float, ...]
    seconds: tuple[float, ...]


class _Planned(NamedTuple):
    """A candidate before its training."""

    label: str
    model: str
    data: str
    network: Network
    tasks: list[Task]
    workers: Workers
    ray: RayConfig


def train_candidates(candidates: Sequence[Candidate], *, replicates: int) -> dict[str, Trained]:
    """Train every candidate that has no stored result, and return all of them by label, in order.

    The trainings of all candidates share one pool of processes. Each use of a test set is recorded as a look.

    Raises:
        UserError: an override is invalid, a network has pretrained weights, or a training fails.
        ValueError: two candidates have the same label.
    """
    return {one.label: _trained(one) for one in _planned_and_trained(candidates, replicates)}


def tune_candidates(candidates: Sequence[Candidate], *, replicates: int, metric: str) -> dict[str, Tuned]:
    """Like `train_candidates`, but compute only a metric on the validation images of every candidate.

    The configurations are recorded as tuned on the images outside the test set.
    """
    return {one.label: _tuned(one, metric) for one in _planned_and_trained(candidates, replicates)}


def _planned_and_trained(candidates: Sequence[Candidate], replicates: int) -> list[_Planned]:
    labels = [candidate.label for candidate in candidates]
    if len(set(labels)) < len(labels):
        raise ValueError(f"Candidates must have different labels. Received {labels}.")
    planned = [_plan(candidate, replicates) for candidate in candidates]
    _train(planned)
    return planned


def _plan(candidate: Candidate, replicates: int) -> _Planned:
    sections = composed("experiment", candidate.overrides, settings=["workers", "ray"])
    model, data = sections["model"], sections["data"]
    folder = prepared_folder(data, sections["split"], sections["audit"], replicates, report=say)
    network = make_network(model, read_manifest(folder))
    if network.started is not None:
        raise UserError(
            f"The networks of a study start from random weights: remove `model.options.weights` of '{candidate.label}'."
        )
    chosen: dict[str, Any] = {name: sections[name] for name in ("optimizer", "training", "augmentation")}
    tasks = make_tasks(network.architecture, folder, replicates, **chosen, name=model.name)
    return _Planned(candidate.label, model.name, data.name, network, tasks, sections["workers"], sections["ray"])


def _train(planned: Sequence[_Planned]) -> None:
    # Two candidates may describe the same training, which then takes place once.
    every = {task.fingerprint: task for one in planned for task in one.tasks}.values()
    tasks = [task for task in every if not task.result.predicted]
    if len(tasks) < len(every):
        say(f"Reusing {len(every) - len(tasks)} of {number_of(len(every), 'training')}, which are already finished")
    if not tasks:
        return
    threads = max(task.training.threads for task in tasks)
    progress = Progress(sum(task.training.epochs for task in tasks if not task.result.finished), "epochs trained")

    def on_progress(one: training_task.Progress) -> None:
        if one.history:
            progress.advance(1)

    with training_pool(planned[0].workers, planned[0].ray) as pool:
        say(f"{number_of(len(tasks), 'training')}, {pool.parallel(len(tasks), threads)} in parallel")
        pool.train(tasks, on_progress=on_progress)
    progress.close()
    say(f"Trained: {duration(sum(_seconds(tasks)))} of training in all")


def _trained(planned: _Planned) -> Trained:
    prepared = read_prepared(planned.tasks[0].prepared)
    _record(planned, "evaluated", test_set_digest(prepared))
    test, validation = _predictions(planned, prepared, TEST), _predictions(planned, prepared, VALIDATION)
    return Trained(
        label=planned.label,
        tasks=tuple(planned.tasks),
        prepared=planned.tasks[0].prepared,
        predictions=tuple(test),
        scores=tuple(dict(scores(one.truth, one.probabilities)) for one in test),
        validation=tuple(dict(scores(one.truth, one.probabilities)) for one in validation),
        seconds=_seconds(planned.tasks),
        parameters=planned.network.parameters,
        multiply_accumulates=planned.network.multiply_accumulates,
        receptive_field=planned.network.receptive_field,
    )


def _tuned(planned: _Planned, metric: str) -> Tuned:
    prepared = read_prepared(planned.tasks[0].prepared)
    _record(planned, "tuned", untuned_digest(prepared))
    found = [dict(scores(one.truth, one.probabilities)) for one in _predictions(planned, prepared, VALIDATION)]
    return Tuned(tuple(float(one[metric]) for one in found), _seconds(planned.tasks))


def _record(planned: _Planned, purpose: Purpose, test_set: str) -> None:
    record_look(
        looks_file(planned.data),
        purpose,
        test_set=test_set,
        configuration=planned.tasks[0].configuration_fingerprint,
        model=planned.model,
        commit=commit(),
    )


def _predictions(planned: _Planned, prepared: Prepared, part: int) -> list[Predictions]:
    """The predictions of the first output for one part of the images (`TEST` or `VALIDATION`), by replicate."""
    columns = Columns.of(planned.network.architecture)
    parts = [replicate_predictions(columns, task.result, prepared, task.replicate) for task in planned.tasks]
    return [one[part][columns.outputs[0]] for one in parts]


def _seconds(tasks: Sequence[Task]) -> tuple[float, ...]:
    return tuple(float(read_json(task.result.record)["seconds"]) for task in tasks)
