"""From a model's trained replicates to its test predictions, scores and pictures."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pipeline.data.prepared import Prepared
from pipeline.data.splits import TEST, TRAIN, VALIDATION
from pipeline.evaluation import metrics, rates
from pipeline.evaluation.predict import predict, seconds_per_image, trained_network
from pipeline.evaluation.predictions import Answers
from pipeline.reporting.figures.captioned_images import captioned_images, captioned_images_figure
from pipeline.reporting.figures.rate_curves import precision_recall_figure, roc_figure
from pipeline.reporting.figures.reliability import reliability_figure
from pipeline.reporting.figures.style import line_styles, png_bytes, svg_text
from pipeline.reporting.text.quantities import share
from pipeline.storage.folders import ResultFolder
from pipeline.training.batches import evaluation_partners
from pipeline.training.examples import Columns, Portion, portion


class Asked(NamedTuple):
    """The answers to test and to validation images, by output and replicate, and the seconds a test image took."""

    test: dict[str, dict[int, Answers]]
    validation: dict[str, dict[int, Answers]]
    seconds_per_image: dict[int, float]


def ask(
    architecture: str, results: Mapping[int, ResultFolder], prepared: Prepared, *, batch_size: int, repeats: int
) -> Asked:
    """Ask every replicate about its own test and validation images; a model's first output is first."""
    columns = Columns.of(architecture)
    asked = Asked({name: {} for name in columns.outputs}, {name: {} for name in columns.outputs}, {})
    for replicate, result in results.items():
        network = trained_network(architecture, result)
        for part, answers in ((TEST, asked.test), (VALIDATION, asked.validation)):
            shown = portion(prepared, replicate, part, columns)
            for name, said in _answers(network, shown, prepared, replicate, batch_size).items():
                answers[name][replicate] = said
        tested = portion(prepared, replicate, TEST, columns)
        asked.seconds_per_image[replicate] = seconds_per_image(network, tested, batch_size=batch_size, repeats=repeats)
    return asked


def _answers(network: Any, shown: Portion, prepared: Prepared, replicate: int, batch_size: int) -> dict[str, Answers]:
    outputs = predict(network, shown, batch_size=batch_size)
    partners = evaluation_partners(shown)
    targets = shown.targets(np.arange(len(shown)), partners)
    groups = np.unique(prepared.groups, return_inverse=True)[1]
    answered = shown.columns.answers(prepared.manifest).items()
    return {
        name: Answers(
            images=shown.indices,
            partners=None if partners is None else shown.indices[partners],
            groups=groups[shown.indices],
            subgroups=None if prepared.subgroups is None else prepared.subgroups[shown.indices],
            classes=np.array(classes),
            truth=truth,
            probabilities=metrics.class_probabilities(values),
            trained_on=len(prepared.indices(replicate, TRAIN)),
        )
        for (name, classes), values, truth in zip(answered, outputs, targets, strict=True)
    }


def score(answers: Mapping[str, Mapping[int, Answers]]) -> dict[int, dict[str, float]]:
    """The metrics of each replicate; those of further outputs are named after them, as in `subgroup/accuracy`."""
    first, *_ = answers
    by_replicate: dict[int, dict[str, float]] = {number: {} for number in answers[first]}
    for output, said in answers.items():
        prefix = "" if output == first else f"{output}/"
        for number, one in said.items():
            by_replicate[number] |= {
                f"{prefix}{name}": value for name, value in metrics.scores(one.truth, one.probabilities)
            }
    return by_replicate


def confusion(answers: Mapping[int, Answers]) -> list[list[int]]:
    """The confusion counts of one output, summed over replicates."""
    counts = [metrics.confusion(said.truth, said.probabilities) for said in answers.values()]
    summed: list[list[int]] = np.sum(counts, axis=0).tolist()
    return summed


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


def class_table(answers: Mapping[int, Answers]) -> pd.DataFrame:
    """True (`actual`) and predicted class by name, one row for each test image of each replicate."""
    tables = [
        pd.DataFrame(
            {
                "actual": said.classes[said.truth],
                "predicted": said.classes[said.probabilities.argmax(axis=1)],
            }
        )
        for said in answers.values()
    ]
    return pd.concat(tables)


def curve_pictures(answers: Mapping[int, Answers]) -> dict[str, str]:
    """ROC, precision–recall and calibration as SVG texts by name, one curve for each replicate."""
    labelled = {f"replicate {number + 1}": said for number, said in answers.items()}
    style = line_styles(list(labelled))
    pictures = {
        "calibration": reliability_figure(
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
    """The test images that the replicates, on average, get wrong with the most confidence, PNG; None without any.

    Two images of a pair stand side by side.
    """
    said = np.concatenate([one.probabilities for one in answers.values()])
    tested = np.concatenate(
        [np.stack([one.images] if one.partners is None else [one.images, one.partners]).T for one in answers.values()]
    )
    shown, first, position = np.unique(tested, axis=0, return_index=True, return_inverse=True)
    mean = np.zeros((len(shown), said.shape[1]))
    np.add.at(mean, position, said)
    mean /= np.bincount(position)[:, np.newaxis]
    truth = np.concatenate([one.truth for one in answers.values()])[first]
    worst = metrics.worst_mistakes(truth, mean, count)
    if not len(worst):
        return None
    classes = next(iter(answers.values())).classes
    captions = [
        f"{' and '.join(Path(prepared.names[image]).name for image in shown[one])}: {classes[truth[one]]}, "
        f"taken for {classes[mean[one].argmax()]} ({share(mean[one].max())})"
        for one in worst
    ]
    pixels = np.concatenate([prepared.pixels[images_shown] for images_shown in shown[worst].T], axis=2)
    return png_bytes(captioned_images_figure(captioned_images(pixels, captions, prepared.manifest["attribution"])))
