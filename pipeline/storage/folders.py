"""The folders and files of a run: the only place that names them."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

from pipeline.storage.digests import DIGESTS, changed, intact
from pipeline.storage.files import damaged, existing
from pipeline.storage.home import home

PREPARED = Path("data/prepared")
AUDIT = Path("data/audit.json")
"""What the audit found in the images of the comparison."""
WATCHED = Path("data/watched.yaml")
"""The paths of the user's images, which `dvc.yaml` reads."""
TEST_SETS = Path("data/test_sets")
PLAN = Path("plan")
"""How many replicates each model gets. With `replicates: auto` it also holds the state of the search for verdicts."""
SEARCH = PLAN / "search.json"
NETWORKS = Path("networks")
RUNS = Path("runs")
INTERPRETATION = Path("interpretation")
"""What the networks of the comparison have learned and how they react to shifts: a folder per model."""
REPORTS = Path("reports")
REPORT = REPORTS / "comparison.html"
"""The HTML report of the comparison. The Markdown report is next to it, and its figures are in `FIGURES`."""
FIGURES = REPORTS / "comparison"
AUDIT_PAGE = REPORTS / "audit.html"
CHOICE = REPORTS / "champion.json"
"""Which network the report chooses as the champion, and why."""
CARD = REPORTS / "model_card.html"
"""The model card of the champion. The Markdown form is next to it, and its figures are in `CARD_FIGURES`."""
CARD_FIGURES = REPORTS / "model_card"
CHAMPION = Path("champion")
"""The champion as a packaged network."""
CACHE_NAME = ".convtrack"
UNCOMMITTED = "uncommitted.patch"
"""The name of the file, and of the artifact in MLflow, with the uncommitted changes of the code of a result."""


def cache_folder() -> Path:
    """Return the folder of the cache, in the project's home: checkpoints, results and others, by fingerprint."""
    return home() / CACHE_NAME


@dataclass(frozen=True)
class RunFolder:
    """The files of one model of the comparison.

    `network` is the folder that the stage `build` writes. In `folder`, the stages `train` and `evaluate` each own the
    folder of their name. A baseline has no network and is not trained; its stage `baseline` writes the folder
    `evaluate`.
    """

    folder: Path
    network: Path

    @classmethod
    def of(cls, model: str) -> "RunFolder":
        """Return the folders of the model with this name."""
        return cls(RUNS / model, NETWORKS / model)

    @property
    def train(self) -> Path:
        """The output folder of the stage `train`."""
        return self.folder / "train"

    @property
    def evaluate(self) -> Path:
        """The output folder of the stage `evaluate`."""
        return self.folder / "evaluate"

    @property
    def architecture(self) -> Path:
        """The network without weights, as Keras' JSON."""
        return self.network / "architecture.json"

    @property
    def initial_weights(self) -> Path:
        """The initial weights of all replicates, npz; missing if they are random."""
        return self.network / "initial_weights.npz"

    @property
    def layers(self) -> Path:
        """The layer table, JSON."""
        return self.network / "layers.json"

    @property
    def drawing(self) -> Path:
        """The network as a picture."""
        return self.network / "network.svg"

    @property
    def replicates(self) -> Path:
        """The record of each trained replicate and their common configuration, JSON."""
        return self.train / "replicates.json"

    @property
    def history(self) -> Path:
        """Losses and metrics by replicate and epoch, CSV."""
        return self.train / "history.csv"

    @property
    def learning_curve(self) -> Path:
        """The history's mean over replicates by epoch, CSV, for `dvc plots`."""
        return self.folder / "learning_curve.csv"

    @property
    def augmented(self) -> Path:
        """A picture of training images and their random changes; missing without augmentation."""
        return self.train / "augmentation.png"

    def result(self, replicate: int) -> "ResultFolder":
        """Return the result folder of the replicate with this number."""
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
        """Targets and predictions of every replicate on its test images, by output, npz."""
        return self.evaluate / "predictions.npz"

    @property
    def baseline(self) -> Path:
        """Size and fingerprints of a baseline, JSON; missing if the model is a network."""
        return self.evaluate / "baseline.json"

    @property
    def baseline_patch(self) -> Path:
        """The uncommitted changes of the code that fitted a baseline; missing without any."""
        return self.evaluate / UNCOMMITTED

    @property
    def mistakes(self) -> Path:
        """A picture of the most confident mistakes."""
        return self.evaluate / "mistakes.png"

    def curve(self, name: str) -> Path:
        """Return the picture of a curve of the evaluation, such as `roc`."""
        return self.evaluate / f"{name}.svg"


@dataclass(frozen=True)
class InterpretationFolder:
    """What a trained network has learned: measurements and pictures of one model."""

    folder: Path

    @classmethod
    def of(cls, model: str) -> "InterpretationFolder":
        """Return the folder of the model with this name."""
        return cls(INTERPRETATION / model)

    @property
    def record(self) -> Path:
        """The digest of everything that determines the contents, the seconds that they took and their sizes, JSON."""
        return self.folder / "record.json"

    @property
    def shifts(self) -> Path:
        """How the network reacts to shifts and rotations, JSON (`pipeline.interpretation.shift_scores`)."""
        return self.folder / "shifts.json"

    @property
    def pictures(self) -> list[Path]:
        """Pictures of what the network has learned, in their order."""
        return sorted(self.folder.glob("*.png"))

    def sizes(self) -> dict[str, int]:
        """The size of each file of contents in bytes."""
        files = (file for file in sorted(self.folder.iterdir()) if file.name not in (self.record.name, DIGESTS))
        return {file.name: file.stat().st_size for file in files}

    def complete_digest(self) -> str | None:
        """The digest of the contents; None if the files are not those that the record lists."""
        try:
            record = json.loads(self.record.read_text(encoding="utf-8"))
            return str(record["digest"]) if record["sizes"] == self.sizes() and intact(self.folder) else None
        except (OSError, ValueError, KeyError, TypeError):
            return None


@dataclass(frozen=True)
class ResultFolder:
    """One finished training: kept weights, history and record, under its fingerprint or in a run folder."""

    folder: Path

    @classmethod
    def stored(cls, fingerprint: str) -> "ResultFolder":
        """Return the folder of a finished training, outside DVC, which deletes outputs before a stage runs."""
        return cls(cache_folder() / "results" / fingerprint)

    @property
    def weights(self) -> Path:
        """The kept weights, in Keras' HDF5 format."""
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
    def outputs(self) -> Path:
        """The network's outputs for its test and validation images, npz (`pipeline.training.outputs`)."""
        return self.folder / "outputs.npz"

    @property
    def latency(self) -> Path:
        """The seconds per image of a prediction, JSON."""
        return self.folder / "latency.json"

    @property
    def network(self) -> Path:
        """The network with its standardisation, from grey levels to probabilities, in Keras' format.

        Only the best replicate of a model has one.
        """
        return self.folder / "network.keras"

    @property
    def patch(self) -> Path:
        """The uncommitted changes of the code that trained the network; missing without any (`storage.provenance`)."""
        return self.folder / UNCOMMITTED

    @property
    def epochs(self) -> list[dict[str, float]]:
        """Losses and metrics as one mapping per epoch.

        Raises:
            UserError: the file is missing or damaged.
        """
        try:
            with existing(self.history).open(encoding="utf-8", newline="") as stream:
                rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(stream)]
        except (ValueError, TypeError, csv.Error):
            raise damaged(self.history) from None
        return [{name: value for name, value in row.items() if name != "epoch"} for row in rows]

    @property
    def finished(self) -> bool:
        """Whether the result is complete and unchanged: a result that a power failure truncated is trained again."""
        try:
            sizes = json.loads(self.record.read_text(encoding="utf-8"))["sizes"]
            return all((self.folder / name).stat().st_size == size for name, size in sizes.items()) and not any(
                map(changed, (self.record, self.weights, self.history))
            )
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            return False

    @property
    def predicted(self) -> bool:
        """Whether the result is complete and has outputs; a trial of a sweep has none."""
        return self.finished and _intact(self.outputs)

    @property
    def timed(self) -> bool:
        """Whether the result has a readable latency."""
        try:
            seconds = json.loads(self.latency.read_text(encoding="utf-8"))["seconds_per_image"]
            return bool(seconds > 0) and changed(self.latency) is None
        except (OSError, ValueError, TypeError, KeyError):
            return False

    @property
    def exported(self) -> bool:
        """Whether the result has a network with its standardisation."""
        return _intact(self.network)

    @property
    def pictures(self) -> dict[int, Path]:
        """Pictures of the first layer's kernels by epoch."""
        return _by_epoch(self.folder, "kernels")

    @property
    def snapshots(self) -> "SnapshotFolder":
        """Snapshots of the training; the folder is missing if they were switched off."""
        return SnapshotFolder(self.folder / "snapshots")


@dataclass(frozen=True)
class CheckpointFolder:
    """An unfinished training, under its fingerprint."""

    folder: Path

    @classmethod
    def of(cls, fingerprint: str) -> "CheckpointFolder":
        """Return the checkpoint folder of the training with this fingerprint."""
        return cls(cache_folder() / "checkpoints" / fingerprint)

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
        """Pictures of the first layer's kernels by epoch, up to now."""
        return _by_epoch(self.folder, "kernels")

    def picture(self, epoch: int) -> Path:
        """Return the picture of the first layer's kernels after `epoch` epochs."""
        return self.folder / f"kernels-{epoch:05d}.png"

    @property
    def snapshots(self) -> "SnapshotFolder":
        """Snapshots of the training up to now."""
        return SnapshotFolder(self.folder / "snapshots")

    @property
    def readable(self) -> bool:
        """Whether there is a state to resume from, and its files agree with their checksums."""
        return _intact(self.state) and _intact(self.best)

    @property
    def lock(self) -> Path:
        """The lock file of the process that trains."""
        return self.folder.with_suffix(".lock")


@dataclass(frozen=True)
class SnapshotFolder:
    """What `convtrack watch` shows of a training besides its history."""

    folder: Path

    @property
    def training(self) -> Path:
        """What is trained, and by which process, JSON (`pipeline.training.snapshots`)."""
        return self.folder / "training.json"

    @property
    def predictions(self) -> Path:
        """Predictions for a few validation images by epoch, JSON; missing for all but the first replicate."""
        return self.folder / "predictions.json"

    def image(self, number: int) -> Path:
        """Return one of these validation images as a picture; the first is the one whose feature maps are shown."""
        return self.folder / f"image-{number}.png"

    def kernels(self, epoch: int) -> Path:
        """Return the picture of the first layer's kernels after `epoch` epochs; missing without kernels."""
        return self.folder / f"kernels-{epoch:05d}.png"

    def maps(self, epoch: int) -> Path:
        """Return the picture of the feature maps after `epoch` epochs; missing for a network without maps."""
        return self.folder / f"maps-{epoch:05d}.png"

    @property
    def pictured_maps(self) -> dict[int, Path]:
        """Pictures of the feature maps after the epochs of which there also is a picture of the kernels."""
        files = _by_epoch(self.folder, "maps")
        return {epoch: file for epoch, file in files.items() if is_pictured(epoch, last=epoch == max(files))}


def _intact(archive: Path) -> bool:
    """Whether a zip archive exists and its contents agree with their checksums."""
    try:
        with ZipFile(archive) as opened:
            return opened.testzip() is None and changed(archive) is None
    except Exception:  # Damaged archives raise nearly any exception, from NotImplementedError to zlib.error.
        return False


def is_pictured(epoch: int, *, last: bool) -> bool:
    """Whether MLflow gets pictures after `epoch` epochs: before training, after 1, 2, 4, 8 … epochs and the last.

    >>> [epoch for epoch in range(12) if is_pictured(epoch, last=epoch == 11)]
    [0, 1, 2, 4, 8, 11]
    """
    return epoch & (epoch - 1) == 0 or last


def _by_epoch(folder: Path, name: str) -> dict[int, Path]:
    return {int(file.stem.split("-")[1]): file for file in sorted(folder.glob(f"{name}-*.png"))}


def planned_file(model: str) -> Path:
    """Return the file with the number of replicates that a model gets."""
    return PLAN / "models" / f"{model}.json"


def looks_file(data: str) -> Path:
    """Return the table of looks at the images of a data set (`pipeline.data.looks`)."""
    return TEST_SETS / f"{data}.looks.csv"


def report_files() -> list[Path]:
    """Return the existing files of the comparison's report: HTML, Markdown and figures."""
    found = [REPORT, AUDIT_PAGE, REPORT.with_suffix(".md"), *sorted(FIGURES.glob("*"))]
    return [file for file in found if file.is_file()]
