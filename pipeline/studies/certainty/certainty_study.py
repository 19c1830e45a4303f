"""Compute the results of the study on certainty and write its report."""

from pipeline.studies.certainty.certainty_report import figures, text
from pipeline.studies.certainty.error_rates import coverage, false_alarms, verdict_shares
from pipeline.studies.study_report import write_study_report

SIMULATIONS = 250


def main() -> None:
    """Write `reports/certainty/`."""
    alarms = tuple(false_alarms(simulations=SIMULATIONS))
    intervals = tuple(coverage(simulations=SIMULATIONS))
    power = tuple(verdict_shares(simulations=SIMULATIONS))
    write_study_report("certainty", text(alarms, intervals, power), figures(alarms, power))
