"""Compare what two projects have recorded: runs in MLflow's database, trials in Optuna's.

The databases are read without their libraries, so that errors of these cannot hide anything.
"""

import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from torture.files import is_measured

IMAGE_TIME = re.compile(r"\+timestamp\+\d+\+[0-9a-f-]{36}")
"""In the names of pictures that MLflow shows by epoch: when they were logged, and a random number."""

BY_TIME = "images/feature_maps"
"""Pictures of feature maps are logged for epochs of which `convtrack watch` has a snapshot, which depends on time."""

OF_SWEEP = ("best/", "memory_mib", "trials/")
"""Metrics of a sweep while it runs, of which only the names are compared, because steps and values depend on time."""


BASELINE = "convtrack.baseline"
"""The tag of the runs of a baseline. It is fitted again if its stage was killed, and its durations are logged again."""

OF_LAST_START = ("utilisation",)
"""Metrics of the trials that the last start of a sweep has run, of which there may be none."""


class Store(NamedTuple):
    """An MLflow store: its database, and the folder of its artifacts."""

    database: Path
    artifacts: Path


class Run(NamedTuple):
    """What MLflow records of a run. `points` are the metric, the epoch and, unless it is a duration, the value."""

    status: str
    points: Counter[tuple[str, int, float | None]]
    parameters: dict[str, str]
    tags: frozenset[str]
    artifacts: Counter[str]


def store_differences(undisturbed: Store, disturbed: Store) -> Iterator[str]:
    """Yield each difference between the runs, logged models and registered versions of two stores."""
    before, after = _runs(undisturbed), _runs(disturbed)
    for name in sorted(before.keys() | after.keys()):
        expected, found = before.get(name, []), after.get(name, [])
        if len(found) != len(expected):
            yield f"run {name}: {len(found)} times instead of {len(expected)}"
        for run in found:
            if run.status != "FINISHED":
                yield f"run {name}: {run.status}"
        if len(found) == len(expected) == 1:
            yield from (f"run {name}: {text}" for text in _run_differences(expected[0], found[0]))
    for query, what in ((LOGGED_MODELS, "logged models"), (VERSIONS, "registered versions")):
        expected_rows, found_rows = _rows(undisturbed.database, query), _rows(disturbed.database, query)
        if expected_rows != found_rows:
            yield f"{what}: {found_rows} instead of {expected_rows}"


def trial_differences(undisturbed: Path, disturbed: Path) -> Iterator[str]:
    """Yield each difference between the trials of two databases of sweeps."""
    before, after = _rows(undisturbed, TRIALS), _rows(disturbed, TRIALS)
    for row in sorted(set(before) ^ set(after), key=str):
        yield f"trial {row}: {'missing' if row in before else 'unexpected'}"
    if len(after) != len(set(after)):
        yield f"trials occur twice: {after}"


def _run_differences(expected: Run, found: Run) -> Iterator[str]:
    # The stage `package` logs metrics of the champion again, to link them with its logged network.
    usual = _epochs(expected)
    twice = sorted(point for point, count in _epochs(found).items() if count > max(1, usual[point]))
    if twice:
        yield f"metrics logged twice: {_some(twice)}"
    if missing := sorted((expected.points - found.points).keys(), key=str):
        yield f"metrics missing or different: {_some(missing)}"
    if (added := sorted((found.points - expected.points).keys(), key=str)) and not twice:
        yield f"unexpected metrics: {_some(added)}"
    for what, one, other in (
        ("parameters", set(expected.parameters.items()), set(found.parameters.items())),
        ("tags", expected.tags, found.tags),
    ):
        if one != other:
            yield f"{what} differ: {_some(sorted(one ^ other, key=str))}"
    if missing_files := sorted((expected.artifacts - found.artifacts).elements()):
        yield f"missing artifacts: {_some(missing_files)}"
    if added_files := sorted((found.artifacts - expected.artifacts).elements()):
        yield f"artifacts that are left or logged twice: {_some(added_files)}"


def _epochs(run: Run) -> Counter[tuple[str, int]]:
    counted: Counter[tuple[str, int]] = Counter()
    for (name, epoch, _), count in run.points.items():
        counted[name, epoch] += count
    return counted


def _some(values: list[Any]) -> str:
    return ", ".join(str(value) for value in values[:3]) + (f" and {len(values) - 3} more" if len(values) > 3 else "")


RUNS = "select run_uuid, name, status from runs where lifecycle_stage = 'active'"
METRICS = "select run_uuid, key, step, value from metrics"
PARAMETERS = "select run_uuid, key, value from params"
TAGS = "select run_uuid, key from tags where key != 'convtrack.reused_replicates'"
"""Without the number of replicates that the last start of a stage found already trained."""
LOGGED_MODELS = """select r.name, m.name, m.status from logged_models m left join runs r on r.run_uuid = m.source_run_id
    where m.lifecycle_stage = 'active' order by 1, 2, 3"""
VERSIONS = "select name, version, status, current_stage from model_versions order by 1, 2"
TRIALS = """select t.number, t.state, v.value, p.param_name, p.param_value from trials t
    left join trial_values v using (trial_id) left join trial_params p using (trial_id) order by 1, 4"""


def _rows(database: Path, query: str) -> list[tuple[Any, ...]]:
    if not database.exists():
        return []
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return list(connection.execute(query))


def _runs(store: Store) -> dict[str, list[Run]]:
    """The runs of a store by name."""
    points: dict[str, Counter[tuple[str, int, float | None]]] = {}
    for run, name, step, value in _rows(store.database, METRICS):
        if name in OF_LAST_START:
            continue
        if name.startswith(OF_SWEEP):
            points.setdefault(run, Counter())[name, 0, None] = 1
            continue
        points.setdefault(run, Counter())[name, step, None if is_measured(name) else value] += 1
    parameters: dict[str, dict[str, str]] = {}
    for run, name, value in _rows(store.database, PARAMETERS):
        parameters.setdefault(run, {})[name] = value
    tags: dict[str, set[str]] = {}
    for run, name in _rows(store.database, TAGS):
        tags.setdefault(run, set()).add(name)
    for run, logged in points.items():
        if BASELINE in tags.get(run, ()):
            logged.update({point: 1 - count for point, count in logged.items() if point[2] is None})
    found: dict[str, list[Run]] = {}
    for run, name, status in _rows(store.database, RUNS):
        recorded = Run(
            status,
            points.get(run, Counter()),
            parameters.get(run, {}),
            frozenset(tags.get(run, ())),
            _artifacts(store.artifacts, run),
        )
        found.setdefault(name, []).append(recorded)
    return found


def _artifacts(folder: Path, run: str) -> Counter[str]:
    """The names of the artifacts of a run. A server has a folder per experiment above those of runs."""
    top = next(iter([*folder.glob(f"{run}/artifacts"), *folder.glob(f"*/{run}/artifacts")]), None)
    files = () if top is None else (file.relative_to(top) for file in top.rglob("*") if file.is_file())
    return Counter(IMAGE_TIME.sub("", str(file)) for file in files if not str(file).startswith(BY_TIME))
