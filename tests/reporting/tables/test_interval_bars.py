import math

import pytest

from pipeline.reporting.tables import interval_bars


def test_all_bars_are_on_one_scale(comparison):
    values = interval_bars.interval_bars(comparison)
    # From fully_connected's 0.76 − 0.03 to lenet5's 0.91 + 0.03.
    assert (values.start, values.end) == (pytest.approx(0.73), pytest.approx(0.94))
    assert values.by_model["fully_connected"].low == pytest.approx(0)
    assert values.by_model["lenet5"].high == pytest.approx(1)
    assert values.by_model["lenet5"].mean == pytest.approx((0.91 - 0.73) / 0.21)


def test_the_label_of_a_bar_gives_its_numbers(comparison):
    drawn = interval_bars.svg_bars(interval_bars.interval_bars(comparison))
    assert 'aria-label="lenet5: mean 0.910, interval 0.880 to 0.940"' in drawn["lenet5"]
    assert drawn["lenet5"].count("<circle") == 2


def test_without_an_interval_there_is_no_band(compare, known, result):
    certainty = known({"a": 0.9})
    (estimate,) = certainty.estimates
    unknown = estimate.__class__(**vars(estimate) | {"low": math.nan, "high": math.nan})
    changed = compare(
        models=(result("a", (0.9, 0.9)),), certainty=certainty.__class__(**vars(certainty) | {"estimates": (unknown,)})
    )
    (drawn,) = interval_bars.svg_bars(interval_bars.interval_bars(changed)).values()
    assert "band" not in drawn
    assert 'aria-label="a: mean 0.900"' in drawn


def test_models_without_a_score_have_no_bar(compare, result):
    assert interval_bars.interval_bars(compare(models=(result("a", (math.nan, math.nan)),))).by_model == {}
