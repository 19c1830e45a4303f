"""The numbers of the report, from the predictions of all networks under both splits."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.data.prepared import Prepared
from pipeline.data.splits import TRAIN
from pipeline.evaluation.predictions import Predictions
from pipeline.statistics.analysis import analyse
from pipeline.statistics.results import Certainty, Estimate
from pipeline.studies.solar_cells.solar_candidates import (
    BASELINE_LABEL,
    BY_MODULE,
    FOLDS,
    RANDOM,
    Results,
    Study,
    Tested,
    compared_cells,
)
from pipeline.studies.solar_cells.split_difference import rates_of_modules, restricted, split_difference

MARGIN = 0.02
"""Differences in accuracy or ROC AUC up to this are practically zero. Chosen before any test score was computed."""
TWO_CLASS_METRICS = ("accuracy", "roc_auc", "balanced_accuracy")
FOUR_CLASS_METRICS = ("accuracy", "balanced_accuracy", "roc_auc")
TYPES = {"mono": "monocrystalline", "poly": "polycrystalline"}
NO_PIXELS = "defect rate of the module\n(sees no pixel)"


@dataclass(frozen=True)
class Scores:
    """The scores of networks that learned the same labels.

    Attributes:
        certainty: by split and metric, for all networks.
        difference: by network and metric, on the same cells: random minus by module.
        types: accuracy by type, split and network.
        costs: by network; `seconds` are those of the fastest training, which other programs disturbed least.
        always: accuracy of always predicting the most frequent class, by split.
    """

    certainty: Mapping[str, Mapping[str, Certainty]]
    difference: Mapping[str, Mapping[str, Estimate]]
    types: Mapping[str, Mapping[str, Mapping[str, Estimate]]]
    costs: Mapping[str, Mapping[str, float]]
    always: Mapping[str, float]

    def estimate(self, split: str, metric: str, network: str) -> Estimate:
        """The mean of a network with its interval."""
        estimates = self.certainty[split][metric].estimates
        return next(one for one in estimates if one.model == network)

    def best(self, metric: str = "accuracy") -> str:
        """The network with the best mean under the split by module."""
        return self.certainty[BY_MODULE][metric].estimates[0].model

    def record(self) -> dict[str, Any]:
        """All numbers for `results.json`."""
        return {
            "networks": {
                network: {
                    **self.costs[network],
                    **{
                        split: {metric: _record(self.estimate(split, metric, network)) for metric in metrics}
                        for split, metrics in self.certainty.items()
                    },
                    "random minus by module, same cells": {
                        metric: _record(one) for metric, one in self.difference[network].items()
                    },
                    "accuracy by type": {
                        kind: {split: _record(by_network[network]) for split, by_network in by_split.items()}
                        for kind, by_split in self.types.items()
                    },
                }
                for network in self.costs
            },
            "always predicting the most frequent class": dict(self.always),
            "verdicts on pairs, by module": {
                metric: [
                    {"first": pair.first, "second": pair.second, "verdict": pair.verdict, "adjusted p": pair.adjusted}
                    for pair in found.pairs
                ]
                for metric, found in self.certainty[BY_MODULE].items()
            },
        }


def two_class_scores(study: Study) -> Scores:
    """The scores of the networks with two classes."""
    return _scores(study.two, study.modules, TWO_CLASS_METRICS)


def four_class_scores(study: Study) -> Scores:
    """The scores of the networks with four classes."""
    return _scores(study.four, study.modules, FOUR_CLASS_METRICS)


def rate_scores(study: Study) -> dict[str, Estimate]:
    """Accuracy and ROC AUC of the rule that sees no pixel, under the random split."""
    prepared, modules = study.random, module_numbers(study.modules)
    rule = [
        rates_of_modules(one, prepared.labels, modules, prepared.indices(replicate, TRAIN))
        for replicate, one in enumerate(study.two[RANDOM][BASELINE_LABEL].predictions)
    ]
    return {
        metric: analyse(metric, {NO_PIXELS: rule}, margin=MARGIN).estimates[0] for metric in ("accuracy", "roc_auc")
    }


def module_numbers(modules: Prepared) -> npt.NDArray[np.int64]:
    """The number of each cell's module, shape (cells,)."""
    numbers: npt.NDArray[np.int64] = np.unique(modules.groups, return_inverse=True)[1]
    return numbers


def _scores(results: Results, modules: Prepared, metrics: Sequence[str]) -> Scores:
    numbers, compared = module_numbers(modules), compared_cells(modules)

    def of(split: str, metric: str, keep: Callable[[Predictions], Predictions] = lambda one: one) -> Certainty:
        kept = {name: [keep(one) for one in tested.predictions] for name, tested in results[split].items()}
        return analyse(metric, kept, margin=MARGIN, folds=FOLDS if split == BY_MODULE else 0)

    def of_type(kind: str) -> Callable[[Predictions], Predictions]:
        chosen = np.asarray(modules.subgroups) == kind
        return lambda one: restricted(one, chosen)

    return Scores(
        certainty={split: {metric: of(split, metric) for metric in metrics} for split in (RANDOM, BY_MODULE)},
        difference={
            name: {
                metric: split_difference(
                    metric,
                    [restricted(one, compared, numbers) for one in results[RANDOM][name].predictions],
                    results[BY_MODULE][name].predictions,
                )
                for metric in metrics
            }
            for name in results[RANDOM]
        },
        types={
            kind: {
                split: {one.model: one for one in of(split, "accuracy", of_type(kind)).estimates}
                for split in (RANDOM, BY_MODULE)
            }
            for kind in TYPES
        },
        costs={name: _costs(results[RANDOM][name], results[BY_MODULE][name]) for name in results[RANDOM]},
        always={split: _most_frequent(next(iter(results[split].values())).predictions) for split in results},
    )


def _costs(*tested: Tested) -> dict[str, float]:
    return {
        "parameters": tested[0].parameters,
        "multiply_accumulates": tested[0].multiply_accumulates,
        "seconds": min(second for one in tested for second in one.seconds),
    }


def _most_frequent(predictions: Sequence[Predictions]) -> float:
    return float(np.mean([np.bincount(one.truth).max() / len(one.truth) for one in predictions]))


def _record(one: Estimate) -> dict[str, float]:
    names = ("mean", "low", "high", "deviation", "replicates")
    return {name: getattr(one, name) for name in names}
