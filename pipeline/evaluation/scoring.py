"""From the predictions of a model's replicates to scores, tables and the contents of its result files."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from pipeline.evaluation import metrics
from pipeline.evaluation.model_predictions import ModelPredictions
from pipeline.evaluation.predictions import Predictions

ScoresByReplicate = Mapping[int, Mapping[str, float]]


def score(predictions: Mapping[str, Mapping[int, Predictions]]) -> dict[int, dict[str, float]]:
    """The metrics of each replicate, by replicate and name.

    Metrics of further outputs have the name of the output as a prefix, as in `subgroup/accuracy`. Metrics that are not
    defined for the predictions are missing.

    Args:
        predictions: by output and replicate; the first output is the compared one.
    """
    first, *_ = predictions
    scores: dict[int, dict[str, float]] = {replicate: {} for replicate in predictions[first]}
    for output, by_replicate in predictions.items():
        prefix = "" if output == first else f"{output}/"
        for replicate, one in by_replicate.items():
            scores[replicate] |= {
                f"{prefix}{name}": value for name, value in metrics.scores(one.truth, one.probabilities)
            }
    return scores


def subgroup_scores(predictions: Mapping[int, Predictions]) -> dict[str, dict[int, dict[str, float]]]:
    """The metrics of one output by subgroup, replicate and name, each for the images of that subgroup only.

    Empty if the data have no subgroups. Metrics that are not defined for a subgroup are missing.
    """
    by_subgroup: dict[str, dict[int, dict[str, float]]] = {}
    for replicate, one in predictions.items():
        for subgroup in [] if one.subgroups is None else np.unique(one.subgroups).tolist():
            chosen = one.subgroups == subgroup
            scores = dict(metrics.scores(one.truth[chosen], one.probabilities[chosen]))
            by_subgroup.setdefault(subgroup, {})[replicate] = scores
    return by_subgroup


def spreads(scores: ScoresByReplicate) -> dict[str, dict[str, float]]:
    """Mean and sample standard deviation of every metric that all replicates have.

    A single replicate has no deviation.
    """
    values = list(scores.values())
    table = {name: [one[name] for one in values] for name in values[0] if all(name in one for one in values)}
    return {
        name: {
            "mean": float(np.mean(column)),
            **({"deviation": float(np.std(column, ddof=1))} if len(column) > 1 else {}),
        }
        for name, column in table.items()
    }


def confusion(predictions: Mapping[int, Predictions]) -> list[list[int]]:
    """The confusion matrix (classes × classes) of one output, summed over replicates; rows are true classes."""
    counts = [metrics.confusion(one.truth, one.probabilities) for one in predictions.values()]
    summed: list[list[int]] = np.sum(counts, axis=0).tolist()
    return summed


def class_table(predictions: Mapping[int, Predictions]) -> pd.DataFrame:
    """Names of the true class (`actual`) and the predicted one, one row per image and replicate."""
    tables = [
        pd.DataFrame(
            {"actual": one.classes[one.truth], "predicted": one.classes[one.probabilities.argmax(axis=1)]},
        )
        for one in predictions.values()
    ]
    return pd.concat(tables)


def score_file(predictions: ModelPredictions, records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The content of scores.json: scores, seconds and confusion matrix of each trained replicate.

    Args:
        predictions: of all replicates.
        records: a mapping per replicate with the keys `replicate` and `seconds` (of training).
    """
    test, validation = score(predictions.test), score(predictions.validation)
    compared = predictions.test[predictions.question]
    return {
        "question": predictions.question,
        "classes": compared[records[0]["replicate"]].classes.tolist(),
        "replicates": [
            {
                "replicate": (replicate := record["replicate"]),
                "train_seconds": record["seconds"],
                "scores": test[replicate],
                "validation": validation[replicate],
                "seconds_per_image": predictions.seconds_per_image[replicate],
            }
            for record in records
        ],
        "confusion": confusion(compared),
    }


def metrics_file(
    scores: Mapping[str, Any], compared: Mapping[int, Predictions], network: Mapping[str, Any]
) -> dict[str, Any]:
    """The content of metrics.json: means and deviations over replicates, and the model's costs.

    Args:
        scores: the content of scores.json.
        compared: test predictions of the first output by replicate.
        network: the content of layers.json, with the numbers of parameters and of multiply–accumulates.
    """
    replicates = scores["replicates"]
    return {
        "test": spreads({one["replicate"]: one["scores"] for one in replicates}),
        "validation": spreads({one["replicate"]: one["validation"] for one in replicates}),
        "subgroups": {subgroup: spreads(by_replicate) for subgroup, by_replicate in subgroup_scores(compared).items()},
        "cost": {
            "parameters": network["parameters"],
            "multiply_accumulates": network["multiply_accumulates"],
            **{
                name: float(np.mean([one[name] for one in replicates]))
                for name in replicates[0]
                if name not in ("replicate", "scores", "validation")
            },
        },
    }
