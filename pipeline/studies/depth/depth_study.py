"""Compute the results of the study on depth and write its report."""

from pipeline.studies.depth.depth_networks import networks
from pipeline.studies.depth.depth_report import figures, results, text
from pipeline.studies.digit_protocol import measure
from pipeline.studies.study_report import write_study_report


def main() -> None:
    """Write `reports/depth/`."""
    measured = measure(networks(), data="mnist_sample")
    write_study_report("depth", text(measured), figures(measured), results=results(measured))
