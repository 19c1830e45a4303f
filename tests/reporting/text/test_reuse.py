import math

import numpy as np
import pytest

from pipeline.reporting.content import Reuse
from pipeline.reporting.text import reuse


def test_the_expected_maximum_of_normal_values_is_the_published_one():
    # Harter 1961, Expected values of normal order statistics, table 1.
    table = {2: 0.56419, 3: 0.84628, 4: 1.02938, 5: 1.16296, 10: 1.53875, 20: 1.86748, 100: 2.50759}
    assert {n: round(reuse.expected_best(n), 5) for n in table} == table


def test_the_optimism_of_a_choice_among_equals_matches_a_simulation(known):
    # Twelve equally good models; the scores have a common deviation (0.05) and one per model (0.02).
    generator = np.random.default_rng(0)
    scores = 0.8 + 0.05 * generator.normal(size=(20_000, 1)) + 0.02 * generator.normal(size=(20_000, 12))
    optimism = scores.max(axis=1).mean() - 0.8
    error = 0.02 * math.sqrt(2)
    certainty = known({"a": 0.8, "b": 0.8})
    (pair,) = certainty.pairs
    certainty = known({"a": 0.8, "b": 0.8}, (pair.__class__(**vars(pair) | {"error": error}),))
    assert reuse.own_error(certainty) * reuse.expected_best(12) == pytest.approx(optimism, abs=0.001)


def test_the_standard_error_does_not_depend_on_the_width_of_the_interval(known):
    certainty = known({"a": 0.8, "b": 0.8})
    (pair,) = certainty.pairs
    wide = known({"a": 0.8, "b": 0.8}, (pair.__class__(**vars(pair) | {"low": -0.5, "high": 0.5}),))
    assert reuse.own_error(wide) == reuse.own_error(certainty) == pytest.approx(0.01 / math.sqrt(2))


def text(compare, evaluated, tuned=0, *, redrawn=False, **changes):
    return " ".join(reuse.sentences(compare(reuse=Reuse(evaluated, tuned, redrawn), **changes)))


def test_earlier_uses_are_reported_with_their_effect(compare):
    sentences = text(compare, 40)
    assert (
        "The record counts 40 configurations evaluated on these test images, 37 more than this comparison shows"
        in sentences
    )
    assert "If 40 models were equally good" in sentences
    assert "37 more" not in text(compare, 3)
    assert "all of them in this comparison" in text(compare, 3)


def test_tuning_on_test_images_is_reported(compare):
    assert "tuned" not in text(compare, 3)
    assert "1 configuration was tuned with another split or another form of these images" in text(compare, 3, 1)
    assert "8 configurations were tuned with another split" in text(compare, 3, 8)
    certain = text(compare, 3, 8, redrawn=True)
    assert "Settings were tuned on images that this comparison tests on (8 configurations)" in certain


def test_the_effect_of_chance_is_left_out_if_it_is_unknown(compare, result):
    assert "equally good" not in text(compare, 3, models=(result("only", (0.9, 0.8)),))
    assert text(compare, 0, models=(result("only", (0.9, 0.8)),)) == (
        "There is no record of how often these test images were used."
    )
