"""The files of a run, and the fingerprint that tells two runs apart; nothing else knows how these files are named."""

import csv
import hashlib
import importlib.util
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from pipeline.errors import UserError

PREPARED = Path("data/prepared")
TEST_SETS = Path("data/test_sets")
RUNS = Path("runs")
REPORTS = Path("reports")
REPORT = REPORTS / "comparison.html"
"""The comparison's report; beside it the same in Markdown, whose figures lie in `FIGURES`."""
FIGURES = REPORTS / "comparison"
CACHE = Path(".convtrack")


def fingerprint(parts: Mapping[str, Any]) -> str:
    """SHA-256 over the canonical JSON of everything that determines a result, as 64 hexadecimal digits.

    >>> fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    True
    """
    return hashlib.sha256(json.dumps(parts, sort_keys=True, allow_nan=False).encode()).hexdigest()


def source_digest(modules: Iterable[str]) -> str:
    """SHA-256 over the source files of the named modules, found without importing them."""
    digest = hashlib.sha256()
    for module in sorted(modules):
        spec = importlib.util.find_spec(module)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(f"No source of module {module}.")
        digest.update(f"{module}\n".encode() + Path(spec.origin).read_bytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class RunFolder:
    """The files of one model of the comparison; each stage owns the folder that bears its name."""

    folder: Path

    @classmethod
    def of(cls, model: str) -> "RunFolder":
        """The run folder of a model by its name."""
        return cls(RUNS / model)

    @property
    def source(self) -> Path:
        """The source of the network's architecture and layers."""
        return self.folder / "source.py"

    @property
    def build(self) -> Path:
        """What the stage build writes."""
        return self.folder / "build"

    @property
    def train(self) -> Path:
        """What the stage train writes."""
        return self.folder / "train"

    @property
    def evaluate(self) -> Path:
        """What the stage evaluate writes."""
        return self.folder / "evaluate"

    @property
    def architecture(self) -> Path:
        """The network without weights, as Keras' JSON."""
        return self.build / "architecture.json"

    @property
    def initial_weights(self) -> Path:
        """The weights that every replicate starts from, npz; missing where they are drawn at random."""
        return self.build / "initial_weights.npz"

    @property
    def layers(self) -> Path:
        """The layer table, JSON."""
        return self.build / "layers.json"

    @property
    def drawing(self) -> Path:
        """The network as a picture."""
        return self.build / "network.svg"

    @property
    def replicates(self) -> Path:
        """What is known of each trained replicate, and of the configuration they share, JSON."""
        return self.train / "replicates.json"

    @property
    def history(self) -> Path:
        """Losses and metrics by replicate and epoch, CSV."""
        return self.train / "history.csv"

    @property
    def learning_curve(self) -> Path:
        """The history's mean over replicates by epoch, CSV, for `dvc plots`."""
        return self.folder / "learning_curve.csv"

    def result(self, replicate: int) -> "ResultFolder":
        """The trained replicate with this number."""
        return ResultFolder(self.train / f"replicate-{replicate}")

    @property
    def metrics(self) -> Path:
        """Means and deviations of the test metrics over replicates, JSON."""
        return self.folder / "metrics.json"

    @property
    def confusion(self) -> Path:
        """True and predicted class of every test image and replicate, CSV, for `dvc plots`."""
        return self.folder / "confusion.csv"

    @property
    def scores(self) -> Path:
        """Test metrics of each replicate, costs and confusion matrix, JSON."""
        return self.evaluate / "scores.json"

    @property
    def predictions(self) -> Path:
        """What every replicate was asked and said of its test images, by output, npz."""
        return self.evaluate / "predictions.npz"

    @property
    def mistakes(self) -> Path:
        """The most confident wrong answers, a picture."""
        return self.evaluate / "mistakes.png"

    def curve(self, name: str) -> Path:
        """A curve of the evaluation as a picture, such as `roc`."""
        return self.evaluate / f"{name}.svg"


@dataclass(frozen=True)
class ResultFolder:
    """One finished training: kept weights, history and record, under its fingerprint or in a run folder."""

    folder: Path

    @classmethod
    def stored(cls, fingerprint: str) -> "ResultFolder":
        """Where a finished training is kept, out of the reach of DVC, which deletes outputs before a stage runs."""
        return cls(CACHE / "results" / fingerprint)

    @property
    def weights(self) -> Path:
        """The kept weights, in Keras' HDF5 form."""
        return self.folder / "kept.weights.h5"

    @property
    def history(self) -> Path:
        """Losses and metrics by epoch, CSV."""
        return self.folder / "history.csv"

    @property
    def record(self) -> Path:
        """Fingerprints, epochs and seconds, JSON."""
        return self.folder / "record.json"

    @property
    def epochs(self) -> list[dict[str, float]]:
        """Losses and metrics, one mapping per epoch."""
        with existing(self.history).open(encoding="utf-8", newline="") as stream:
            rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(stream)]
        return [{name: value for name, value in row.items() if name != "epoch"} for row in rows]

    @property
    def finished(self) -> bool:
        """Whether a whole result is there: one that a power failure cut short is trained again."""
        try:
            sizes = json.loads(self.record.read_text(encoding="utf-8"))["sizes"]
            return all((self.folder / name).stat().st_size == size for name, size in sizes.items())
        except (OSError, ValueError, KeyError):
            return False

    @property
    def pictures(self) -> dict[int, Path]:
        """Pictures of the first layer's kernels by epoch."""
        return _pictures(self.folder)


@dataclass(frozen=True)
class CheckpointFolder:
    """An unfinished training, under its fingerprint."""

    folder: Path

    @classmethod
    def of(cls, fingerprint: str) -> "CheckpointFolder":
        """Where the training with this fingerprint keeps its checkpoints."""
        return cls(CACHE / "checkpoints" / fingerprint)

    @property
    def state(self) -> Path:
        """Every variable of model and optimizer after the last epoch, and the history, npz."""
        return self.folder / "state.npz"

    @property
    def best(self) -> Path:
        """The weights with the lowest validation loss so far, npz."""
        return self.folder / "best.npz"

    @property
    def pictures(self) -> dict[int, Path]:
        """Pictures of the first layer's kernels by epoch, so far."""
        return _pictures(self.folder)

    def picture(self, epoch: int) -> Path:
        """The picture of the first layer's kernels after `epoch` epochs."""
        return self.folder / f"kernels-{epoch:05d}.png"

    @property
    def lock(self) -> Path:
        """Held by the process that trains."""
        return self.folder.with_suffix(".lock")


def _pictures(folder: Path) -> dict[int, Path]:
    return {int(file.stem.split("-")[1]): file for file in sorted(folder.glob("kernels-*.png"))}


def looks_file(data: str) -> Path:
    """The table of what the images of a data set have been used for, beside its test sets."""
    return TEST_SETS / f"{data}.looks.csv"


def report_files() -> list[Path]:
    """What there is of the comparison's report: both forms and the figures."""
    found = [REPORT, REPORT.with_suffix(".md"), *sorted(FIGURES.glob("*"))]
    return [file for file in found if file.is_file()]


def existing(file: Path) -> Path:
    """The file itself.

    Raises:
        UserError: it is missing, so a stage before this one has not run.
    """
    if not file.is_file():
        raise UserError(f"{file} is missing; run `dvc repro`, which makes it.")
    return file


def read_text(file: Path) -> str:
    """The text in a file of ours; raises as `existing`."""
    return existing(file).read_text(encoding="utf-8")


def damaged(file: Path) -> UserError:
    """The error for a file of ours that cannot be read, or is of an earlier version that wrote less."""
    return UserError(f"{file} is damaged or was written by another version: delete it and run `dvc repro`.")


def read_json(file: Path) -> Any:
    """The values in a JSON file of ours; raises as `existing`, and if it is damaged."""
    try:
        return json.loads(read_text(file))
    except ValueError:
        raise damaged(file) from None


def write_json(file: Path, values: Any) -> None:
    """Write values as JSON, whole or not at all."""
    with replacing(file) as unfinished:
        unfinished.write_text(
            json.dumps(values, indent=1, allow_nan=False, ensure_ascii=False) + "\n", encoding="utf-8"
        )


@contextmanager
def replacing(file: Path) -> Iterator[Path]:
    """A path beside `file`, moved onto it when the block has ended well: readers never see half a file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_name(f".{os.getpid()}-{file.name}")
    try:
        yield unfinished
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """An empty folder, moved to `folder` when the block has ended well; what was there before goes.

    So does what a process left behind that was killed here.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    for left in folder.parent.glob(f".{folder.name}-*"):
        if left.name.rpartition("-")[2].isdigit() and not psutil.pid_exists(int(left.name.rpartition("-")[2])):
            shutil.rmtree(left, ignore_errors=True)
    unfinished = folder.with_name(f".{folder.name}-{os.getpid()}")
    unfinished.mkdir()
    try:
        yield unfinished
        if folder.exists():
            shutil.rmtree(folder)
        unfinished.replace(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
