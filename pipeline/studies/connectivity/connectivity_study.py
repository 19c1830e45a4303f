"""Compute the results of the study on connectivity and write its report."""

import keras
import numpy as np

from pipeline.studies.connectivity.connectivity_report import figures, text
from pipeline.studies.connectivity.convolution_forms import convolution_example, unrolling_errors, weight_growth
from pipeline.studies.study_report import write_study_report

SIDES = (4, 8, 16, 32, 64, 128, 256, 512, 1024)
PIXELS, KERNEL = np.array([3.0, 1, 4, 1, 5]), np.array([2.0, 7, 1])


def main() -> None:
    """Write `reports/connectivity/`."""
    growth = weight_growth(SIDES, kernel=3)
    example = convolution_example(PIXELS, KERNEL)
    errors = tuple(unrolling_errors(seed=0))
    report = text(growth, example, errors, keras_version=keras.__version__)
    write_study_report("connectivity", report, figures(growth))
