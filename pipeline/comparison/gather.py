"""From the run folders of a comparison to the values of its report."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from pipeline.config.reading import flattened
from pipeline.data.looks import evaluated, read_looks, tuned
from pipeline.data.splits import OWN_TESTS
from pipeline.evaluation import classification_curves
from pipeline.evaluation.predictions import Predictions, read_predictions
from pipeline.evaluation.scoring import subgroup_scores
from pipeline.reporting.content import Comparison, DataSummary, ModelResult, Reuse
from pipeline.statistics.analysis import analyse
from pipeline.storage.files import damaged, read_json
from pipeline.storage.folders import RunFolder, looks_file
from pipeline.storage.provenance import commit, dirty, versions

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
    models: Sequence[str],
    manifest: Mapping[str, Any],
    *,
    test_set: str,
    primary_metric: str,
    margin: float,
    tracking_link: str | None,
) -> Comparison:
    """The comparison of the named models, whatever else lies among the runs; `test_set` is the test images' digest.

    Raises:
        UserError: a model has not been evaluated.
    """
    runs = {model: RunFolder.of(model) for model in models}
    answers = {model: _answers(run) for model, run in runs.items()}
    results = tuple(_result(model, run, answers[model]) for model, run in runs.items())
    looks = read_looks(looks_file(manifest["name"]))
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
        certainty=analyse(
            primary_metric,
            {one.name: list(answers[one.name].values()) for one in results if one.question is None},
            margin=margin,
        ),
        reuse=Reuse(
            evaluated=evaluated(looks, test_set),
            tuned=tuned(looks, test_set, redrawn=manifest["settings"]["split"]["strategy"] in OWN_TESTS),
        ),
        mistakes={model: run.mistakes.read_bytes() for model, run in runs.items() if run.mistakes.is_file()},
    )


def _answers(run: RunFolder) -> dict[int, Predictions]:
    """What the replicates of a model answered to the question that it is compared by."""
    first, *_ = read_predictions(run.predictions).values()
    return first


def _result(model: str, run: RunFolder, answers: Mapping[int, Predictions]) -> ModelResult:
    network, trained, evaluated = read_json(run.layers), read_json(run.replicates), read_json(run.scores)
    replicates = evaluated["replicates"]
    if any("validation" not in one for one in replicates) or len(replicates) != len(answers):
        raise damaged(run.scores)
    field = network["receptive_field"]
    return ModelResult(
        name=model,
        architecture=network["architecture"],
        parameters=network["parameters"],
        multiply_accumulates=network["multiply_accumulates"],
        receptive_field=tuple(field) if field else None,
        uncounted=tuple(network["uncounted"]),
        scores=_by_metric([one["scores"] for one in replicates]),
        validation=_by_metric([one["validation"] for one in replicates]),
        subgroups={
            subgroup: _by_metric(list(scores.values())) for subgroup, scores in subgroup_scores(answers).items()
        },
        calibration=classification_curves.calibration(
            np.concatenate([said.truth for said in answers.values()]),
            np.concatenate([said.probabilities for said in answers.values()]),
        ),
        train_seconds=tuple(one["train_seconds"] for one in replicates),
        seconds_per_image=tuple(one["seconds_per_image"] for one in replicates),
        history=pd.read_csv(run.history),
        classes=tuple(evaluated["classes"]),
        question=OTHER_QUESTIONS.get(evaluated["question"]),
        confusion=np.array(evaluated["confusion"]),
        configuration=dict(flattened(trained["configuration"])),
        fingerprint=trained["model_fingerprint"],
        commit=trained["replicates"][0]["commit"],
        disk_bytes=sum(file.stat().st_size for file in run.folder.rglob("*") if file.is_file()),
    )


def _by_metric(scores: Sequence[Mapping[str, float]]) -> dict[str, tuple[float, ...]]:
    """One value for each replicate of every metric that all of them have."""
    names = [name for name in scores[0] if all(name in one for one in scores)]
    return {name: tuple(one[name] for one in scores) for name in names}


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
