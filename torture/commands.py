"""The commands that are disturbed, and how to compare what they leave with an undisturbed run."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from torture.files import file_differences, leftovers
from torture.stores import Store, store_differences, trial_differences
from torture.workspace import NETWORKS, Workspace


class Command(NamedTuple):
    """A command.

    `share` is how often it is drawn. `status` are the arguments of `dvc status` that name what it reproduces; without
    them, it runs no stages.
    """

    words: tuple[str, ...]
    share: float
    status: tuple[str, ...] = ()


SWEEP = (
    "hydra/sweeper=convtrack_optuna",
    "hydra.sweeper.name=torture",
    "hydra.sweeper.trials=4",
    "hydra.sweeper.pruner.name=none",
    "hydra/launcher=joblib",
    "hydra.launcher.n_jobs=2",
    "model=logistic",
    "data=digits",
    "training.epochs=10",
    "optimizer.learning_rate=interval(0.01,0.1)",
)

FIRST_STAGES = f"train@{NETWORKS[0]}"

COMMANDS = {
    # As a user runs it, but without installing anything.
    "repro": Command(("make", "--old-file=.venv/installed", "repro"), 0.3, ("dvc.yaml",)),
    "sweep": Command(("convtrack", "experiment", "-m", *SWEEP), 0.35),
    "experiment": Command(("convtrack", "experiment", "model=lecture_cnn", "data=digits", "training.epochs=25"), 0.35),
    # For tests: the first four stages.
    "stages": Command(
        ("sh", "-c", f"convtrack repair --quiet && dvc repro {FIRST_STAGES}"), 0, ("--with-deps", FIRST_STAGES)
    ),
}


class Finished(NamedTuple):
    """A project after its command has succeeded, and its store."""

    space: Workspace
    store: Store


def stored_in(project: Path) -> Store:
    """The store of a project that has no server."""
    return Store(project / "mlflow.db", project / "mlartifacts")


def all_differences(undisturbed: Finished, disturbed: Finished) -> Iterator[str]:
    """Yield everything that two projects do not share, and everything that a command should have cleaned up."""
    before, after = undisturbed.space, disturbed.space
    served = disturbed.store != stored_in(after.project)
    for difference in file_differences(before.project, after.project):
        # With a server, the project has no store of its own.
        if not (served and "mlflow.db" in difference):
            yield difference
    yield from leftovers(after.project, after.temporary)
    yield from store_differences(undisturbed.store, disturbed.store)
    yield from trial_differences(before.project / "sweeps.db", after.project / "sweeps.db")


def changed_stages(space: Workspace, command: Command) -> Iterator[str]:
    """Yield the stages of a command that `dvc status` reports as changed."""
    if not command.status:
        return
    done = subprocess.run(
        ["dvc", "status", "--json", *command.status],
        cwd=space.project,
        env=space.environment({}),
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        yield from (f"`dvc status`: {stage} has changed" for stage in json.loads(done.stdout))
    except ValueError:
        yield f"`dvc status` fails: {done.stderr[-300:]}"
