"""Log a sweep as a whole: what it searches, how far it is, the best it has found, and the pages about it.

Its trials are logged below it while they happen (`pipeline.tracking.publish.live`). A store that vanishes stops the
logging, not the sweep.
"""

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pipeline.config.reading import flattened
from pipeline.console import say
from pipeline.reporting.sweep import ENDINGS, BestTrial, description
from pipeline.reporting.tables.settings import written
from pipeline.tracking.connection import STORE_ERRORS
from pipeline.tracking.tracker import Status, Tracker

CHANGED = "changed."
"""What the tags begin with that hold a setting which is no longer what the run's parameter says."""


def begin_sweep(tracker: Tracker, name: str, fingerprint: str, parameters: Mapping[str, Any]) -> str:
    """The run of a sweep, found by its fingerprint or made, and from now on RUNNING.

    `parameters`, nested or not, say what is searched and how. MLflow keeps what a run was told first; what has changed
    since, such as a larger number of trials, becomes a tag. Two machines that begin the same sweep must do so one after
    the other, or there may be two runs for a while.
    """
    told = {_key(key): written(value) for key, value in flattened(parameters)}
    run = tracker.sweep_run(name, fingerprint, parameters=told)
    first = tracker.parameters(run)
    tracker.replace_tags(
        run, CHANGED, {CHANGED + key: value for key, value in told.items() if first.get(key, value) != value}
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
    growing: Container[str] = (),
    files: Sequence[Path] = (),
) -> None:
    """Log how far a sweep is.

    `metrics` are numbers of trials by how they ended (`complete`, `pruned`, `failed`), of those `reused`, and others,
    such as `utilisation`; beside them stand the best values of the objectives, of which those `growing` are the better
    the larger. `files` become artefacts under sweep/.
    """
    ended = int(sum(metrics.get(state, 0) for state in ENDINGS))
    reached = {objective: [trial.values[objective] for trial in best] for objective in best[0].values} if best else {}
    values = {
        **{f"trials/{key}" if key in (*ENDINGS, "reused") else key: value for key, value in metrics.items()},
        **{f"best/{key}": (max if key in growing else min)(held) for key, held in reached.items()},
    }
    with _going_on():
        tracker.log_metrics(run, values, step=ended)
        tracker.describe(run, description(name, metrics, best))
        tracker.log_files(run, files, "sweep")


def end_sweep(tracker: Tracker, run: str, status: Status) -> None:
    """End the run of a sweep, at the second try if Ctrl-C cut the first one's connection."""
    with suppress(*STORE_ERRORS):
        tracker.end(run, status)
        return
    with _going_on():
        tracker.end(run, status)


def _key(name: str) -> str:
    """A setting's name as far as MLflow takes it in that of a parameter.

    >>> _key("when.model=lenet5.model.options.units")
    'when.model:lenet5.model.options.units'
    """
    return re.sub(r"[^/\w.\- :]", ":", name)


@contextmanager
def _going_on() -> Iterator[None]:
    try:
        yield
    except STORE_ERRORS as problem:
        say(f"MLflow does not answer ({type(problem).__name__}); the sweep goes on.")
