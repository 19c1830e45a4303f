import pytest

from pipeline.studies.certainty.certainty_report import (
    Measured,
    figures,
    rates_by_scenario,
    scenario_summary,
    text,
    verdict_panels,
)
from pipeline.studies.certainty.error_rates import Coverage, FalseAlarms, VerdictShares
from pipeline.studies.certainty.fold_errors import FoldErrors, FoldPower, LookErrors
from pipeline.studies.certainty.fold_report import design_panels

ALARMS = (
    FalseAlarms("both vary", "accuracy", 3, 5, 250, 0.0, 0.05),
    FalseAlarms("both vary", "accuracy", 6, 5, 250, 0.02, 0.03),
    FalseAlarms("both vary", "accuracy", 6, 11, 3000, 0.064, 0.064),
    FalseAlarms("resampled splits", "accuracy", 6, 11, 250, 0.01, 0.01),
)
INTERVALS = (Coverage("both vary", "roc_auc", 4, 5, 250, 0.95, 0.85),)
POWER = (
    VerdictShares(6, 30, 250, 0.03, 0.03, 0.4, 0.04, 0.0),
    VerdictShares(6, 30, 250, 0.03, 0.0, 0.05, 0.5, 0.02),
    VerdictShares(10, 30, 250, 0.03, 0.03, 0.6, 0.05, 0.0),
)
FOLDS = (
    FoldErrors("few features", "accuracy", 1, 11, 250, 0.01, None, 0.97),
    FoldErrors("few features", "accuracy", 2, 11, 250, 0.03, 0.02, 0.94),
)
DESIGNS = (
    FoldPower("few features", 22, 250, 0.05, 0.6, 0.4, 0.2),
    FoldPower("few features", 22, 250, 0.0, 0.04, 0.02, 0.05),
)
LOOKS = (LookErrors(2, 33, 250, 0.031, 0.08, 17.5),)


def measured(**changes):
    return Measured(ALARMS, INTERVALS, POWER, FOLDS, DESIGNS, LOOKS)._replace(**changes)


def test_rates_are_grouped_by_scenario():
    assert rates_by_scenario([*ALARMS, *FOLDS]) == {
        "both vary": (0.0, 0.02, 0.064),
        "resampled splits": (0.01,),
        "folds: few features": (0.01, 0.03),
    }


def test_sizes_without_enough_replicates_do_not_count_in_a_summary():
    assert scenario_summary(ALARMS, "both vary") == ("both vary", pytest.approx(0.042), 0.064)


def test_verdicts_are_grouped_by_size_and_sorted_by_difference():
    panels = verdict_panels(POWER)
    assert [panel.title for panel in panels] == ["6 replicates, 30 groups", "10 replicates, 30 groups"]
    assert panels[0][1:] == ((0.0, 0.03), (0.05, 0.4), (0.5, 0.04), 0.03)


def test_the_figures_show_the_measured_rates():
    drawn = figures(measured())
    first, second = drawn["false-alarms"].axes[0].collections[:2]
    assert first.get_offsets()[:, 0].tolist() == [0.0, 0.02, 0.064]
    assert second.get_offsets()[:, 0].tolist() == [0.01]
    assert drawn["verdicts"].axes[0].lines[0].get_ydata().tolist() == [0.05, 0.4]


def test_the_report_states_the_rates_above_the_limit():
    report = text(measured())
    assert "Combinations with a rate above 6 % were measured again (1 rate) with 3,000 new simulations" in report
    assert "second result. One rate is still above 6 %. The largest is 6.4 % (both vary, 11 groups)." in report
    assert "- both vary: mean 4.2 %, maximum 6.4 %\n- resampled splits: mean 1.0 %, maximum 1.0 %\n" in report
    assert r"| 2.0% (3.0%) | 6.4%\* (6.4%) |" in " ".join(report.split())


def test_a_first_combination_that_was_measured_again_is_marked_and_is_not_the_reference():
    report = text(measured(alarms=ALARMS[2:] + ALARMS[:2]))
    assert "With 250 simulations, a rate of 5 % varies" in report
    assert "were measured again (1 rate) with 3,000 new simulations" in report
    assert r"| 2.0% (3.0%) | 6.4%\* (6.4%) |" in " ".join(report.split())


def test_a_report_without_rates_above_the_limit_mentions_no_second_measurement():
    report = text(measured(alarms=ALARMS[:2]))
    assert "by chance. No rate is above 6 %. The largest is 3.0 % (folds: few features, 11 groups)" in report
    assert "second result" not in report


def test_designs_are_compared_by_scenario_and_size():
    (panel,) = design_panels(DESIGNS)
    assert panel.differences == (0.0, 0.05)
    assert panel.shares == {
        "repeated folds": (0.04, 0.6),
        "folds, corrected t test": (0.02, 0.4),
        "one test set": (0.05, 0.2),
    }


def test_the_report_states_the_rates_of_folds_and_looks():
    report = " ".join(text(measured()).split())
    assert "in at most 3.0 % (few features, 11 groups, 2 repetitions)" in report
    assert "at least 94.0 % of the simulations (few features, 11 groups, 2 repetitions)" in report
    assert "| few features | accuracy | 11 | 1.0% (97.0%) | 3.0% (94.0%, 2.0%) |" in report
    assert "in up to 8.0 % of the comparisons; with the level of three looks, the largest rate is 3.1 %" in report
