import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from pipeline.statistics.multiple_tests import holm


@pytest.mark.parametrize("tests", [2, 8, 300])
def test_adjusted_p_values_are_those_of_statsmodels(tests):
    p_values = np.random.default_rng(0).uniform(size=tests).round(2) ** 4
    np.testing.assert_array_equal(holm(p_values.tolist()), multipletests(p_values, method="holm")[1])


def test_a_single_p_value_does_not_change_and_no_p_values_give_none():
    assert holm([0.04]).tolist() == [0.04]
    assert holm([]).tolist() == []


def test_an_undefined_p_value_stays_undefined():
    assert holm([0.01, np.nan, 0.5]).tolist() == pytest.approx([0.03, np.nan, 1], nan_ok=True)
