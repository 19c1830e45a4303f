import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.reporting.text import quantities


def test_the_deviation_is_the_sample_standard_deviation():
    values = (0.90, 0.93, 0.88, 0.91)
    assert quantities.deviation(values) == pytest.approx(statistics.stdev(values))


def test_one_replicate_has_no_deviation():
    assert np.isnan(quantities.deviation((0.9,)))
    assert quantities.spread((0.9,)) == "0.900"


def test_a_missing_value_is_shown_as_a_dash():
    assert quantities.spread(()) == "–"
    assert quantities.duration(float("nan")) == "–"
    assert quantities.latency(float("nan")) == "–"
    assert quantities.share(float("nan")) == "–"


@given(st.integers(min_value=0, max_value=9 * 10**14))
def test_a_magnitude_is_the_number_rounded_to_its_last_digit(number):
    text = quantities.magnitude(number)
    scaled, _, unit = text.partition(" ")
    factor = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}[unit]
    assert float(scaled) * factor == pytest.approx(number, rel=0.051)
    assert float(scaled) < 1000


@pytest.mark.parametrize(
    ("seconds", "text"), [(59.96, "1 min 00 s"), (3599.7, "1 h 00 min"), (9.996, "10.00 s"), (3660, "1 h 01 min")]
)
def test_durations_round_into_the_next_unit(seconds, text):
    assert quantities.duration(seconds) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.0009996, "1.00 ms"), (0.9996, "1.00 s"), (2.5e-6, "2.5 µs")])
def test_latencies_round_into_the_next_unit(seconds, text):
    assert quantities.latency(seconds) == text
