"""The trainings that the page shows, read from checkpoints, stored results and run folders."""

import csv
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from zipfile import BadZipFile
from zlib import error as ZlibError

import numpy as np

from pipeline.errors import UserError
from pipeline.storage.folders import RUNS, CheckpointFolder, ResultFolder, RunFolder, SnapshotFolder, cache_folder
from pipeline.storage.processes import is_gone

State = Literal["running", "interrupted", "finished"]

CURVES = ("train/loss", "val/loss", "train/accuracy", "val/accuracy")
UNREADABLE = (
    *(OSError, EOFError, BadZipFile, ZlibError, csv.Error, UserError),
    *(ValueError, TypeError, AttributeError, LookupError, ArithmeticError, RuntimeError),
)
"""Errors of files that are missing, damaged or replaced at this moment. Their training is shown at the next look.

The second line are those of values with an unexpected type: one damaged file must not hide the other trainings.
"""


@dataclass(frozen=True)
class Training:
    """The training of one replicate. `description` is that of its snapshots, `changed` the time of its last epoch."""

    place: CheckpointFolder | ResultFolder
    description: Mapping[str, Any]
    state: State
    changed: float

    @property
    def replicate(self) -> int:
        """The number of the replicate, from 0."""
        return int(self.description["replicate"])

    @property
    def snapshots(self) -> SnapshotFolder:
        """The folder of its snapshots, which may be missing."""
        return self.place.snapshots

    def curves(self) -> dict[str, list[float | None]]:
        """Losses and metrics by epoch; empty before the end of the first."""
        try:
            epochs = self._epochs()
            return {name: [_finite(epoch.get(name)) for epoch in epochs] for name in CURVES}
        except UNREADABLE:
            return {name: [] for name in CURVES}

    def _epochs(self) -> list[dict[str, float]]:
        if isinstance(self.place, ResultFolder):
            return self.place.epochs
        with self.place.state.open("rb") as stream, np.load(stream) as saved:
            return list(json.loads(str(saved["history"])))

    def pictures(self) -> dict[int, Path]:
        """Pictures of the kernels by epoch, besides those of the snapshots."""
        with suppress(*UNREADABLE):
            return self.place.pictures
        return {}


@dataclass(frozen=True)
class WatchedModel:
    """A model with its trainings by replicate; `identity` is its fingerprint."""

    identity: str
    trainings: Sequence[Training]

    @property
    def first(self) -> Training:
        """The training with the lowest number, which has snapshots."""
        return self.trainings[0]

    @property
    def state(self) -> State:
        """Running if one training runs; finished if all are."""
        states = {training.state for training in self.trainings}
        return "running" if "running" in states else "interrupted" if "interrupted" in states else "finished"

    @property
    def changed(self) -> float:
        """The time of the last epoch of any training, in seconds."""
        return max(training.changed for training in self.trainings)

    def summary(self) -> dict[str, Any]:
        """The entry of the model in the list; its `version` changes with every epoch and snapshot."""
        return {
            "id": self.identity,
            "model": self.first.description["model"],
            "data": self.first.description["data"],
            "settings": _settings(self.first.description),
            "state": self.state,
            "replicates": len(self.trainings),
            "changed": self.changed,
            "version": [[training.state, training.changed] for training in self.trainings],
        }

    def content(self) -> dict[str, Any]:
        """Everything that the page shows of the model, except pictures."""
        curves = [training.curves() for training in self.trainings]
        replicates = [
            {"number": training.replicate, "state": training.state, "curves": one}
            for training, one in zip(self.trainings, curves, strict=True)
        ]
        longest = max(len(one[name]) for one in curves for name in CURVES)
        planned = self.first.description["epochs"] or longest
        return {
            **self.summary(),
            "epochs": planned if self.state != "finished" else longest,
            "replicate": self.first.replicate,
            "replicates": replicates,
            **_snapshots(self.first),
        }

    def picture(self, kind: str, number: int) -> Path | None:
        """The file of a picture: `kernels` or `maps` after an epoch, or the `image` of a number; None without it."""
        folder = self.first.snapshots
        if kind == "image":
            file = folder.image(number)
        elif kind == "maps":
            file = folder.maps(number)
        elif kind == "kernels":
            file = folder.kernels(number)
            if not file.is_file():
                file = self.first.pictures().get(number, file)
        else:
            return None
        return file if file.is_file() else None


def watched_models(model: str | None = None, folder: Path | None = None) -> list[WatchedModel]:
    """The models with trainings, running ones first, then the latest first.

    Args:
        model: only models of this name.
        folder: only the trainings in this run folder or result folder; otherwise those of the project.
    """
    found: dict[str, dict[int, Training]] = {}
    for training in _project() if folder is None else _in(folder):
        if model in (None, training.description["model"]):
            # The first one is kept: a training may be in a run folder and among the stored results.
            found.setdefault(training.description["model_fingerprint"], {}).setdefault(training.replicate, training)
    models = [
        WatchedModel(identity, [by_number[number] for number in sorted(by_number)])
        for identity, by_number in found.items()
    ]
    return sorted(models, key=lambda one: (one.state != "running", -one.changed))


def _project() -> Iterator[Training]:
    for folder in _folders(RUNS):
        yield from _in(folder)
    for folder in _folders(cache_folder() / "results"):
        yield from _result(ResultFolder(folder), {})
    for folder in _folders(cache_folder() / "checkpoints"):
        yield from _unfinished(CheckpointFolder(folder))


def _folders(parent: Path) -> list[Path]:
    """The folders in a folder, without temporary ones of processes."""
    return [folder for folder in sorted(parent.glob("[!.]*")) if folder.is_dir()]


def _in(folder: Path) -> Iterator[Training]:
    """The trainings in a run folder, in the folder of one result, or in a checkpoint folder."""
    run = RunFolder(folder, folder)
    if run.replicates.is_file():
        with suppress(*UNREADABLE):
            trained = json.loads(run.replicates.read_bytes())
            for record in trained["replicates"]:
                yield from _result(run.result(record["replicate"]), trained)
    elif (folder / "record.json").is_file():
        yield from _result(ResultFolder(folder), {"model": folder.name})
    else:
        yield from _unfinished(CheckpointFolder(folder))


def _result(result: ResultFolder, trained: Mapping[str, Any]) -> Iterator[Training]:
    """A finished training. One without snapshots has the model's name from the record of its run folder."""
    with suppress(*UNREADABLE):
        record = json.loads(result.record.read_bytes())
        if result.snapshots.training.is_file():
            described = json.loads(result.snapshots.training.read_bytes())
        elif "model" in trained:
            described = {"model": trained["model"], **_configured(trained.get("configuration", {}))}
        else:
            return
        described |= {name: record[name] for name in ("model_fingerprint", "replicate")}
        yield Training(result, _description(described), "finished", result.record.stat().st_mtime)


def _configured(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """The description from the configuration in a run folder."""
    training, optimizer = configuration.get("training", {}), configuration.get("optimizer", {})
    return {
        "data": configuration.get("data", {}).get("name", ""),
        "batch_size": training.get("batch_size"),
        "optimizer": optimizer.get("name"),
        "learning_rate": optimizer.get("learning_rate"),
    }


def _unfinished(checkpoint: CheckpointFolder) -> Iterator[Training]:
    with suppress(*UNREADABLE):
        described = json.loads(checkpoint.snapshots.training.read_bytes())
        running = bool(described["process"]) and not is_gone(described["process"])
        files = [checkpoint.snapshots.training, checkpoint.state, checkpoint.snapshots.predictions]
        changed = max(file.stat().st_mtime for file in files if file.is_file())
        yield Training(checkpoint, _description(described), "running" if running else "interrupted", changed)


def _description(described: Mapping[str, Any]) -> dict[str, Any]:
    """What the page shows of a description. Raises an error of `UNREADABLE` if a value has another type."""
    rate = described.get("learning_rate")
    return {
        **{name: str(described[name]) for name in ("model", "model_fingerprint")},
        "data": str(described.get("data") or ""),
        "replicate": int(described["replicate"]),
        "epochs": int(described.get("epochs") or 0),
        "batch_size": int(described.get("batch_size") or 0),
        "optimizer": str(described.get("optimizer") or ""),
        "learning_rate": float(rate) if rate else None,
    }


def _settings(description: Mapping[str, Any]) -> str:
    """The settings of a training in one line, as far as they are known."""
    rate, size = description["learning_rate"], description["batch_size"]
    known = [description["optimizer"], f"rate {rate:g}" if rate else "", f"batches of {size}" if size else ""]
    return ", ".join(text for text in known if text)


def _snapshots(training: Training) -> dict[str, Any]:
    """The epochs with snapshots, and the predictions; for a training without, the epochs with pictures of kernels."""
    classes: list[str] = []
    images: list[str] = []
    predicted: dict[int, list[list[float | None]]] = {}
    with suppress(*UNREADABLE):
        content = json.loads(training.snapshots.predictions.read_bytes())
        classes, images = [str(name) for name in content["classes"]], [str(name) for name in content["images"]]
        predicted = {
            int(epoch): [[_finite(value) for value in row[: len(classes)]] for row in rows[: len(images)]]
            for epoch, rows in content["epochs"].items()
        }
    pictures = training.pictures()
    snapshots = [
        {
            "epoch": epoch,
            "kernels": training.snapshots.kernels(epoch).is_file() or epoch in pictures,
            "maps": training.snapshots.maps(epoch).is_file(),
            "probabilities": predicted.get(epoch, []),
        }
        for epoch in sorted(predicted or pictures)
    ]
    return {"classes": classes, "images": images, "snapshots": snapshots}


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
