import dataclasses
import math

import pytest

from pipeline.reporting.tables import models as tables

BY_HAND = """\
lenet5 | a | 0.910 ± 0.014 | 0.880 to 0.940 | 417 k | 41.0 s | 1.20 ms
resnet8 | a b | 0.905 ± 0.007 | 0.875 to 0.935 | 6.1 M | 41.0 s | 1.20 ms
fully_connected | – | 0.760 ± 0.014 | 0.730 to 0.790 | 6.1 M | 41.0 s | 1.20 ms"""
DETAILS_BY_HAND = """\
lenet5 | 0.920 ± 0.014 | 32 × 32 | 61,706 | 417 k | 262 kB | 41.0 s | 1.20 ms
resnet8 | 0.915 ± 0.007 | 32 × 32 | 824,201 | 6.1 M | 262 kB | 41.0 s | 1.20 ms
fully_connected | 0.770 ± 0.014 | – | 4,260,866 | 6.1 M | 262 kB | 41.0 s | 1.20 ms"""


def joined(table):
    return "\n".join(" | ".join(row) for row in table.rows)


def test_the_tables_are_those_worked_by_hand(comparison):
    table = tables.lead_table(comparison, {"lenet5": "a", "resnet8": "a b"})
    assert joined(table) == BY_HAND
    assert "higher is better; mean ± standard deviation over replicates" in table.caption
    assert joined(tables.details_table(comparison)) == DETAILS_BY_HAND


def test_the_cost_of_a_network_with_uncounted_layers_is_a_lower_bound(compare, result):
    models = (result("known", (0.9, 0.9)), result("attention", (0.8, 0.8), uncounted=("attention",)))
    table = tables.lead_table(compare(models=models), {})
    assert [row[4] for row in table.rows] == ["6.1 M", "≥ 6.1 M"]
    assert "lower bound" in table.caption


def test_the_caption_names_the_baselines(compare, result):
    models = (result("guess", (0.5, 0.5), baseline="always predicting dog"), result("network", (0.9, 0.9)))
    assert "Baselines: guess." in tables.lead_table(compare(models=models), {}).caption


def test_cells_are_sorted_by_their_unrounded_numbers(comparison):
    keys = tables.lead_table(comparison, {}).keys
    assert keys[0][2] == pytest.approx(0.91) and keys[0][4] == 416_520
    assert [row[0] for row in keys] == [None] * 3
    details = tables.details_table(comparison).keys
    assert details[0][3:5] == (61_706, 416_520)
    assert math.isnan(details[2][2]), "no receptive field to speak of"


def test_every_replicate_is_listed_with_its_validation(comparison):
    assert tables.replicates_table(comparison).rows[0] == ("lenet5", "0.900 0.920", "0.910 0.930")


def test_rows_contain_the_numbers_that_the_text_shows(comparison):
    best = tables.comparison_rows(comparison)[0]
    assert (best.model, best.values) == ("lenet5", (0.90, 0.92))
    assert best.mean == pytest.approx(0.91)
    assert best.deviation == pytest.approx(math.sqrt(0.0002))


def test_for_a_metric_of_errors_the_smallest_value_comes_first(compare):
    rows = tables.comparison_rows(compare(primary_metric="log_loss"))
    assert [row.model for row in rows] == ["lenet5", "resnet8", "fully_connected"]
    assert [row.mean for row in rows] == sorted(row.mean for row in rows)


def test_models_without_a_finite_mean_come_last_and_ties_by_name(compare, result):
    models = (
        result("diverged", (math.nan, 0.9)),
        result("b", (0.5, 0.5)),
        result("a", (0.5, 0.5)),
        result("c", (0.9, 0.9)),
    )
    assert [row.model for row in tables.comparison_rows(compare(models=models))] == ["c", "a", "b", "diverged"]


def test_the_interval_of_one_of_several_looks_has_its_own_level(compare):
    comparison = compare()
    certainty = dataclasses.replace(comparison.certainty, looks=3)
    table = tables.lead_table(dataclasses.replace(comparison, certainty=certainty), {})
    assert "98.3 % interval" in table.header


def test_a_network_is_shown_with_its_mean_consistency_and_without_replicates_where_it_is_undefined(comparison):
    measured = [
        {"replicate": 0, "shift_consistency": 0.9, "rotation_consistency": 0.5, "equivariance_error": None},
        {"replicate": 1, "shift_consistency": 0.8, "rotation_consistency": None, "equivariance_error": None},
    ]
    shifted = dataclasses.replace(comparison, shifts={"lenet5": {"replicates": measured}})
    lead, details = tables.lead_table(shifted, {}), tables.details_table(shifted)
    assert [row[4] for row in lead.rows] == ["0.850", "–", "–"]
    assert lead.header[4] == "shift consistency" and lead.keys[0][4] == pytest.approx(0.85)
    assert details.rows[0][2:5] == ("0.850", "0.500", "–")
    assert "two randomly shifted copies" in lead.caption and "rotated" in details.caption


@pytest.mark.parametrize("undefined", [False, True])
def test_the_captions_state_that_replicates_with_one_class_are_left_out(comparison, undefined):
    names = ("shift_consistency", "rotation_consistency", "equivariance_error")
    measured = [{"replicate": 0, **dict.fromkeys(names, 0.5)}, {"replicate": 1, **dict.fromkeys(names, 0.5)}]
    if undefined:
        measured[1] = {"replicate": 1, **dict.fromkeys(names)}
    shifted = dataclasses.replace(comparison, shifts={"lenet5": {"replicates": measured}})
    for table in (tables.lead_table(shifted, {}), tables.details_table(shifted)):
        assert ("Replicates that predict one class for every image are left out" in table.caption) == undefined
