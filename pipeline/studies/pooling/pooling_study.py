"""Train networks with each kind of pooling on signals and digits, measure their consistency, and write the report."""

from collections.abc import Iterator

import numpy as np

from pipeline.data.prepared import read_prepared
from pipeline.data.splits import TEST
from pipeline.evaluation.interpreted import balanced_sample
from pipeline.interpretation.shift_scores import measure_shifts
from pipeline.interpretation.subject import Replicate, Subject
from pipeline.studies.pooling.pooling_protocol import (
    IMAGES,
    REPLICATES,
    digit_candidates,
    pytorch_candidates,
    signal_candidates,
)
from pipeline.studies.pooling.pooling_report import CONSISTENCIES, OnDigits, figures, results, text
from pipeline.studies.study_report import write_study_report
from pipeline.studies.trainings import Trained, train_candidates
from pipeline.training.examples import standardisation


def main() -> None:
    """Write `reports/pooling/`."""
    signals = train_candidates(signal_candidates(), replicates=REPLICATES)
    pytorch = train_candidates(pytorch_candidates(), replicates=REPLICATES)
    digits = {
        label: on_digits(trained)
        for label, trained in train_candidates(digit_candidates(), replicates=REPLICATES).items()
    }
    write_study_report(
        "pooling",
        text(signals, pytorch, digits),
        figures(signals, digits),
        results=results(signals, pytorch, digits),
    )


def on_digits(trained: Trained) -> OnDigits:
    """The accuracy and the consistencies of every replicate, each on its own test digits."""
    found, tested = measure_shifts(subject(trained)), trained.predictions[0]
    return OnDigits(
        trained.values("accuracy"),
        {name: tuple(float(one[name]) for one in found["replicates"]) for name in CONSISTENCIES},
        found["setting"]["largest_shift"],
        len(tested.truth) / tested.trained_on,
    )


def subject(trained: Trained) -> Subject:
    """The trained networks of a candidate with their test images, as the interpretation sees them."""
    prepared = read_prepared(trained.prepared)

    def replicate(number: int) -> Replicate:
        rows = balanced_sample(prepared.labels, prepared.indices(number, TEST), IMAGES, seed=number)
        return Replicate(
            number=number,
            network=trained.network(number),
            pixels=np.asarray(prepared.pixels[rows]),
            labels=prepared.labels[rows],
            standardise=standardisation(prepared, number),
        )

    def replicates() -> Iterator[Replicate]:
        return (replicate(number) for number in range(len(trained.tasks)))

    return Subject(trained.label, trained.tasks[0].architecture, prepared.classes, replicate(0), replicates)
