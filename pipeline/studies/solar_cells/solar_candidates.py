"""The networks of the study, and how each of them is trained and tested.

Both splits test about 656 of the 2,624 cells, a quarter as in Deitsch et al. 2019, and train on about 1,840; about 125
more are validation images, which no training uses.

- `RANDOM`: six draws of single cells, stratified by class and type.
- `BY_MODULE`: two repetitions of three folds of whole modules. The tuning modules, a quarter of the cells, on which the
  search chose `searched_elpv`, are never tested.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pipeline.data.prepared import Prepared, read_prepared
from pipeline.data.splits import TEST
from pipeline.evaluation.baseline_predictions import OUTPUT, fit_baseline
from pipeline.evaluation.predictions import Predictions
from pipeline.studies.trainings import Candidate, Trained, train_candidates

RANDOM, BY_MODULE = "random", "by module"
FOLDS, REPETITIONS = 3, 2
DRAWS = FOLDS * REPETITIONS
BASELINE, BASELINE_LABEL = "grey_levels", "grey levels"


class Network(NamedTuple):
    """A model file, its name in the report, the side length of its images, and whether it also learns four classes."""

    model: str
    label: str
    size: int
    four_classes: bool


NETWORKS = (
    Network("searched_elpv", "searched network, 96×96", 96, four_classes=False),
    Network("vgg_bn_elpv", "small VGG", 64, four_classes=True),
    Network("lecture_cnn_elpv", "the lecture's network", 64, four_classes=False),
    Network("logistic_elpv", "logistic regression", 64, four_classes=True),
)
"""The most expensive first, so that no process is left with a long training at the end."""

SETTINGS = ("data=elpv", "split.validation_share=0.05", "split.seed=0", "optimizer=adamw", "training=short")
RANDOM_SPLIT = (
    "split=resampled",
    "data.options.groups=cells",
    # The audit stops a random split of these cells. That is the subject of the study.
    "audit.checks.near_copies_of_test_images=warn",
    "audit.checks.row_order=warn",
)
MODULE_SPLIT = ("split=kfold_tuned", f"split.folds={FOLDS}")
FOUR_CLASSES = ("data.options.labels=probabilities",)


@dataclass(frozen=True)
class Tested:
    """One network under one split, with one value per replicate in each tuple.

    Attributes:
        predictions: for the test images.
        seconds: of each training.
        parameters: number of parameters.
        multiply_accumulates: for one image.
        fitted: accuracy on the training images in the last epoch, with dropout and augmentation; empty for a baseline.
    """

    predictions: tuple[Predictions, ...]
    seconds: tuple[float, ...]
    parameters: int
    multiply_accumulates: int
    fitted: tuple[float, ...] = ()


Results = dict[str, dict[str, Tested]]
"""By split, then by the name of the network in the report."""


class Study(NamedTuple):
    """All results, and the prepared splits that they belong to."""

    two: Results
    four: Results
    random: Prepared
    modules: Prepared
    random_four: Prepared


def train_all() -> Study:
    """Train every network of the study that has no stored result, and fit the baseline."""
    two = train_candidates(two_class_candidates(), replicates=DRAWS)
    random, modules = (_prepared(two, split, NETWORKS[-1]) for split in (RANDOM, BY_MODULE))
    four = train_candidates(four_class_candidates(RANDOM_SPLIT), replicates=DRAWS)
    folds = train_candidates(four_class_folds(modules), replicates=1)
    chosen = [network for network in NETWORKS if network.four_classes]
    return Study(
        two={
            split: {
                **{network.label: _tested([two[f"{network.label}, {split}"]]) for network in NETWORKS},
                BASELINE_LABEL: _baseline(prepared),
            }
            for split, prepared in ((RANDOM, random), (BY_MODULE, modules))
        },
        four={
            RANDOM: {one.label: _tested([four[one.label]]) for one in chosen},
            BY_MODULE: {
                one.label: _tested([folds[f"{one.label}, fold {fold}"] for fold in range(DRAWS)]) for one in chosen
            },
        },
        random=random,
        modules=modules,
        random_four=read_prepared(four[chosen[-1].label].prepared),
    )


def two_class_candidates() -> list[Candidate]:
    """Every network under both splits."""
    return [
        Candidate(f"{network.label}, {name}", (f"model={network.model}", *_sized(network), *split))
        for network in NETWORKS
        for name, split in ((RANDOM, RANDOM_SPLIT), (BY_MODULE, MODULE_SPLIT))
    ]


def four_class_candidates(split: tuple[str, ...]) -> list[Candidate]:
    """The networks that also learn four classes, under a random split."""
    return [
        Candidate(network.label, (f"model={network.model}", *_sized(network), *FOUR_CLASSES, *split))
        for network in NETWORKS
        if network.four_classes
    ]


def four_class_folds(modules: Prepared) -> list[Candidate]:
    """The same, one candidate for each fold of both repetitions.

    The modules of a fold are named, because drawing them for four classes would give other folds and tuning modules.
    """
    return [
        one._replace(label=f"{one.label}, fold {fold}", overrides=(*one.overrides, f"training.seed={fold}"))
        for fold in range(DRAWS)
        for one in four_class_candidates(
            ("split=group", f"data.options.tested=[{','.join(tested_modules(modules, fold))}]")
        )
    ]


def tested_modules(modules: Prepared, replicate: int) -> list[str]:
    """The names of the modules that a replicate tests, sorted."""
    return sorted(set(modules.groups[modules.indices(replicate, TEST)].tolist()))


def compared_cells(modules: Prepared) -> np.ndarray:
    """Whether each cell is in a module that the split by module tests, so not in a tuning module; shape (cells,)."""
    tested: np.ndarray = (modules.splits == TEST).any(axis=0)
    return tested


def _sized(network: Network) -> tuple[str, ...]:
    return (*SETTINGS, "augmentation=none", f"data.options.size={network.size}")


def _prepared(trained: Mapping[str, Trained], split: str, network: Network) -> Prepared:
    return read_prepared(trained[f"{network.label}, {split}"].prepared)


def _tested(trained: list[Trained]) -> Tested:
    return Tested(
        predictions=tuple(one for part in trained for one in part.predictions),
        seconds=tuple(one for part in trained for one in part.seconds),
        parameters=trained[0].parameters,
        multiply_accumulates=trained[0].multiply_accumulates,
        fitted=tuple(task.result.epochs[-1]["train/accuracy"] for part in trained for task in part.tasks),
    )


def _baseline(prepared: Prepared) -> Tested:
    from pipeline.baselines import baseline_module

    fitted, size = fit_baseline(BASELINE, prepared), baseline_module(BASELINE).size(prepared.image_shape, 2)
    return Tested(
        predictions=tuple(fitted.predictions.test[OUTPUT].values()),
        seconds=tuple(record["seconds"] for record in fitted.records),
        parameters=size.parameters,
        multiply_accumulates=size.multiply_accumulates,
    )
