import numpy as np
import pytest
from scipy import stats

from pipeline.reporting.tables.text_table import markdown
from pipeline.studies.published_values import HIGHER, INSIDE, LOWER, UNKNOWN, Claim, claims_table, estimate, verdict

VALUES = (0.90, 0.92, 0.94)


def claim(published, *, same_protocol=True):
    return Claim("CNN", published, "notebook", same_protocol=same_protocol)


def test_the_interval_is_students_on_the_scale_of_log_odds():
    odds = np.log(0.92 / 0.08)
    half = stats.t.ppf(0.975, 2) * 0.02 / np.sqrt(3) / (0.92 * 0.08)
    ours = estimate(VALUES)
    assert (ours.low, ours.high) == pytest.approx((1 / (1 + np.exp(half - odds)), 1 / (1 + np.exp(-half - odds))))


def test_replicates_that_draw_from_the_same_data_have_the_wider_interval_of_nadeau_and_bengio():
    independent, redrawn = estimate(VALUES), estimate(VALUES, tested_share=1250 / 3000)
    odds = [np.log(one.high / (1 - one.high)) - np.log(0.92 / 0.08) for one in (independent, redrawn)]
    assert odds[1] / odds[0] == pytest.approx(np.sqrt((1 / 3 + 1250 / 3000) / (1 / 3)))


@pytest.mark.parametrize(("published", "expected"), [(0.92, INSIDE), (0.5, HIGHER), (0.99, LOWER), (None, "–")])
def test_the_verdict_compares_the_published_value_with_the_interval(published, expected):
    assert verdict(claim(published), estimate(VALUES)) == expected


def test_a_single_training_has_no_verdict():
    assert verdict(claim(0.9), estimate([0.9])) == UNKNOWN


def test_the_table_shows_published_value_interval_and_protocol():
    text = markdown(claims_table([(claim(0.92), estimate(VALUES))], "Accuracy in %."))
    cells = [cell.strip() for cell in text.splitlines()[-1].strip("|").split("|")]
    assert cells == ["CNN", "92.0", "92.0", "85.4 to 95.8", "2.0", "yes", INSIDE, "notebook"]


@pytest.mark.parametrize(("same", "shown"), [(True, "yes"), (False, "no"), (None, "not stated")])
def test_the_table_shows_whether_the_protocol_is_the_same_or_not_stated(same, shown):
    text = markdown(claims_table([(claim(0.92, same_protocol=same), estimate(VALUES))], "Accuracy in %."))
    assert text.splitlines()[-1].strip("|").split("|")[5].strip() == shown
