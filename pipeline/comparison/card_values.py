"""Gather the values of the model card of a packaged network."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.comparison.gather import data_summary
from pipeline.config.reading import flattened
from pipeline.data.audit.findings_file import read_findings
from pipeline.data.prepared import Prepared
from pipeline.data.splits import TRAIN
from pipeline.deployment.calibration import tempered
from pipeline.deployment.changed_pictures import accuracies, spread_out
from pipeline.deployment.picture_model import PictureModel
from pipeline.deployment.runtimes import KERAS_FILE, LITERT_FILE
from pipeline.deployment.scored_images import Answered, unseen_images
from pipeline.evaluation import metrics
from pipeline.evaluation.classification_curves import calibration
from pipeline.evaluation.predictions import Predictions
from pipeline.reporting.card.card_content import Effort, HeldOut, ModelCard, Subgroup
from pipeline.reporting.costs import DECISIVE
from pipeline.statistics.analysis import score_of_one
from pipeline.statistics.class_scores import class_scores
from pipeline.storage.files import read_json
from pipeline.storage.folders import AUDIT, RunFolder
from pipeline.storage.provenance import versions


def gather_card(
    choice: Any, packaged: Path, prepared: Prepared, answered: Mapping[str, Answered], *, models: Sequence[str]
) -> ModelCard:
    """Gather the values, and measure the packaged network.

    Args:
        choice: the contents of the file that names the champion.
        packaged: the folder of the packaged network.
        prepared: the images.
        answered: its predictions for validation and test images that it was not trained on.
        models: the networks of the comparison.

    Raises:
        UserError: a file is missing or damaged.
    """
    model = PictureModel.load(packaged)
    run = RunFolder.of(choice["model"])
    trained = read_json(run.replicates, "configuration", "model_fingerprint", "replicates")
    records = [trained["replicates"][replicate] for replicate in choice["replicates"]]
    network = read_json(run.layers, "architecture", "parameters", DECISIVE.key)
    counts = prepared.manifest["replicates"][choice["replicates"][0]]["counts"]
    return ModelCard(
        data=replace(data_summary(prepared.manifest), counts=counts),
        choice=choice,
        settings=model.settings,
        architecture=network["architecture"],
        parameters=network["parameters"],
        multiply_accumulates=network[DECISIVE.key],
        configuration=dict(flattened(trained["configuration"])),
        fingerprint=trained["model_fingerprint"],
        commit=records[0]["commit"],
        dirty=any(record["dirty"] for record in records),
        files={name: (packaged / name).stat().st_size for name in _networks(packaged)},
        held_out=_held_out(model, prepared, answered, choice["metric"]),
        findings=read_findings(AUDIT) if AUDIT.is_file() else None,
        effort=_effort(models, choice["model"]),
        versions=versions(),
        data_digest=prepared.manifest["digest"],
    )


def _networks(packaged: Path) -> list[str]:
    return [name for name in (LITERT_FILE, KERAS_FILE) if (packaged / name).is_file()]


def _held_out(model: PictureModel, prepared: Prepared, answered: Mapping[str, Answered], metric: str) -> HeldOut | None:
    """The scores on the test images; without any, on the validation images."""
    part = "test" if len(answered["test"].images) else "validation"
    scored = answered[part]
    if not len(scored.images):
        return None
    predicted = _predictions(model, prepared, scored)
    sample = spread_out(np.intersect1d(scored.images, unseen_images(prepared, model.settings["replicates"])))
    return HeldOut(
        part=part,
        images=len(scored.images),
        members=scored.members,
        groups=len(np.unique(predicted.groups)),
        score=score_of_one(metric, predicted),
        scores=dict(metrics.scores(predicted.truth, predicted.probabilities)),
        classes=class_scores([predicted]),
        subgroups=_subgroups(metric, predicted),
        confusion=metrics.confusion(predicted.truth, predicted.probabilities),
        uncalibrated=calibration(predicted.truth, predicted.probabilities),
        calibrated=calibration(predicted.truth, tempered(predicted.probabilities, model.settings["temperature"])),
        changes=tuple(accuracies(model.probabilities, np.asarray(prepared.pixels[sample]), prepared.labels[sample]))
        if len(sample)
        else (),
        changed_images=len(sample),
    )


def _predictions(model: PictureModel, prepared: Prepared, scored: Answered) -> Predictions:
    chosen = scored.images
    return Predictions(
        images=chosen,
        groups=np.unique(prepared.groups[chosen], return_inverse=True)[1],
        classes=np.array(prepared.classes),
        truth=scored.truth,
        probabilities=scored.probabilities,
        trained_on=int((prepared.splits[model.settings["replicates"][0]] == TRAIN).sum()),
        subgroups=None if prepared.subgroups is None else prepared.subgroups[chosen],
    )


def _subgroups(metric: str, predicted: Predictions) -> tuple[Subgroup, ...]:
    if predicted.subgroups is None:
        return ()
    found = []
    for name in np.unique(predicted.subgroups).tolist():
        chosen = predicted.subgroups == name
        own = replace(
            predicted,
            images=predicted.images[chosen],
            groups=predicted.groups[chosen],
            truth=predicted.truth[chosen],
            probabilities=predicted.probabilities[chosen],
            subgroups=predicted.subgroups[chosen],
        )
        found.append(Subgroup(name, score_of_one(metric, own), int(chosen.sum())))
    return tuple(found)


def _effort(models: Sequence[str], champion: str) -> Effort:
    seconds = {
        model: [one["train_seconds"] for one in read_json(RunFolder.of(model).scores, "replicates")["replicates"]]
        for model in models
    }
    return Effort(
        networks=len(models),
        trainings=sum(map(len, seconds.values())),
        seconds=sum(map(sum, seconds.values())),
        own_trainings=len(seconds[champion]),
        own_seconds=sum(seconds[champion]),
    )
