"""The folders and files of a run; nothing else knows how these files are named."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path

from pipeline.storage.files import existing

PREPARED = Path("data/prepared")
TEST_SETS = Path("data/test_sets")
RUNS = Path("runs")
REPORTS = Path("reports")
REPORT = REPORTS / "comparison.html"
"""The comparison's report; beside it the same in Markdown, whose figures lie in `FIGURES`."""
FIGURES = REPORTS / "comparison"
CACHE = Path(".convtrack")


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
