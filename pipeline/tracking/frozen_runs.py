"""Read all runs of an experiment, with the learning curves of their metrics."""

import math
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from pipeline.errors import UserError, unknown
from pipeline.reporting.frozen_page import Curve, FrozenRun
from pipeline.tracking.store import Store

MOST_RUNS = 5000
"""Runs in the table."""
MOST_WITH_CURVES = 500
"""Runs with learning curves: each curve is a request."""
REQUESTS = 8
"""Simultaneous requests to a server."""


def frozen_runs(store: Store, experiment: str) -> tuple[str, list[FrozenRun], list[str]]:
    """The name of the experiment, its runs, newest first, and remarks on what is left out.

    Args:
        store: the store.
        experiment: name or id.

    Raises:
        UserError: there is no such experiment, or it has no run.
    """
    by_name = {name: identity for identity, name in store.experiments.items()}
    identity = by_name.get(experiment, experiment)
    if identity not in store.experiments:
        raise unknown("experiment", experiment, by_name)
    found = store.search("", limit=MOST_RUNS + 1, experiments=[identity])
    if not found:
        raise UserError(f"Experiment '{store.experiments[identity]}' has no run. Choose an experiment with runs.")
    remarks = []
    if len(found) > MOST_RUNS:
        found = found[:MOST_RUNS]
        remarks.append(f"The experiment has more runs: the newest {MOST_RUNS:,} are shown.")
    if len(found) > MOST_WITH_CURVES:
        remarks.append(f"Learning curves are those of the newest {MOST_WITH_CURVES} runs.")
    runs = [_frozen(run) for run in found]
    wanted = [(place, name) for place, run in enumerate(found[:MOST_WITH_CURVES]) for name in _with_curves(run)]
    curves: dict[int, dict[str, Curve]] = {}
    read = _read(store, [(runs[place].identity, name) for place, name in wanted])
    for (place, name), curve in zip(wanted, read, strict=True):
        if len(curve) > 1:
            curves.setdefault(place, {})[name] = curve
    runs = [replace(run, curves=curves.get(place, {})) for place, run in enumerate(runs)]
    return store.experiments[identity], runs, remarks


def _frozen(run: Any) -> FrozenRun:
    info, tags = run.info, run.data.tags
    return FrozenRun(
        identity=info.run_id,
        name=info.run_name or info.run_id[:8],
        status=info.status.lower(),
        started=datetime.fromtimestamp(info.start_time / 1000, UTC) if info.start_time else None,
        seconds=(info.end_time - info.start_time) / 1000 if info.end_time and info.start_time else None,
        parent=tags.get(MLFLOW_PARENT_RUN_ID),
        metrics={name: _finite(value) for name, value in run.data.metrics.items()},
        params=dict(run.data.params),
        tags={name: value for name, value in tags.items() if not name.startswith("mlflow.")},
    )


def _with_curves(run: Any) -> list[str]:
    """The metrics whose last value has a step, so that they have several values."""
    return sorted(metric.key for metric in run.data._metric_objs if metric.step)


def _read(store: Store, wanted: Sequence[tuple[str, str]]) -> list[Curve]:
    """The curves of metrics of runs, each without the values that a later one with the same step replaces."""

    def read(one: tuple[str, str]) -> Curve:
        return _curve(store.client.get_metric_history(*one))

    if not store.address.startswith("http"):
        return [read(one) for one in wanted]
    with ThreadPoolExecutor(REQUESTS) as pool:
        return list(pool.map(read, wanted))


def _curve(points: Sequence[Any]) -> Curve:
    ordered = sorted(points, key=lambda point: (point.step, point.timestamp))
    return list({point.step: _finite(point.value) for point in ordered}.items())


def _finite(value: float) -> float:
    # Databases store an infinite value as the largest finite one.
    return math.copysign(math.inf, value) if abs(value) > sys.float_info.max / 2 else value
