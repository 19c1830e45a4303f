"""Results of a study without any training: networks that are right with a given probability."""

from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from pipeline.evaluation.metrics import scores
from pipeline.evaluation.predictions import Predictions
from pipeline.statistics.analysis import analyse
from pipeline.studies.digit_protocol import FOLDS, MARGIN, Choice, Measured
from pipeline.studies.trainings import Trained

DIGITS, CLASSES, EPOCHS = 1000, 10, 4


def measured_networks(networks, accuracies, *, fields=None, replicates=10):
    """A `Measured` of these networks, with the accuracy of each by label."""
    choices, trained = {}, {}
    for number, network in enumerate(networks):
        several = len(network.rates) > 1
        tried = {rate: 0.5 + 0.01 * place for place, rate in enumerate(network.rates)} if several else {}
        choices[network.label] = Choice(tried, network.rates[-1])
        trained[network.label] = _trained(network.label, accuracies[network.label], number, fields, replicates)
    predictions = {label: one.predictions for label, one in trained.items()}
    manifest = {"name": "digits", "images": DIGITS, "image_shape": [8, 8, 1]}
    return Measured(
        manifest, choices, trained, analyse("accuracy", predictions, margin=MARGIN, folds=FOLDS, drawings=50)
    )


def _trained(label, accuracy, number, fields, replicates):
    predictions = tuple(_predictions(accuracy, number, replicate) for replicate in range(replicates))
    epochs = [{"train/accuracy": accuracy, "val/accuracy": accuracy - 0.1 / (epoch + 1)} for epoch in range(EPOCHS)]
    field = (fields or {}).get(label, 4)
    return Trained(
        label=label,
        tasks=tuple(SimpleNamespace(replicate=one, result=SimpleNamespace(epochs=epochs)) for one in range(replicates)),
        prepared=Path("prepared"),
        predictions=predictions,
        scores=tuple(_scores(accuracy, number, replicate) for replicate in range(replicates)),
        validation=(),
        seconds=(1.0,) * replicates,
        parameters=10_000 + number,
        multiply_accumulates=1_000_000,
        receptive_field=(field, field),
    )


@cache
def _scores(accuracy, number, replicate):
    predicted = _predictions(accuracy, number, replicate)
    return dict(scores(predicted.truth, predicted.probabilities))


@cache
def _predictions(accuracy, number, replicate):
    images = np.arange(replicate % FOLDS, DIGITS, FOLDS)
    random = np.random.default_rng([number, replicate])
    truth = images % CLASSES
    predicted = np.where(random.random(len(images)) < accuracy, truth, (truth + 1) % CLASSES)
    return Predictions(
        images=images,
        groups=images,
        classes=np.array([str(digit) for digit in range(CLASSES)]),
        truth=truth,
        probabilities=np.eye(CLASSES)[predicted] * 0.9 + 0.01,
        trained_on=450,
    )
