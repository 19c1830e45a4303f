"""The trainings in a run folder: their records, their fingerprints computed again, and their commit."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.config.reading import read
from pipeline.config.schema import AugmentationConfig, OptimizerConfig, TrainingConfig
from pipeline.counts import number_of
from pipeline.storage.files import read_json, read_network_text
from pipeline.storage.folders import PREPARED, RunFolder
from pipeline.storage.provenance import commit_exists, patch_digest
from pipeline.storage.stored_tables import read_table
from pipeline.training.collecting import CURVES, mean_curve
from pipeline.training.environment import training_environment
from pipeline.training.task import Task, make_tasks
from pipeline.verification.checked_link import Check, checked, names

RECORDS = ("model", "model_fingerprint", "configuration", "replicates")


def trained_replicates(run: RunFolder) -> Iterator[Check]:
    """Check the files of a model's trainings against each other, and their fingerprints."""
    trained = read_json(run.replicates, *RECORDS)
    records = trained["replicates"]
    patches = {one["replicate"]: run.result(one["replicate"]).patch for one in records}
    yield from checked(str(run.train), lambda: [records_check(run, records)])
    yield from checked(str(run.replicates), lambda: [_fingerprints(run, trained)])
    yield code_check(str(run.replicates), records, patches)


def records_check(run: RunFolder, records: Sequence[Mapping[str, Any]], *, archived: bool = False) -> Check:
    """Compare the files of the replicates with their record and their common history; an archive has no weights."""
    subject = str(run.train)
    changed = [run.result(one["replicate"]).record for one in records if _record(run, one) != one]
    history = read_table(run.history, "replicate", "epoch", *CURVES)
    for one in records:
        own = run.result(one["replicate"])
        if not (archived or own.finished):
            changed.append(own.folder)
        elif _epochs(history, one["replicate"]) != own.epochs:
            changed.append(own.history)
    if not read_table(run.learning_curve).equals(pd.read_csv(_as_csv(mean_curve(history)))):
        changed.append(run.learning_curve)
    if changed:
        found = f"{names(changed)} {'does' if len(changed) == 1 else 'do'} not agree with {run.replicates.name} and "
        remedy = f"Run `dvc repro train@{run.folder.name}`."
        return Check(subject, "differs", f"{found}{run.history.name}", remedy)
    return Check(subject, "ok", f"the records and histories of {number_of(len(records), 'replicate')} agree")


def _record(run: RunFolder, one: Mapping[str, Any]) -> Any:
    return read_json(run.result(one["replicate"]).record)


def _epochs(history: pd.DataFrame, replicate: int) -> list[dict[str, float]]:
    own = history[history["replicate"] == replicate].drop(columns=["replicate", "epoch"])
    return [{str(name): float(value) for name, value in row.items()} for row in own.to_dict("records")]


def _as_csv(table: pd.DataFrame) -> Any:
    from io import StringIO

    return StringIO(table.to_csv(index=False))


def tasks_of(run: RunFolder, trained: Mapping[str, Any], prepared: Path = PREPARED) -> list[Task]:
    """The trainings that the recorded configuration, the network and the images here describe.

    Raises:
        UserError: a file is missing, or the configuration is of another version.
    """
    configuration = trained["configuration"]
    return make_tasks(
        read_network_text(run.architecture),
        prepared,
        1 + max(one["replicate"] for one in trained["replicates"]),
        initial_weights=run.initial_weights if run.initial_weights.is_file() else None,
        optimizer=read(OptimizerConfig, configuration["optimizer"], "optimizer"),
        training=read(TrainingConfig, configuration["training"], "training"),
        augmentation=read(AugmentationConfig, configuration["augmentation"], "augmentation"),
        name=run.folder.name,
    )


def _fingerprints(run: RunFolder, trained: Mapping[str, Any]) -> Check:
    """Compare the recorded fingerprints with those of the network, images, code and packages here."""
    records, subject = trained["replicates"], str(run.replicates)
    tasks = {task.replicate: task for task in tasks_of(run, trained)}
    other = [one for one in records if tasks[one["replicate"]].fingerprint != one["fingerprint"]]
    if not other:
        found = f"network, images, settings, code and packages here give the {number_of(len(records), 'fingerprint')}"
        return Check(subject, "ok", found)
    reasons = names(_differing(other[0], trained["configuration"], tasks[0])) or (
        "network, images or the code that trains differ from those of the training"
    )
    found = f"{len(other)} of {number_of(len(records), 'fingerprint')} cannot be given by what is here: {reasons}"
    return Check(subject, "differs", found, f"Run `dvc repro train@{run.folder.name}`, or restore what differs.")


def _differing(record: Mapping[str, Any], configuration: Mapping[str, Any], task: Task) -> list[str]:
    """What differs between the recorded environment and this one, as `tensorflow 2.20.0 → 2.21.0`."""
    return environment_changes(record.get("environment"), training_environment(task.training.threads))


def environment_changes(then: Mapping[str, Any] | None, now: Mapping[str, Any]) -> list[str]:
    """What differs between two environments of `pipeline.training.environment`; nothing if one was not recorded.

    >>> environment_changes({"versions": {"keras": "3.14.0"}}, {"versions": {"keras": "3.15.1"}})
    ['keras 3.14.0 → 3.15.1']
    """
    if then is None:
        return []
    pairs = [
        (name, then["versions"].get(name), now["versions"].get(name))
        for name in {**then["versions"], **now["versions"]}
    ]
    pairs += [(name, then.get(name), now.get(name)) for name in ("device", "threads")]
    return [f"{name} {before} → {after}" for name, before, after in pairs if before != after]


def code_check(subject: str, records: Sequence[Mapping[str, Any]], patches: Mapping[int, Path]) -> Check:
    """Whether the commits of trainings are in this repository, and their uncommitted changes are recorded."""
    commits = sorted({one["commit"] for one in records})
    missing = [commit[:12] for commit in commits if commit != "none" and not commit_exists(commit)]
    if missing:
        found = f"commit {names(missing)} is not in this repository"
        return Check(subject, "unknown", found, "Fetch it: `git fetch --all --unshallow`.")
    if commits == ["none"]:
        return Check(subject, "unknown", "the trainings ran outside a Git repository, so no commit is recorded")
    dirty = [one for one in records if one["dirty"]]
    text = f"commit {names([commit[:12] for commit in commits])} is in this repository"
    if not dirty:
        return Check(subject, "ok", f"{text}, and the code was committed")
    unrecorded = [one for one in dirty if not one.get("patch")]
    if unrecorded:
        return Check(subject, "unknown", f"{text}, but uncommitted changes of the code were not recorded")
    wrong = [
        patches[one["replicate"]]
        for one in dirty
        if not patches[one["replicate"]].is_file()
        or patch_digest(patches[one["replicate"]].read_bytes()) != one["patch"]
    ]
    if wrong:
        found = f"{names(wrong)} is missing or is not the recorded patch"
        return Check(subject, "differs", found, "Restore it from MLflow: artifact code/uncommitted.patch.")
    return Check(subject, "ok", f"{text}, and the uncommitted changes are recorded")
