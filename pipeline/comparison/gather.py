"""Gather the values of a report from the run folders of a comparison."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.comparison.planned import read_plan, read_search
from pipeline.config.reading import flattened
from pipeline.data.audit.findings_file import read_findings
from pipeline.data.looks import evaluated, read_looks, tuned
from pipeline.data.splits import OWN_TESTS
from pipeline.evaluation import classification_curves
from pipeline.evaluation.predictions import Predictions, read_predictions
from pipeline.evaluation.scoring import subgroup_scores
from pipeline.reporting.content import Comparison, DataSummary, ModelResult, Reuse
from pipeline.reporting.costs import NETWORK_COSTS, measured
from pipeline.statistics.analysis import analyse
from pipeline.statistics.class_scores import class_scores
from pipeline.statistics.results import Certainty
from pipeline.storage.digests import DIGESTS
from pipeline.storage.files import check_complete, damaged, existing, read_json
from pipeline.storage.folders import AUDIT, InterpretationFolder, RunFolder, looks_file
from pipeline.storage.interpretation_record import interpreted_digest
from pipeline.storage.provenance import commit, dirty, versions
from pipeline.storage.stored_tables import read_table

SPLITS_IN_WORDS = {
    "group": "one test set of whole groups; each replicate draws its own training and validation groups",
    "random": "one test set of single images, so images of the same group can be in training and test; each replicate "
    "draws its own training and validation images",
    "resampled": "each replicate draws its own test set of whole groups, so tuned settings have used test images",
    "kfold": "each replicate tests on a different fold of whole groups, so tuned settings have used test images",
    "kfold_tuned": "each replicate tests on a different fold of whole groups; the tuning groups, on which "
    "settings may be searched, are never tested",
    "tuning": "only tuning groups are used; each replicate draws its own training and validation groups from them",
}

OTHER_TARGETS = {
    "same": "whether two images show the same class",
    "subgroup": "the subgroup of an image",
}
"""What the first output of a network predicts, by its name, if that is not the class of an image."""


def gather_comparison(
    models: Sequence[str],
    manifest: Mapping[str, Any],
    *,
    test_set: str,
    primary_metric: str,
    margin: float,
    tracking_link: str | None,
) -> Comparison:
    """Gather the named models; other run folders are ignored.

    Args:
        models: names of networks and of baselines, in the order of the report.
        manifest: of the prepared images.
        test_set: digest of the test images.
        primary_metric: the metric by which the models are compared.
        margin: differences up to it are practically irrelevant.
        tracking_link: address of the compared runs in MLflow, if there is a store.

    Raises:
        UserError: a model has not been evaluated, or its interpretation is damaged.
    """
    runs = {model: RunFolder.of(model) for model in models}
    for run in runs.values():
        check_complete(run.evaluate)
    predictions = {model: _first_output(run) for model, run in runs.items()}
    results = tuple(
        (_baseline_result if run.baseline.is_file() else _result)(model, run, predictions[model])
        for model, run in runs.items()
    )
    uses = read_looks(looks_file(manifest["name"]))
    split = manifest["settings"]["split"]
    folds = _folds(split)
    folders = {model: InterpretationFolder.of(model) for model in models}
    interpreted = {model: folder for model, folder in folders.items() if interpreted_digest(folder)}
    return Comparison(
        data=data_summary(manifest),
        models=results,
        primary_metric=primary_metric,
        replicates=min(len(predictions[one.name]) for one in results if not one.baseline),
        commit=commit(),
        dirty=dirty(),
        data_digest=manifest["digest"],
        versions=versions(),
        tracking_link=tracking_link,
        certainty=_certainty(
            {model: predictions[model] for model in _compared(runs)},
            metric=primary_metric,
            margin=margin,
            folds=folds,
        ),
        reuse=Reuse(
            evaluated=evaluated(uses, test_set),
            tuned=tuned(uses, test_set, redrawn=_tested_images_can_be_tuned(split)),
            redrawn=_tested_images_can_be_tuned(split),
        ),
        by_class={model: class_scores(list(ones.values()), folds=folds) for model, ones in predictions.items()},
        augmented={
            model: existing(run.augmented).read_bytes() for model, run in runs.items() if run.augmented.is_file()
        },
        mistakes=_pictures({model: run.mistakes for model, run in runs.items()}),
        shifts={model: read_json(one.shifts, "replicates") for model, one in interpreted.items()},
        learned={
            model: {picture.stem: picture.read_bytes() for picture in one.pictures}
            for model, one in interpreted.items()
        },
        plan=read_plan(models) if read_search() else None,
        findings=read_findings(AUDIT) if AUDIT.is_file() else None,
    )


def gather_certainty(models: Sequence[str], split: Mapping[str, Any], *, metric: str, margin: float) -> Certainty:
    """The verdicts of the named models that predict the class of an image, as in `gather_comparison`."""
    runs = {model: RunFolder.of(model) for model in models}
    compared = {model: _first_output(runs[model]) for model in _compared(runs)}
    return _certainty(compared, metric=metric, margin=margin, folds=_folds(split))


def _certainty(models: Mapping[str, Mapping[int, Predictions]], *, metric: str, margin: float, folds: int) -> Certainty:
    search = read_search()
    return analyse(
        metric,
        {model: list(predictions.values()) for model, predictions in models.items()},
        margin=margin,
        folds=folds,
        looks=search.schedule.looks if search else 1,
    )


def _folds(split: Mapping[str, Any]) -> int:
    """The number of folds of `split=kfold`, 0 for other splits."""
    return split["folds"] if split["strategy"] == "kfold" else 0


def _other_target(evaluated: Mapping[str, Any]) -> str | None:
    """What a network predicts if it is not the class of an image."""
    return OTHER_TARGETS.get(evaluated["question"])


def _tested_images_can_be_tuned(split: Mapping[str, Any]) -> bool:
    """Whether every image is tested in some replicate, so that any tuning has used test images."""
    return split["strategy"] in OWN_TESTS and split["tuning_share"] is None


def _in_words(split: Mapping[str, Any]) -> str:
    """How the images were split. The key `kfold_tuned` means `kfold` with tuning groups."""
    reserved = split["strategy"] == "kfold" and split["tuning_share"] is not None
    return SPLITS_IN_WORDS["kfold_tuned" if reserved else split["strategy"]]


def _compared(runs: Mapping[str, RunFolder]) -> list[str]:
    """The models that predict the class of an image; none if only baselines do."""
    targets = {model: _other_target(read_json(run.scores, "question")) for model, run in runs.items()}
    compared = [model for model, target in targets.items() if target is None]
    return [] if all(runs[model].baseline.is_file() for model in compared) else compared


def _first_output(run: RunFolder) -> dict[int, Predictions]:
    """The predictions of the output by which a model is compared, by replicate."""
    first, *_ = read_predictions(run.predictions).values()
    return first


def _result(model: str, run: RunFolder, predictions: Mapping[int, Predictions]) -> ModelResult:
    network = read_json(run.layers, "architecture", "receptive_field", "uncounted", *NETWORK_COSTS)
    trained = read_json(run.replicates, "configuration", "model_fingerprint", "replicates")
    field = network["receptive_field"]
    return ModelResult(
        name=model,
        architecture=network["architecture"],
        receptive_field=tuple(field) if field else None,
        uncounted=tuple(network["uncounted"]),
        history=_history(run),
        configuration=dict(flattened(trained["configuration"])),
        fingerprint=trained["model_fingerprint"],
        commit=trained["replicates"][0]["commit"],
        **_evaluated(run, network, predictions),
    )


def _baseline_result(model: str, run: RunFolder, predictions: Mapping[int, Predictions]) -> ModelResult:
    fitted = read_json(run.baseline, "description", "fingerprint", "commit", *NETWORK_COSTS)
    return ModelResult(
        name=model,
        architecture=model,
        receptive_field=None,
        history=pd.DataFrame(columns=["replicate", "epoch"]),
        configuration={"baseline": model},
        fingerprint=fitted["fingerprint"],
        commit=fitted["commit"],
        baseline=fitted["description"],
        **_evaluated(run, fitted, predictions),
    )


def _evaluated(run: RunFolder, sizes: Mapping[str, float], predictions: Mapping[int, Predictions]) -> dict[str, Any]:
    """The fields of a result that come from its evaluation; `sizes` has the costs that no replicate influences."""
    evaluated = read_json(run.scores, "replicates", "classes", "question", "confusion")
    replicates = evaluated["replicates"]
    if any("validation" not in one for one in replicates) or len(replicates) != len(predictions):
        raise damaged(run.scores)
    return {
        "scores": _by_metric([one["scores"] for one in replicates]),
        "validation": _by_metric([one["validation"] for one in replicates]),
        "subgroups": {
            subgroup: _by_metric(list(scores.values())) for subgroup, scores in subgroup_scores(predictions).items()
        },
        "calibration": classification_curves.calibration(
            np.concatenate([one.truth for one in predictions.values()]),
            np.concatenate([one.probabilities for one in predictions.values()]),
        ),
        "costs": measured(sizes, replicates, _size(run.folder) + _size(run.network)),
        "classes": tuple(evaluated["classes"]),
        "other_target": _other_target(evaluated),
        "confusion": np.array(evaluated["confusion"]),
    }


def _history(run: RunFolder) -> pd.DataFrame:
    """The losses and metrics by replicate and epoch."""
    history = read_table(run.history, "replicate", "epoch")
    # A truncated row has missing values at its end.
    if history.isna().any(axis=None):
        raise damaged(run.history)
    return history


def _pictures(files: Mapping[str, Path]) -> dict[str, bytes]:
    """The contents of the pictures that exist, by model."""
    return {model: existing(file).read_bytes() for model, file in files.items() if file.exists()}


def _size(folder: Path) -> int:
    """The size of all files in a folder except records of digests, in bytes."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file() and file.name != DIGESTS)


def _by_metric(scores: Sequence[Mapping[str, float]]) -> dict[str, tuple[float, ...]]:
    """One value per replicate, of the metrics that all replicates have."""
    names = [name for name in scores[0] if all(name in one for one in scores)]
    return {name: tuple(one[name] for one in scores) for name in names}


def _title(manifest: Mapping[str, Any]) -> str:
    """The name of the configured data, or the folder of the images if the configuration is that of any folder."""
    data = manifest["settings"]["data"]
    path = data.get("options", {}).get("path")
    if data["name"] != data["source"] or not path:
        return str(manifest["name"])
    return Path(path).name if Path(path).is_absolute() else Path(path).as_posix()


def data_summary(manifest: Mapping[str, Any]) -> DataSummary:
    """What a report says about the prepared images that a manifest describes."""
    height, width, channels = manifest["image_shape"]
    return DataSummary(
        name=manifest["name"],
        title=_title(manifest),
        source=manifest["source"],
        licence=manifest["licence"],
        attribution=manifest["attribution"],
        notes=tuple(manifest["notes"]),
        classes=tuple(manifest["classes"]),
        image_shape=(height, width, channels),
        images=manifest["images"],
        counts=manifest["replicates"][0]["counts"],
        split_strategy=_in_words(manifest["settings"]["split"]),
        largest_deviation=max(
            part["deviation"] for replicate in manifest["replicates"] for part in replicate["balance"].values()
        ),
    )
