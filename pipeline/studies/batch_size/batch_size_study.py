"""Compute the results of the study on batch sizes and write its report."""

from pipeline.studies.batch_size.batch_size_report import figures, results, text
from pipeline.studies.batch_size.compared_batches import RECIPES, SMALL, networks
from pipeline.studies.batch_size.epoch_time import epoch_seconds
from pipeline.studies.digit_protocol import measure
from pipeline.studies.study_report import write_study_report


def main() -> None:
    """Write `reports/batch_size/`."""
    measured = measure(networks(), data="digits")
    seconds = epoch_seconds(measured.trained[SMALL.label], sorted({one.batch for one in RECIPES}))
    write_study_report("batch_size", text(measured, seconds), figures(measured), results=results(measured, seconds))
