"""Log a sweep as a whole: its search space, its progress, its best trials and its page.

`pipeline.tracking.publish.live` logs the trials below it while they run. If the tracking store becomes
unreachable, the sweep continues without logging.
"""

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.config.reading import flattened
from pipeline.console import say
from pipeline.reporting.sweep_description import FINISHED_STATES, BestTrial, description
from pipeline.reporting.tables.settings import written
from pipeline.tracking.store_errors import STORE_ERRORS, logging_failed
from pipeline.tracking.tracker import Status, Tracker

CHANGED = "changed."
"""Prefix of the tags for settings that differ from the run's parameters."""


def begin_sweep(tracker: Tracker, name: str, fingerprint: str, parameters: Mapping[str, Any]) -> str:
    """Find the run of a sweep by its fingerprint, or create it, and set it RUNNING; returns the run's id.

    `parameters`, nested or flat, describe the search. MLflow cannot change a parameter, so a setting that has changed
    since, such as the number of trials, becomes a tag. Callers must hold a lock: two machines that begin the same sweep
    at the same time could create two runs.
    """
    texts = {_key(key): written(value) for key, value in flattened(parameters)}
    run = tracker.sweep_run(name, fingerprint, parameters=texts)
    first = tracker.parameters(run)
    tracker.replace_tags(
        run, CHANGED, {CHANGED + key: value for key, value in texts.items() if first.get(key, value) != value}
    )
    tracker.start(run)
    return run


def log_sweep(
    tracker: Tracker,
    run: str,
    name: str,
    metrics: Mapping[str, float],
    best: Sequence[BestTrial],
    *,
    maximised: Container[str] = (),
    files: Sequence[Path] = (),
) -> None:
    """Log the progress of a sweep.

    Args:
        tracker: the store.
        run: the id of the sweep's run.
        name: the name of the sweep.
        metrics: the number of trials in each state (`complete`, `pruned`, `failed`), the number `reused`, and others,
            such as `utilisation`.
        best: the best trial, or the Pareto front; the best value of each objective becomes a metric.
        maximised: the objectives for which larger values are better.
        files: copied to the folder `sweep` of the artifacts.
    """
    finished = int(sum(metrics.get(state, 0) for state in FINISHED_STATES))
    reached = {objective: [trial.values[objective] for trial in best] for objective in best[0].values} if best else {}
    values = {
        **{f"trials/{key}" if key in (*FINISHED_STATES, "reused") else key: value for key, value in metrics.items()},
        **{f"best/{key}": (max if key in maximised else min)(found) for key, found in reached.items()},
    }
    with _continue_if_unreachable():
        tracker.log_metrics(run, values, step=finished)
        tracker.describe(run, description(name, metrics, best))
        tracker.log_files(run, files, "sweep")


def end_sweep(tracker: Tracker, run: str, status: Status) -> None:
    """End the run of a sweep."""
    with _continue_if_unreachable():
        tracker.end(run, status)


def _key(name: str) -> str:
    """A setting's name with the characters that MLflow allows in a parameter's name.

    >>> _key("when.model=lenet5.model.options.units")
    'when.model:lenet5.model.options.units'
    """
    return re.sub(r"[^/\w.\- :]", ":", name)


@contextmanager
def _continue_if_unreachable() -> Iterator[None]:
    try:
        yield
    except STORE_ERRORS as problem:
        say(f"{logging_failed(problem)} The sweep continues without logging.")
