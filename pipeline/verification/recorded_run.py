"""What MLflow records of a training: from the id, fingerprint or name of a run to everything that made it."""

import ast
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.console import say
from pipeline.errors import UserError
from pipeline.storage.folders import RUNS, UNCOMMITTED, ResultFolder, RunFolder
from pipeline.tracking.find import MAX_RUNS
from pipeline.tracking.named_runs import named_runs, own_place
from pipeline.tracking.names import (
    BASELINE,
    CODE,
    COMMIT,
    DATA_DIGEST,
    DIRTY,
    ENVIRONMENT,
    FINGERPRINT,
    KIND,
    MODEL,
    PATCH,
    REPLICATE,
    TRIAL,
)
from pipeline.tracking.store import Store

HEXADECIMAL = re.compile(r"[0-9a-f]{6,64}")
SECTIONS = ("optimizer", "training", "augmentation", "model")


@dataclass(frozen=True)
class RecordedRun:
    """The run of a model, and those of the replicates to verify.

    `parent` is the run of the model, which holds the configuration. `replicates` are the runs by number.
    """

    store: Store
    parent: Any
    replicates: Mapping[int, Any]
    whole: bool

    @property
    def model(self) -> str:
        """The name of the model."""
        return str(self.parent.data.tags[MODEL])

    @property
    def shown(self) -> str:
        """The run that was asked for, as a line names it."""
        runs = [self.parent] if self.whole else list(self.replicates.values())
        return f"run {runs[0].info.run_id[:8]} ({runs[0].info.run_name})"

    @property
    def first(self) -> Any:
        """The run of the first replicate, or else the parent: its tags are those of a training."""
        return next(iter(self.replicates.values()), self.parent)

    @property
    def data_digest(self) -> str | None:
        """The digest of the images."""
        digest: str | None = self.parent.data.tags.get(DATA_DIGEST)
        return digest

    @property
    def environment(self) -> Mapping[str, Any] | None:
        """The recorded environment; None for runs of earlier versions.

        Raises:
            UserError: the record is damaged.
        """
        text = self.first.data.tags.get(ENVIRONMENT)
        if not text:
            return None
        try:
            held = json.loads(text)
            dict(held["versions"]), str(held["device"]), int(held["threads"])
        except (ValueError, LookupError, TypeError):
            raise UserError(
                f"The tag {ENVIRONMENT} of run {self.first.info.run_id} is damaged: it must hold versions, device and "
                "threads as JSON. Run `convtrack publish`, or take the tag from a copy of the store."
            ) from None
        return dict(held)

    @property
    def codes(self) -> list[dict[str, Any]]:
        """Commit, changes and digest of the patch of each replicate, as in the records of trainings."""
        return [
            {
                "replicate": number,
                "commit": run.data.tags.get(COMMIT, "none"),
                "dirty": run.data.tags.get(DIRTY) == "true",
                "patch": {"none": None}.get(patch := run.data.tags.get(PATCH, "none"), patch),
            }
            for number, run in self.replicates.items()
        ]

    def fingerprint(self, number: int) -> str:
        """The fingerprint of a replicate."""
        return str(self.replicates[number].data.tags[FINGERPRINT])

    def configuration(self) -> dict[str, Any]:
        """The configuration, from the parameters, which MLflow holds as texts.

        Raises:
            UserError: sections are missing.
        """
        values: dict[str, Any] = {}
        for name, text in self.parent.data.params.items():
            *above, key = name.split(".")
            inner = values
            for part in above:
                inner = inner.setdefault(part, {})
            inner[key] = _value(text)
        missing = [name for name in SECTIONS if name not in values]
        if missing:
            raise UserError(f"{self.shown} has no parameters of {', '.join(missing)}: it is not a run of this version.")
        # MLflow has no parameter for an empty section.
        values["optimizer"].setdefault("options", {})
        if isinstance(values["optimizer"].get("schedule"), dict):
            values["optimizer"]["schedule"].setdefault("options", {})
        values["model"].setdefault("options", {})
        return values

    def patch(self, number: int, folder: Path) -> Path | None:
        """The recorded patch of a replicate, downloaded into a folder; None if the store does not have it."""
        for run in (self.replicates[number], self.parent):
            fetched = self.store.fetch(run, f"{CODE}/{UNCOMMITTED}", folder)
            if fetched is not None:
                return fetched
        return None

    def result(self, number: int) -> ResultFolder | None:
        """The training here, whatever has happened to its files: in a run folder, or else in the cache.

        None if this machine lacks it.
        """
        own = self.fingerprint(number)
        held, stored = RunFolder.of(self.model).result(number), ResultFolder.stored(own)
        if held.weights.is_file() and _fingerprint(held) == own:
            return held
        return stored if stored.folder.is_dir() else None

    @property
    def run_folder(self) -> RunFolder | None:
        """The run folder of this very run, None if it is not in the comparison here."""
        run = RunFolder.of(self.model)
        try:
            held = json.loads(run.replicates.read_text(encoding="utf-8"))["model_fingerprint"]
        except (OSError, ValueError, LookupError, TypeError):
            return None
        return run if held == self.parent.data.tags[FINGERPRINT] and TRIAL not in self.parent.data.tags else None


def _fingerprint(result: ResultFolder) -> Any:
    try:
        return json.loads(result.record.read_text(encoding="utf-8")).get("fingerprint")
    except (OSError, ValueError, AttributeError):
        return None


def _value(text: str) -> Any:
    """A parameter as a value: MLflow stores the text of a Python value.

    >>> _value("0.1"), _value("None"), _value("[3, 3]"), _value("SGD")
    (0.1, None, [3, 3], 'SGD')
    """
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def recorded_run(store: Store, word: str) -> RecordedRun:
    """The run that a word names: its id, its fingerprint, or the beginning of one of them, or its name.

    Raises:
        UserError: there is no such run, it is ambiguous, or it is not a training.
    """
    run = _found(store, word)
    tags = run.data.tags
    if run.info.lifecycle_stage == "deleted":
        raise UserError(f"Run {word} is deleted. Restore it (`mlflow runs restore --run-id {run.info.run_id}`).")
    if tags.get(KIND) == "comparison" or tags.get(BASELINE) == "true":
        raise UserError(
            f"{run.info.run_name} is no training. `convtrack verify` without a run checks it with the comparison here."
        )
    if tags.get(KIND) not in ("model", "replicate"):
        raise UserError(f"{run.info.run_name} is no training of this project. Name a run of a model or of a replicate.")
    if tags[KIND] == "replicate":
        parent = store.parent(run)
        if parent is None:
            raise UserError(f"The run of the model above run {run.info.run_id} is missing: restore it in MLflow.")
        return RecordedRun(store, _tagged(parent, MODEL, FINGERPRINT), {_number(run): run}, whole=False)
    _tagged(run, MODEL, FINGERPRINT)
    if REPLICATE in tags:
        return RecordedRun(store, run, {_number(run): run}, whole=True)
    below = {_number(child): child for child in reversed(store.children(run))}
    return RecordedRun(store, run, dict(sorted(below.items())), whole=True)


def _tagged(run: Any, *tags: str) -> Any:
    """The run, which must have these tags."""
    for tag in tags:
        if tag not in run.data.tags:
            raise UserError(
                f"Run {run.info.run_id} has no tag {tag}: every training of this version has it. Delete the run in "
                "MLflow and run `convtrack publish`, or take the tag from a copy of the store."
            )
    return run


def _number(run: Any) -> int:
    """The number of a replicate's run."""
    text = _tagged(run, REPLICATE, FINGERPRINT).data.tags[REPLICATE]
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise UserError(
            f"The tag {REPLICATE} of run {run.info.run_id} must be a number. Received {text!r}: correct it in MLflow."
        )
    return int(text)


def _found(store: Store, word: str) -> Any:
    if HEXADECIMAL.fullmatch(word):
        if len(word) == 32 and (run := store.run(word)) is not None:
            return run
        found = store.search(f"attributes.run_id LIKE '{word}%'", limit=2) if len(word) < 32 else []
        if len(found) > 1:
            raise UserError(f"Several runs have an id that begins with '{word}'. Give more characters of the id.")
        if found:
            return found[0]
        marked = store.search(f"tags.`{FINGERPRINT}` LIKE '{word}%'", limit=100)
        own = own_place(store).experiment
        if len({run.data.tags[FINGERPRINT] for run in marked}) > 1:
            raise UserError(f"Several fingerprints begin with '{word}'. Give more characters of the fingerprint.")
        if marked:
            # The newest is the first of equals.
            return min(marked, key=lambda run: (run.info.experiment_id != own, TRIAL in run.data.tags))
    named = named_runs(store, word, limit=MAX_RUNS)
    if named is not None:
        remark = named.remark(store, word) if named.finished else None
        if remark:
            say(remark)
        return [*named.finished, *named.runs][0]
    raise UserError(
        f"{store.address} has no run with the id, fingerprint or name '{word}'. Give one that MLflow or the report "
        f"lists; the models of the comparison are in {RUNS}/."
    )
