import numpy as np
import pytest
from scipy import stats

from pipeline.reporting.tables.text_table import markdown
from pipeline.studies.published_values import HIGHER, INSIDE, LOWER, UNKNOWN, Claim, claims_table, estimate, verdict

VALUES = (0.90, 0.92, 0.94)


def claim(published):
    return Claim("CNN", published, "notebook", same_protocol=True)


def test_the_interval_is_students_on_the_scale_of_log_odds():
    odds = np.log(0.92 / 0.08)
    half = stats.t.ppf(0.975, 2) * 0.02 / np.sqrt(3) / (0.92 * 0.08)
    ours = estimate(VALUES)
    assert (ours.low, ours.high) == pytest.approx((1 / (1 + np.exp(half - odds)), 1 / (1 + np.exp(-half - odds))))


@pytest.mark.parametrize(("published", "expected"), [(0.92, INSIDE), (0.5, HIGHER), (0.99, LOWER), (None, "–")])
def test_the_verdict_compares_the_published_value_with_the_interval(published, expected):
    assert verdict(claim(published), estimate(VALUES)) == expected


def test_a_single_training_has_no_verdict():
    assert verdict(claim(0.9), estimate([0.9])) == UNKNOWN


def test_the_table_shows_published_value_interval_and_protocol():
    text = markdown(claims_table([(claim(0.92), estimate(VALUES))], "Accuracy in %."))
    cells = [cell.strip() for cell in text.splitlines()[-1].strip("|").split("|")]
    assert cells == ["CNN", "92.0", "92.0", "85.4 to 95.8", "2.0", "yes", INSIDE, "notebook"]
