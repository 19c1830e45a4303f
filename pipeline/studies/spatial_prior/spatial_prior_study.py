"""Train the networks of MNIST-1D on signals in order and shuffled, and write the report."""

import numpy as np

from pipeline.data.prepared import read_prepared
from pipeline.studies.spatial_prior.prior_protocol import (
    MISSED_REPLICATES,
    ORDERS,
    REPLICATES,
    candidates,
    label,
    pytorch_candidates,
)
from pipeline.studies.spatial_prior.prior_report import figures, results, text
from pipeline.studies.study_report import write_study_report
from pipeline.studies.trainings import train_candidates


def main() -> None:
    """Write `reports/spatial_prior/`."""
    trained = train_candidates(candidates(), replicates=REPLICATES)
    pytorch = train_candidates(pytorch_candidates(), replicates=MISSED_REPLICATES)
    signals = {}
    for order in ORDERS:
        prepared = read_prepared(trained[label("CNN", order)].prepared)
        first = [np.flatnonzero(prepared.labels == digit)[0] for digit in (0, 3, 7)]
        signals[order] = np.asarray(prepared.pixels[np.array(first)])[:, 0, :, 0]
    write_study_report(
        "spatial_prior", text(trained, pytorch), figures(trained, signals), results=results(trained, pytorch)
    )
