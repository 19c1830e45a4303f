"""The predictions of a model's replicates, from the outputs of their trained networks."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from pipeline.data.prepared import Prepared
from pipeline.data.splits import TEST, TRAIN, VALIDATION
from pipeline.evaluation.class_outputs import class_probabilities
from pipeline.evaluation.predictions import Predictions
from pipeline.storage.files import damaged, read_json
from pipeline.storage.folders import ResultFolder
from pipeline.training.batches import evaluation_partners
from pipeline.training.examples import Columns, Portion, portion
from pipeline.training.outputs import Outputs, read_outputs


class ModelPredictions(NamedTuple):
    """Predictions for test and for validation images by output and replicate, and the seconds per image by replicate.

    A model's first output comes first; the model is compared by that one.
    """

    test: dict[str, dict[int, Predictions]]
    validation: dict[str, dict[int, Predictions]]
    seconds_per_image: dict[int, float]

    @property
    def question(self) -> str:
        """The name of the first output."""
        return next(iter(self.test))


def read_model_predictions(
    architecture: str, results: Mapping[int, ResultFolder], prepared: Prepared
) -> ModelPredictions:
    """The predictions of each replicate for its own test and validation images, and its latency.

    Args:
        architecture: the network without weights, as Keras' JSON.
        results: finished trainings by replicate, with outputs and latency.
        prepared: images, labels and splits.

    Raises:
        UserError: a file of a result is missing or damaged, or its outputs belong to other images.
    """
    columns = Columns.of(architecture)
    predicted = ModelPredictions({name: {} for name in columns.outputs}, {name: {} for name in columns.outputs}, {})
    for replicate, result in results.items():
        parts = replicate_predictions(columns, result, prepared, replicate)
        for part, by_output in ((TEST, predicted.test), (VALIDATION, predicted.validation)):
            for name, one in parts[part].items():
                by_output[name][replicate] = one
        predicted.seconds_per_image[replicate] = read_json(result.latency, "seconds_per_image")["seconds_per_image"]
    return predicted


def replicate_predictions(
    columns: Columns, result: ResultFolder, prepared: Prepared, replicate: int
) -> dict[int, dict[str, Predictions]]:
    """The predictions of one replicate by part (`TEST` and `VALIDATION`) and output; arguments as above.

    Raises:
        UserError: the file of the outputs is missing or damaged, or they belong to other images.
    """
    outputs, predicted = read_outputs(result.outputs), {}
    for part in (TEST, VALIDATION):
        images = portion(prepared, replicate, part, columns)
        if [len(one) for one in outputs[part]] != [len(images)] * len(columns.outputs):
            raise damaged(result.outputs)
        predicted[part] = _predictions(outputs[part], images, prepared, replicate)
    return predicted


def _predictions(outputs: Outputs, images: Portion, prepared: Prepared, replicate: int) -> dict[str, Predictions]:
    """The predictions of each output, by name."""
    partners = evaluation_partners(images)
    targets = images.targets(np.arange(len(images)), partners)
    groups = np.unique(prepared.groups, return_inverse=True)[1]
    classes_by_output = images.columns.class_names(prepared.manifest).items()
    return {
        name: Predictions(
            images=images.indices,
            partners=None if partners is None else images.indices[partners],
            groups=groups[images.indices],
            subgroups=None if prepared.subgroups is None else prepared.subgroups[images.indices],
            classes=np.array(classes),
            truth=truth,
            probabilities=class_probabilities(values),
            trained_on=len(prepared.indices(replicate, TRAIN)),
        )
        for (name, classes), values, truth in zip(classes_by_output, outputs, targets, strict=True)
    }
