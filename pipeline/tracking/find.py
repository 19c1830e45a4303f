"""Find the runs to compare in a store, by id, name or filter, and read their stored results.

Runs of this project have replicates with predictions for test images, or, from experiments and trials, with validation
metrics. Any other run has one value per metric.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from pipeline.errors import UserError
from pipeline.evaluation.metrics import METRICS
from pipeline.evaluation.predictions import Predictions, read_predictions
from pipeline.tracking.filters import quote_names
from pipeline.tracking.named_runs import named_runs
from pipeline.tracking.names import DATA_DIGEST, EVALUATED, EVALUATION, KIND, REPLICATE, SEED, UNCOUNTED
from pipeline.tracking.store import Store

MAX_RUNS = 40
"""Runs that one filter may find: a comparison of more has too many pairs to read."""

ID = re.compile(r"[0-9a-f]{6,32}")
COMPARISON = re.compile(r"\s(?:i?like|in)\s|[=<>]", re.IGNORECASE)


@dataclass(frozen=True)
class Candidate:
    """A finished run to compare.

    Attributes:
        name: the name in the comparison, which is unique.
        model: the name of the run.
        data: the name of the experiment.
        digest: the digest of the images; None for a run of another project.
        finished: the time at which the run ended.
        values: the latest value of every metric.
        bound: whether the multiply–accumulates are a lower bound, because some layers are not counted.
        seeds: the seeds of the replicates.
        output: the name of the network's output that is compared; None without predictions.
        predictions: the predictions of this output for test images, by replicate.
        tested: the test metrics, each with its value by replicate.
        validated: the validation metrics, each with its value by replicate.
    """

    name: str
    model: str
    run: str
    data: str
    digest: str | None
    finished: datetime | None
    parameters: Mapping[str, str]
    values: Mapping[str, float]
    bound: bool
    seeds: tuple[str, ...]
    output: str | None
    predictions: Mapping[int, Predictions]
    tested: Mapping[str, Mapping[int, float]]
    validated: Mapping[str, Mapping[int, float]]


def find(store: Store, words: Sequence[str]) -> tuple[list[Any], list[str]]:
    """The runs that the words select, each once, and remarks on the selection.

    A word is the id of a run or its beginning, the name of a run, or a filter. Of several runs with one name, it is the
    newest of this project on the images prepared here.

    Raises:
        UserError: a word selects no run, or one that is deleted or not finished; a filter finds no runs or too many.
    """
    runs: dict[str, Any] = {}
    remarks: list[str] = []
    for word in words:
        for run in _selected(store, word, remarks):
            runs.setdefault(run.info.run_id, run)
    return list(runs.values()), remarks


def candidates(store: Store, runs: Sequence[Any]) -> list[Candidate]:
    """The runs with their stored results.

    Runs with the same name are distinguished by their data sets, or else by the beginning of their ids.
    """
    names = [run.info.run_name for run in runs]
    data = [store.experiments[run.info.experiment_id] for run in runs]
    found = []
    with TemporaryDirectory() as scratch:
        for number, run in enumerate(runs):
            name = names[number]
            namesakes = [data[other] for other, one in enumerate(names) if one == name]
            if len(namesakes) > 1:
                distinct = len(set(namesakes)) == len(namesakes)
                name = f"{name} ({data[number] if distinct else run.info.run_id[:8]})"
            found.append(_candidate(store, run, name, Path(scratch) / str(number)))
    return found


def _selected(store: Store, word: str, remarks: list[str]) -> list[Any]:
    """The runs that one word selects; appends to `remarks`."""
    if ID.fullmatch(word):
        found = _by_id(store, word)
        if found is not None:
            return [found]
    named = named_runs(store, word, limit=MAX_RUNS)
    if named is not None:
        if not named.finished:
            raise UserError(f"Run '{word}' is {named.runs[0].info.status}. Only finished runs can be compared.")
        remark = named.remark(store, word)
        remarks += [remark] if remark else []
        return named.finished[:1]
    if COMPARISON.search(word):
        return _by_filter(store, word)
    raise UserError(
        f"The store has no run with the id or name '{word}'. Give an id or name that MLflow lists, or a filter such as "
        "\"params.model.name='lenet5'\"."
    )


def _by_id(store: Store, word: str) -> Any | None:
    if len(word) == 32:
        run = store.run(word)
    else:
        matching = store.search(f"attributes.run_id LIKE '{word}%'", limit=2)
        if len(matching) > 1:
            raise UserError(f"Several runs have an id that begins with '{word}'. Give more characters of the id.")
        run = matching[0] if matching else None
    if run is None:
        return None
    if run.info.lifecycle_stage == "deleted" or run.info.experiment_id not in store.experiments:
        raise UserError(f"Run {word} is deleted. Restore it (`mlflow runs restore --run-id {run.info.run_id}`).")
    if run.info.status != "FINISHED":
        raise UserError(f"Run {word} is {run.info.status}. Only finished runs can be compared.")
    return run


def _by_filter(store: Store, word: str) -> list[Any]:
    """The models that satisfy a filter, or else the runs of other projects; never replicates or sweeps."""
    condition, finished = quote_names(word), "attributes.status = 'FINISHED'"
    found = store.search(condition, limit=MAX_RUNS + 1, among=f"{finished} AND tags.`{KIND}` = 'model'")
    if not found:
        foreign = store.search(condition, limit=MAX_RUNS + 1, among=finished)
        found = [run for run in foreign if KIND not in run.data.tags]
    if not found:
        raise UserError(f"No finished run satisfies {word}. Check the names and values in MLflow.")
    if len(found) > MAX_RUNS:
        raise UserError(f"More than {MAX_RUNS} finished runs satisfy {word}. Add conditions with AND.")
    return found


def _candidate(store: Store, run: Any, name: str, folder: Path) -> Candidate:
    tags = run.data.tags
    predictions, output = _predictions(store, run, folder)
    children = _children(store, run)
    ended = run.info.end_time
    return Candidate(
        name=name,
        model=run.info.run_name,
        run=run.info.run_id,
        data=store.experiments[run.info.experiment_id],
        digest=tags.get(DATA_DIGEST),
        finished=datetime.fromtimestamp(ended / 1000, UTC) if ended else None,
        parameters=run.data.params,
        values=run.data.metrics,
        bound=UNCOUNTED in tags,
        seeds=tuple(sorted({child.data.params[SEED] for child in children.values() if SEED in child.data.params})),
        output=output,
        predictions=predictions,
        tested=_scores(children, {f"test/{name}": name for name in _names(children, "test/")}),
        validated=_scores(
            children,
            {metric.recorded_as: name for name, metric in METRICS.items() if metric.recorded_as}
            | {f"validation/{name}": name for name in _names(children, "validation/")},
        ),
    )


def _names(children: Mapping[int, Any], prefix: str) -> set[str]:
    """The metrics that the replicates have logged under a prefix, without the prefix."""
    logged = {name for child in children.values() for name in child.data.metrics}
    return {name.removeprefix(prefix) for name in logged if name.startswith(prefix)}


def _scores(children: Mapping[int, Any], named: Mapping[str, str]) -> dict[str, dict[int, float]]:
    """Metrics by their names here, each with its value by replicate. `named` maps logged names to names here.

    If two logged metrics have the same name here, the later one in `named` counts.
    """
    found: dict[str, dict[int, float]] = {}
    for logged, name in named.items():
        for number, child in children.items():
            if logged in child.data.metrics:
                found.setdefault(name, {})[number] = child.data.metrics[logged]
    return found


def _predictions(store: Store, run: Any, folder: Path) -> tuple[dict[int, Predictions], str | None]:
    """The predictions of a model's first output by replicate, and the name of this output."""
    if EVALUATED not in run.data.tags:
        return {}, None
    folder.mkdir()
    file = store.fetch(run, f"{EVALUATION}/predictions.npz", folder) or folder / "predictions.npz"
    try:
        output, predictions = next(iter(read_predictions(file).items()))
    except UserError:
        raise UserError(
            f"The test predictions of run '{run.info.run_name}' are missing in the store or damaged. If the run is one "
            "of this project's comparison, `convtrack publish` logs them again."
        ) from None
    return predictions, output


def _children(store: Store, run: Any) -> dict[int, Any]:
    """The newest finished run of each replicate; only evaluated ones if the model has been evaluated.

    A trial with one replicate is its own replicate. Trials of earlier versions have a run below them instead.
    """
    if KIND not in run.data.tags:
        return {}
    if run.data.tags[KIND] == "model" and REPLICATE in run.data.tags:
        return {int(run.data.tags[REPLICATE]): run}
    try:
        evaluated = set(dict(json.loads(run.data.tags.get(EVALUATED, "{}"))).values())
    except (ValueError, TypeError):
        evaluated = set()
    below = [child for child in store.children(run, known=evaluated) if not evaluated or child.info.run_id in evaluated]
    found: dict[int, Any] = {}
    for child in below:
        if child.data.tags.get(REPLICATE, "").isdecimal():
            found.setdefault(int(child.data.tags[REPLICATE]), child)
    return dict(sorted(found.items()))


def same_images(one: Predictions, other: Predictions) -> bool:
    """Whether two replicates made predictions for the same images, groups, classes and true labels."""
    return (
        np.array_equal(one.images, other.images)
        and np.array_equal(one.groups, other.groups)
        and np.array_equal(one.truth, other.truth)
        and np.array_equal(one.classes, other.classes)
    )
