"""The predictions of a baseline, fitted to the training images of each replicate like a network."""

import time
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any, NamedTuple

import numpy as np

from pipeline.arithmetic.table import BYTES
from pipeline.baselines import baseline_module
from pipeline.data.images import blocks
from pipeline.data.prepared import Prepared
from pipeline.data.splits import TEST, TRAIN, VALIDATION
from pipeline.evaluation.model_predictions import ModelPredictions
from pipeline.evaluation.predictions import Predictions
from pipeline.storage.fingerprints import code_digest, fingerprint

OUTPUT = "output"
"""The class of the images, under the name that it has as a network's output."""


class FittedBaseline(NamedTuple):
    """The predictions of a baseline, and a record of each replicate with its number and the seconds of fitting."""

    predictions: ModelPredictions
    records: list[dict[str, Any]]


def fit_baseline(name: str, prepared: Prepared) -> FittedBaseline:
    """Fit a baseline to the training images of every prepared split, and predict its test and validation images.

    The seconds of fitting include those of reading the training images.

    Raises:
        UserError: there is no such baseline.
    """
    module = baseline_module(name)
    features = np.concatenate([module.features(block) for block in blocks(prepared.pixels)])
    # Timed on the second reading of some images: the first one also compares their digests.
    timed = np.arange(min(len(features), 10_000))
    began = time.perf_counter()
    module.features(prepared.pixels[timed])
    reading = (time.perf_counter() - began) / len(timed)
    predicted = ModelPredictions({OUTPUT: {}}, {OUTPUT: {}}, {})
    records = []
    for replicate in range(len(prepared.splits)):
        train = prepared.indices(replicate, TRAIN)
        began = time.perf_counter()
        predict = module.fit(features[train], prepared.labels[train], len(prepared.classes))
        seconds = time.perf_counter() - began
        records.append({"replicate": replicate, "seconds": seconds + reading * len(train)})
        for part, by_output in ((VALIDATION, predicted.validation), (TEST, predicted.test)):
            indices = prepared.indices(replicate, part)
            began = time.perf_counter()
            probabilities = predict(features[indices])
            seconds = (time.perf_counter() - began) / max(1, len(indices))
            by_output[OUTPUT][replicate] = _predictions(prepared, indices, probabilities, trained_on=len(train))
        predicted.seconds_per_image[replicate] = seconds + reading
    return FittedBaseline(predicted, records)


def _predictions(prepared: Prepared, indices: np.ndarray, probabilities: np.ndarray, *, trained_on: int) -> Predictions:
    return Predictions(
        images=indices,
        groups=np.unique(prepared.groups, return_inverse=True)[1][indices],
        subgroups=None if prepared.subgroups is None else prepared.subgroups[indices],
        classes=np.array(prepared.classes),
        truth=prepared.labels[indices],
        probabilities=probabilities,
        trained_on=trained_on,
    )


def baseline_file(name: str, prepared: Prepared, records: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The content of baseline.json: what a trained network has in its layer table and in the record of its training.

    `fingerprint` identifies the predictions of all replicates, and `replicates` has the fingerprint of each.
    """
    module = baseline_module(name)
    size = module.size(prepared.image_shape, len(prepared.classes))
    settings = {
        "baseline": name,
        "data": prepared.manifest["digest"],
        "split": prepared.manifest["settings"]["split"],
        "versions": {package: version(package) for package in ("numpy", "scikit-learn")},
        "code": code_digest([f"pipeline.baselines.{name}", "pipeline.data.prepared"]),
    }
    splits = [prepared.manifest["replicates"][record["replicate"]]["digest"] for record in records]
    trained = np.concatenate([prepared.indices(record["replicate"], TRAIN) for record in records])
    return {
        "description": module.description(prepared.labels[trained], prepared.classes),
        "parameters": size.parameters,
        "multiply_accumulates": size.multiply_accumulates,
        "largest_activation_bytes": BYTES * size.largest_activations,
        "fingerprint": fingerprint(settings),
        "replicates": [
            {**record, "fingerprint": fingerprint({**settings, "split": split, "replicate": record["replicate"]})}
            for record, split in zip(records, splits, strict=True)
        ],
    }
