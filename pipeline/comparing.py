"""From the run folders of a comparison to the values of its report."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from pipeline.provenance import commit, dirty, versions
from pipeline.reporting.values import Comparison, DataSummary, ModelResult
from pipeline.runs import RunFolder, read_json

SPLITS_IN_WORDS = {
    "group": "one test set of whole groups; training and validation are drawn anew, by group, for each replicate",
    "random": "one test set drawn image by image, so that neighbours of test images are trained on; training and "
    "validation are drawn anew for each replicate",
    "resampled": "a test set of whole groups for each replicate, so settings tuned on these data have seen it",
    "kfold": "each replicate tests on another fold of whole groups, so settings tuned on these data have seen it",
}

OTHER_QUESTIONS = {
    "same": "whether two images show the same class",
    "subgroup": "the subgroup of an image",
}
"""What a network's first output says, by its name, where that is not the class of an image."""


def compared(
    models: Sequence[str], manifest: Mapping[str, Any], *, primary_metric: str, tracking_link: str | None
) -> Comparison:
    """The comparison of the named models, whatever else lies among the runs.

    Raises:
        UserError: a model has not been evaluated.
    """
    runs = {model: RunFolder.of(model) for model in models}
    results = tuple(_result(model, run) for model, run in runs.items())
    return Comparison(
        data=_data(manifest),
        models=results,
        primary_metric=primary_metric,
        replicates=len(next(iter(results[0].scores.values()))),
        commit=commit(),
        dirty=dirty(),
        data_digest=manifest["digest"],
        versions=versions(),
        tracking_link=tracking_link,
        mistakes={model: run.mistakes.read_bytes() for model, run in runs.items() if run.mistakes.is_file()},
    )


def _result(model: str, run: RunFolder) -> ModelResult:
    network, evaluated = read_json(run.layers), read_json(run.scores)
    replicates = evaluated["replicates"]
    names = [name for name in replicates[0]["scores"] if all(name in one["scores"] for one in replicates)]
    field = network["receptive_field"]
    return ModelResult(
        name=model,
        architecture=network["architecture"],
        parameters=network["parameters"],
        multiply_accumulates=network["multiply_accumulates"],
        receptive_field=tuple(field) if field else None,
        scores={name: tuple(one["scores"][name] for one in replicates) for name in names},
        train_seconds=tuple(one["train_seconds"] for one in replicates),
        seconds_per_image=tuple(one["seconds_per_image"] for one in replicates),
        history=pd.read_csv(run.history),
        classes=tuple(evaluated["classes"]),
        question=OTHER_QUESTIONS.get(evaluated["question"]),
        confusion=np.array(evaluated["confusion"]),
    )


def _data(manifest: Mapping[str, Any]) -> DataSummary:
    height, width, channels = manifest["image_shape"]
    return DataSummary(
        name=manifest["name"],
        source=manifest["source"],
        licence=manifest["licence"],
        attribution=manifest["attribution"],
        notes=tuple(manifest["notes"]),
        classes=tuple(manifest["classes"]),
        image_shape=(height, width, channels),
        images=manifest["images"],
        counts=manifest["replicates"][0]["counts"],
        split_strategy=SPLITS_IN_WORDS[manifest["settings"]["split"]["strategy"]],
        largest_deviation=max(
            part["deviation"] for replicate in manifest["replicates"] for part in replicate["balance"].values()
        ),
    )
