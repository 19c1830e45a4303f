"""From a model's trained replicates to its test predictions, scores and pictures."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.data.prepared import Prepared
from pipeline.data.splits import TEST
from pipeline.evaluation import metrics, rates
from pipeline.prediction import predict, trained_network
from pipeline.reporting import images
from pipeline.reporting.figures import looks, png_bytes, svg_text
from pipeline.reporting.quantities import share
from pipeline.reporting.rates import calibration_figure, precision_recall_figure, roc_figure
from pipeline.runs import ResultFolder

PARTS = ("images", "truth", "probabilities")
"""The arrays of an `Answers`, as the predictions file names them."""


@dataclass(frozen=True)
class Answers:
    """What one replicate says of its test images: which they are (n,), truth (n,), probabilities (n, classes)."""

    images: npt.NDArray[np.int64]
    truth: npt.NDArray[np.int64]
    probabilities: npt.NDArray[np.float64]
    seconds_per_image: float


def ask(
    architecture: str, results: Mapping[int, ResultFolder], prepared: Prepared, *, batch_size: int, repeats: int
) -> dict[int, Answers]:
    """The answers of every replicate to its own test set."""
    answers = {}
    for replicate, result in results.items():
        network = trained_network(architecture, result)
        outputs, seconds = predict(network, prepared, replicate, TEST, batch_size=batch_size, repeats=repeats)
        tested = prepared.indices(replicate, TEST)
        probabilities = metrics.class_probabilities(outputs)
        answers[replicate] = Answers(tested, prepared.labels[tested], probabilities, seconds)
    return answers


def score(answers: Mapping[int, Answers]) -> tuple[dict[int, dict[str, float]], list[list[int]]]:
    """The metrics of each replicate, and the confusion counts summed over replicates."""
    by_replicate = {number: dict(metrics.scores(said.truth, said.probabilities)) for number, said in answers.items()}
    counts = sum(metrics.confusion(said.truth, said.probabilities) for said in answers.values())
    return by_replicate, np.asarray(counts).tolist()


def spreads(by_replicate: Mapping[int, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Mean and standard deviation over replicates of every metric that all of them have; one has no deviation."""
    values = list(by_replicate.values())
    table = {name: [one[name] for one in values] for name in values[0] if all(name in one for one in values)}
    return {
        name: {
            "mean": float(np.mean(column)),
            **({"deviation": float(np.std(column, ddof=1))} if len(column) > 1 else {}),
        }
        for name, column in table.items()
    }


def class_table(answers: Mapping[int, Answers], prepared: Prepared) -> pd.DataFrame:
    """True (`actual`) and predicted class by name, one row for each test image of each replicate."""
    truth = np.concatenate([said.truth for said in answers.values()])
    predicted = np.concatenate([said.probabilities.argmax(axis=1) for said in answers.values()])
    classes = np.array(prepared.classes)
    return pd.DataFrame({"actual": classes[truth], "predicted": classes[predicted]})


def curve_pictures(answers: Mapping[int, Answers]) -> dict[str, str]:
    """ROC, precision–recall and calibration as SVG texts by name, one curve for each replicate."""
    labelled = {f"replicate {number + 1}": said for number, said in answers.items()}
    style = looks(list(labelled))
    pictures = {
        "calibration": calibration_figure(
            {name: rates.calibration(said.truth, said.probabilities) for name, said in labelled.items()}, style
        )
    }
    if all(len(np.unique(said.truth)) > 1 for said in answers.values()):
        pictures["roc"] = roc_figure(
            {name: rates.roc(said.truth, said.probabilities) for name, said in labelled.items()}, style
        )
        pictures["precision_recall"] = precision_recall_figure(
            {name: rates.precision_recall(said.truth, said.probabilities) for name, said in labelled.items()}, style
        )
    return {name: svg_text(figure) for name, figure in pictures.items()}


def mistakes_picture(answers: Mapping[int, Answers], prepared: Prepared, count: int) -> bytes | None:
    """The test images that the replicates, on average, get wrong with the most confidence, PNG; None without any."""
    tested = np.concatenate([said.images for said in answers.values()])
    said = np.concatenate([said.probabilities for said in answers.values()])
    shown, position, times = np.unique(tested, return_inverse=True, return_counts=True)
    mean = np.zeros((len(shown), said.shape[1]))
    np.add.at(mean, position, said)
    mean /= times[:, np.newaxis]
    truth = prepared.labels[shown]
    worst = metrics.worst_mistakes(truth, mean, count)
    if not len(worst):
        return None
    captions = [
        f"{Path(prepared.names[shown[one]]).name}: {prepared.classes[truth[one]]}, "
        f"taken for {prepared.classes[mean[one].argmax()]} ({share(mean[one].max())})"
        for one in worst
    ]
    figure = images.mistakes(prepared.pixels[shown[worst]], captions, prepared.manifest["attribution"])
    return png_bytes(figure)
