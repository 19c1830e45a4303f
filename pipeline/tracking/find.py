"""From runs in a store to what can be compared: which runs are meant, and what is known of their replicates.

Runs may be named by id, by name or by a filter in MLflow's language. Those of this project bring along what their
replicates answered to their test images, or, of experiments and of trials, what they reached on validation images; of
other runs the store knows one value per metric.
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
from pipeline.evaluation.predictions import Answers, read_predictions
from pipeline.tracking.publish.training import KEPT, SEED
from pipeline.tracking.tracker import DATA_DIGEST, EVALUATED, EVALUATION, KIND, REPLICATE, Store

MOST = 40
"""Runs that one filter may find: beyond it the pairs are too many to be read."""

ID = re.compile(r"[0-9a-f]{6,32}")
COMPARISON = re.compile(r"\s(?:i?like|in)\s|[=<>]", re.IGNORECASE)
DOTTED = re.compile(r"(?<![\w`'\"])(params?|parameters?|metrics?|tags?)\.([A-Za-z_][\w./-]*)(?=\s*(?:!?=|[<>]|\s))")

VALIDATED = {"log_loss": KEPT[0], "accuracy": KEPT[1]}
"""What the replicates of an experiment say of a metric, on validation images."""


@dataclass(frozen=True)
class Candidate:
    """A finished run that is to be compared, by a `name` that no other has.

    `data` is its experiment, `digest` that of the images where it is one of ours. `seeds` are those of its replicates.
    `answers` are what its replicates said of test images, in the output by which it is compared, by replicate.
    `tested` and `validated` map the metrics of test and of validation images to a value by replicate.
    """

    name: str
    model: str
    run: str
    data: str
    digest: str | None
    finished: datetime | None
    parameters: Mapping[str, str]
    values: Mapping[str, float]
    seeds: tuple[str, ...]
    question: str | None
    answers: Mapping[int, Answers]
    tested: Mapping[str, Mapping[int, float]]
    validated: Mapping[str, Mapping[int, float]]


def find(store: Store, words: Sequence[str]) -> tuple[list[Any], list[str]]:
    """The runs that the words mean, each once, and what has to be said about the choice.

    Raises:
        UserError: a word means no run, or one that is not finished or was deleted; a filter finds none or too many.
    """
    runs: dict[str, Any] = {}
    remarks: list[str] = []
    for word in words:
        for run in _meant(store, word, remarks):
            runs.setdefault(run.info.run_id, run)
    return list(runs.values()), remarks


def candidates(store: Store, runs: Sequence[Any]) -> list[Candidate]:
    """What is known of each run; runs of one name are told apart by their data or by the beginning of their ids."""
    names = [run.info.run_name for run in runs]
    data = [store.experiments[run.info.experiment_id] for run in runs]
    found = []
    with TemporaryDirectory() as scratch:
        for place, run in enumerate(runs):
            name = names[place]
            twins = [other for other, one in enumerate(names) if one == name]
            if len(twins) > 1:
                of_their_own = len({data[other] for other in twins}) == len(twins)
                name = f"{name} ({data[place] if of_their_own else run.info.run_id[:8]})"
            found.append(_candidate(store, run, name, Path(scratch) / str(place)))
    return found


def quoted(condition: str) -> str:
    """A filter whose dotted names stand between backticks, as MLflow wants those that hold more than letters.

    >>> quoted("params.model.name='lenet5' AND metrics.`test/accuracy` > 0.5")
    "params.`model.name`='lenet5' AND metrics.`test/accuracy` > 0.5"
    """
    strings = re.split(r"('[^']*'|\"[^\"]*\"|`[^`]*`)", condition)
    return "".join(part if place % 2 else DOTTED.sub(r"\1.`\2`", part) for place, part in enumerate(strings))


def _meant(store: Store, word: str, remarks: list[str]) -> list[Any]:
    if ID.fullmatch(word):
        found = _by_id(store, word)
        if found is not None:
            return [found]
    named = store.named(word, kind="model", most=MOST) or store.named(word, most=MOST)
    if named:
        finished = [run for run in named if run.info.status == "FINISHED"]
        if not finished:
            raise UserError(f"Run '{word}' is {named[0].info.status}, and only finished runs can be compared.")
        if len(finished) > 1:
            remarks.append(
                f"{len(finished)} finished runs are named {word}; the newest is taken, {finished[0].info.run_id[:8]}."
            )
        return finished[:1]
    if COMPARISON.search(word):
        return _by_filter(store, word)
    raise UserError(
        f"There is no run with the id or name '{word}' in the store: give one that MLflow lists, or a filter such as "
        "\"params.model.name='lenet5'\"."
    )


def _by_id(store: Store, word: str) -> Any | None:
    if len(word) == 32:
        run = store.run(word)
    else:
        begun = store.search(f"attributes.run_id LIKE '{word}%'", most=2)
        if len(begun) > 1:
            raise UserError(f"Several runs have an id that begins with '{word}': give more of it.")
        run = begun[0] if begun else None
    if run is None:
        return None
    if run.info.lifecycle_stage == "deleted" or run.info.experiment_id not in store.experiments:
        raise UserError(f"Run {word} is deleted: restore it (`mlflow runs restore --run-id {run.info.run_id}`).")
    if run.info.status != "FINISHED":
        raise UserError(f"Run {word} is {run.info.status}, and only finished runs can be compared.")
    return run


def _by_filter(store: Store, word: str) -> list[Any]:
    condition, finished = quoted(word), "attributes.status = 'FINISHED'"
    found = store.search(condition, most=MOST + 1, among=f"{finished} AND tags.`{KIND}` = 'model'")
    if not found:
        foreign = store.search(condition, most=MOST + 1, among=finished)
        found = [run for run in foreign if KIND not in run.data.tags]
    if not found:
        raise UserError(f"No finished run satisfies {word}.")
    if len(found) > MOST:
        raise UserError(f"More than {MOST} finished runs satisfy {word}: narrow it with AND.")
    return found


def _candidate(store: Store, run: Any, name: str, folder: Path) -> Candidate:
    tags = run.data.tags
    answers, question = _answers(store, run, folder)
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
        seeds=tuple(sorted({child.data.params[SEED] for child in children.values() if SEED in child.data.params})),
        question=question,
        answers=answers,
        tested=_scores(children, {f"test/{name}": name for name in _names(children, "test/")}),
        validated=_scores(
            children,
            {kept: name for name, kept in VALIDATED.items()}
            | {f"validation/{name}": name for name in _names(children, "validation/")},
        ),
    )


def _names(children: Mapping[int, Any], prefix: str) -> set[str]:
    """The metrics that the replicates have logged under a prefix."""
    logged = {name for child in children.values() for name in child.data.metrics}
    return {name.removeprefix(prefix) for name in logged if name.startswith(prefix)}


def _scores(children: Mapping[int, Any], named: Mapping[str, str]) -> dict[str, dict[int, float]]:
    """Metrics by what they are called here, each with a value by replicate; of two under one name the later counts."""
    found: dict[str, dict[int, float]] = {}
    for logged, name in named.items():
        for number, child in children.items():
            if logged in child.data.metrics:
                found.setdefault(name, {})[number] = child.data.metrics[logged]
    return found


def _answers(store: Store, run: Any, folder: Path) -> tuple[dict[int, Answers], str | None]:
    if EVALUATED not in run.data.tags:
        return {}, None
    folder.mkdir()
    file = store.fetch(run, f"{EVALUATION}/predictions.npz", folder) or folder / "predictions.npz"
    try:
        question, answers = next(iter(read_predictions(file).items()))
    except UserError:
        raise UserError(
            f"The test predictions of run '{run.info.run_name}' are missing in the store, or damaged; if they are this "
            "project's, `convtrack publish` logs them again."
        ) from None
    return answers, question


def _children(store: Store, run: Any) -> dict[int, Any]:
    """The newest finished run of each replicate; those that were evaluated, where any were."""
    if KIND not in run.data.tags:
        return {}
    try:
        evaluated = set(dict(json.loads(run.data.tags.get(EVALUATED, "{}"))).values())
    except (ValueError, TypeError):
        evaluated = set()
    below = [child for child in store.children(run) if not evaluated or child.info.run_id in evaluated]
    found: dict[int, Any] = {}
    for child in below:
        if child.data.tags.get(REPLICATE, "").isdecimal():
            found.setdefault(int(child.data.tags[REPLICATE]), child)
    return dict(sorted(found.items()))


def same_images(one: Answers, other: Answers) -> bool:
    """Whether two replicates were asked the same about the same images, in the same groups."""
    return (
        np.array_equal(one.images, other.images)
        and np.array_equal(one.groups, other.groups)
        and np.array_equal(one.truth, other.truth)
        and np.array_equal(one.classes, other.classes)
    )
