"""Compute the results of the study on certainty and write its report."""

from pipeline.studies.certainty.certainty_report import Measured, figures, text
from pipeline.studies.certainty.error_rates import coverage, false_alarms, verdict_shares
from pipeline.studies.certainty.fold_errors import fold_errors, fold_power, look_errors
from pipeline.studies.study_report import write_study_report

SIMULATIONS = 300


def main() -> None:
    """Write `reports/certainty/`."""
    measured = Measured(
        alarms=tuple(false_alarms(simulations=SIMULATIONS)),
        intervals=tuple(coverage(simulations=SIMULATIONS)),
        power=tuple(verdict_shares(simulations=SIMULATIONS)),
        fold_errors=tuple(fold_errors(simulations=SIMULATIONS)),
        fold_power=tuple(fold_power(simulations=SIMULATIONS)),
        looks=tuple(look_errors(simulations=SIMULATIONS)),
    )
    write_study_report("certainty", text(measured), figures(measured))
