"""Train LeCun's five networks on both kinds of digits and write the report."""

import numpy as np

from pipeline.data.prepared import read_prepared
from pipeline.data.splits import TEST, TRAIN
from pipeline.studies.lecun1989.lecun_protocol import (
    DRAWS,
    NETWORKS,
    REPLICATES,
    SLOWER,
    SLOWER_REPLICATES,
    independent,
    moved,
)
from pipeline.studies.lecun1989.lecun_report import Example, Measured, figures, results, text
from pipeline.studies.study_report import write_study_report
from pipeline.studies.trainings import Trained, train_candidates


def main() -> None:
    """Write `reports/lecun1989/`."""
    copies = train_candidates(
        [moved(network, draw) for network in NETWORKS for draw in range(DRAWS)], replicates=REPLICATES // DRAWS
    )
    different = train_candidates([independent(network) for network in NETWORKS], replicates=REPLICATES)
    slower = train_candidates(
        [independent(network, recipe=SLOWER) for network in NETWORKS], replicates=SLOWER_REPLICATES
    )
    measured = [
        Measured(
            network,
            parameters=different[label].parameters,
            different=different[label].values("accuracy"),
            validation=_validation(different[label]),
            slower=_validation(slower[label]),
            moved=tuple(copies[moved(network, draw).label].values("accuracy") for draw in range(DRAWS)),
            fitted=float(np.mean([_fitted(copies[moved(network, draw).label]) for draw in range(DRAWS)])),
        )
        for network in NETWORKS
        for label in [independent(network).label]
    ]
    first_moved, first_different = copies[moved(1, 0).label], different[independent(1).label]
    share = float(np.mean([_copied(copies[moved(1, draw).label]) for draw in range(DRAWS)]))
    example = Example(moved=_digits(first_moved, 4), different=_digits(first_different, 4))
    write_study_report("lecun1989", text(measured, share), figures(measured, example), results=results(measured, share))


def _validation(trained: Trained) -> tuple[float, ...]:
    return tuple(one["accuracy"] for one in trained.validation)


def _fitted(trained: Trained) -> float:
    """The mean training accuracy of the last epoch."""
    return float(np.mean([task.result.epochs[-1]["train/accuracy"] for task in trained.tasks]))


def _copied(trained: Trained) -> float:
    """The share of test images of which another position is among the training images, over all replicates."""
    prepared = read_prepared(trained.prepared)
    drawings = np.array([name.partition("-position")[0] for name in prepared.names.tolist()])
    return float(
        np.mean(
            [
                np.isin(drawings[prepared.indices(replicate, TEST)], drawings[prepared.indices(replicate, TRAIN)])
                for replicate in range(len(trained.tasks))
            ]
        )
    )


def _digits(trained: Trained, count: int) -> np.ndarray:
    """The first images of a class in the middle of the data, (count, height, width)."""
    prepared = read_prepared(trained.prepared)
    rows = np.flatnonzero(prepared.labels == 4)[:count]
    return np.asarray(prepared.pixels[rows])[..., 0]
