"""The study on certainty, small: what it measures at every size must hold at these."""

import numpy as np
import pytest

from pipeline.reporting.certainty import figures
from pipeline.studies import certainty

SIMULATIONS = 300
# Of so many comparisons, no more than this many in a hundred would name a winner by chance if 6 in a hundred are true.
BOUND = 0.06 + 2 * (0.06 * 0.94 / SIMULATIONS) ** 0.5


@pytest.mark.parametrize("world", certainty.WORLDS)
def test_models_that_are_alike_are_seldom_called_different(world):
    alike = certainty.crossed({"one": certainty.WORLDS[world], "other": certainty.WORLDS[world]}, 8, 11)
    measured = certainty.rate(world, "accuracy", 8, 11, alike, simulations=SIMULATIONS)
    assert measured.called <= BOUND
    assert measured.called <= measured.excluded


def test_areas_under_roc_curves_are_seldom_called_different_either():
    world = certainty.WORLDS["both differ"]
    alike = certainty.crossed({"one": world, "other": world}, 6, 8)
    assert certainty.rate("", "roc_auc", 6, 8, alike, simulations=SIMULATIONS).called <= BOUND


@pytest.mark.parametrize(("replicates", "folds"), [(8, False), (8, True)])
def test_models_alike_on_redrawn_splits_are_seldom_called_different(replicates, folds):
    comparisons = certainty.redrawn(replicates, 30, folds=folds)
    assert certainty.rate("", "accuracy", replicates, 30, comparisons, simulations=SIMULATIONS).called <= BOUND


def test_below_the_fewest_replicates_no_model_is_ever_called_better():
    better = certainty.World(replicate=0.0, group=0.0, signal=3.0)
    comparisons = certainty.crossed({"better": better, "worse": certainty.QUIET}, 5, 11)
    assert certainty.rate("", "accuracy", 5, 11, comparisons, simulations=20).called == 0


def test_intervals_hold_the_true_mean_more_often_than_the_percentiles_of_the_bootstrap():
    comparisons = certainty.crossed({"one": certainty.WORLDS["groups differ"]}, 6, 8)
    measured = certainty.covered("", "accuracy", 6, 8, comparisons, simulations=200)
    assert measured.ours >= 0.91
    assert measured.ours > measured.percentiles


def test_the_true_accuracy_is_that_of_many_images():
    world = {"one": certainty.QUIET}
    tested = certainty.crossed(world, 40, 4000)(np.random.default_rng(0))["one"]
    right = np.mean([one.probabilities.argmax(axis=1) == one.truth for one in tested])
    assert right == pytest.approx(certainty.true_accuracy(1.0), abs=0.01)
    assert certainty.true_accuracy(certainty.signal_of(0.03)) - certainty.true_accuracy(1.0) == pytest.approx(0.03)


def test_the_report_holds_every_number_it_speaks_of(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(certainty, "SIMULATIONS", 2)
    monkeypatch.setattr(certainty, "SIZES", {"accuracy": ((3, 6), (5, 11))})
    certainty.main()
    report = (tmp_path / "reports/certainty/report.md").read_text(encoding="utf-8")
    assert "| replicates differ | accuracy | 3 | 0.0%" in report
    assert "| resampled splits | accuracy | 30 | – | " in report
    for picture in ("false-alarms.png", "verdicts.png"):
        assert f"({picture})" in report
        assert (tmp_path / "reports/certainty" / picture).stat().st_size > 5_000


def test_the_figures_show_what_was_measured():
    alarms = tuple(certainty.Rate("both differ", "accuracy", 6, 5, 100, share, share) for share in (0.02, 0.07))
    power = tuple(certainty.Found(6, 30, 100, 0.03, difference, difference, 0.5, 0.0) for difference in (0.0, 0.1))
    drawn = figures(alarms, power)
    assert drawn["false-alarms"].axes[0].collections[0].get_offsets()[:, 0].tolist() == [0.02, 0.07]
    assert drawn["verdicts"].axes[0].lines[0].get_ydata().tolist() == [0.0, 0.1]
