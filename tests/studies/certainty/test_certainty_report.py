import pytest

from pipeline.studies.certainty.certainty_report import (
    figures,
    rates_by_scenario,
    scenario_summary,
    text,
    verdict_panels,
)
from pipeline.studies.certainty.error_rates import Coverage, FalseAlarms, VerdictShares

ALARMS = (
    FalseAlarms("both vary", "accuracy", 3, 5, 250, 0.0, 0.05),
    FalseAlarms("both vary", "accuracy", 6, 5, 250, 0.02, 0.03),
    FalseAlarms("both vary", "accuracy", 6, 11, 3000, 0.064, 0.064),
    FalseAlarms("folds", "accuracy", 6, 11, 250, 0.01, 0.01),
)
INTERVALS = (Coverage("both vary", "roc_auc", 4, 5, 250, 0.95, 0.85),)
POWER = (
    VerdictShares(6, 30, 250, 0.03, 0.03, 0.4, 0.04, 0.0),
    VerdictShares(6, 30, 250, 0.03, 0.0, 0.05, 0.5, 0.02),
    VerdictShares(10, 30, 250, 0.03, 0.03, 0.6, 0.05, 0.0),
)


def test_rates_are_grouped_by_scenario():
    assert rates_by_scenario(ALARMS) == {"both vary": (0.0, 0.02, 0.064), "folds": (0.01,)}


def test_sizes_without_enough_replicates_do_not_count_in_a_summary():
    assert scenario_summary(ALARMS, "both vary") == ("both vary", pytest.approx(0.042), 0.064)


def test_verdicts_are_grouped_by_size_and_sorted_by_difference():
    panels = verdict_panels(POWER)
    assert [panel.title for panel in panels] == ["6 replicates, 30 groups", "10 replicates, 30 groups"]
    assert panels[0][1:] == ((0.0, 0.03), (0.05, 0.4), (0.5, 0.04), 0.03)


def test_the_figures_show_the_measured_rates():
    drawn = figures(ALARMS, POWER)
    first, second = drawn["false-alarms"].axes[0].collections[:2]
    assert first.get_offsets()[:, 0].tolist() == [0.0, 0.02, 0.064]
    assert second.get_offsets()[:, 0].tolist() == [0.01]
    assert drawn["verdicts"].axes[0].lines[0].get_ydata().tolist() == [0.05, 0.4]


def test_the_report_states_the_rates_above_the_limit():
    report = text(ALARMS, INTERVALS, POWER)
    assert "Each rate above 6 % (1 in total) was measured again with 3,000 new simulations" in report
    assert (
        "second result. One rate is still above 6 %. The largest is 6.4 % (both vary, 6 replicates, 11 groups)."
        in report
    )
    assert "- both vary: mean 4.2 %, maximum 6.4 %\n- folds: mean 1.0 %, maximum 1.0 %\n" in report
    assert r"| 2.0% (3.0%) | 6.4%\* (6.4%) |" in " ".join(report.split())


def test_a_report_without_rates_above_the_limit_mentions_no_second_measurement():
    report = text(ALARMS[:2], INTERVALS, POWER)
    assert "by chance. No rate is above 6 %. The largest is 2.0 %" in report
    assert "second result" not in report
