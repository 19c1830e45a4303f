"""Compute the results of the study on optimizers and write its report."""

from pipeline.studies.digit_protocol import measure
from pipeline.studies.optimizers.compared_optimizers import networks
from pipeline.studies.optimizers.optimizers_report import figures, results, text
from pipeline.studies.study_report import write_study_report


def main() -> None:
    """Write `reports/optimizers/`."""
    measured = measure(networks(), data="digits")
    write_study_report("optimizers", text(measured), figures(measured), results=results(measured))
