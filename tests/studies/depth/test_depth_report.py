import json

import pytest

from pipeline.arithmetic.table import layer_table, totals
from pipeline.networks.build import build
from pipeline.studies.depth.depth_networks import START, VARIANTS, networks
from pipeline.studies.depth.depth_report import FAMILIES, SAME_FIELD, failures, field_figure, points, text
from tests.studies.measured_networks import measured_networks

FIELDS = {
    "1 convolution": 4, "2 convolutions": 10, "3 convolutions": 22, "4 convolutions": 46, "dilation 2": 14,
    "dilation 3": 18, "dilation 4": 22, "kernels 5 × 5": 16, "kernels 7 × 7": 22,
}  # fmt: skip
"""By hand: a 3×3 kernel adds 2 steps, a 2×2 pooling one, and each pooling doubles the step of what follows."""


@pytest.fixture(scope="module")
def tables():
    """The layer table of every network of the study."""
    found = {}
    for one in VARIANTS:
        options = {
            "filters": list(one.maps), "kernel_size": one.kernel, "dilation": one.dilation, "head": "average",
        }  # fmt: skip
        model = build("lecture_cnn", options, input_shape=(28, 28, 1), classes=10)
        found[one.label] = layer_table(json.loads(model.to_json()))
    return found


def test_the_last_maps_have_the_receptive_fields_computed_by_hand(tables):
    last = {label: [row for row in rows if row.sees == "window"][-1] for label, rows in tables.items()}
    assert {label: row.receptive_field for label, row in last.items()} == {
        label: (side, side) for label, side in FIELDS.items()
    }
    assert {FIELDS[label] for label in SAME_FIELD} == {22}


def test_all_networks_have_ten_thousand_parameters_within_five_per_cent(tables):
    assert all(9_500 <= totals(rows).parameters <= 10_500 for rows in tables.values())


def test_dilation_changes_neither_parameters_nor_operations(tables):
    family = [START, *(one.label for one in VARIANTS if one.family == "dilation")]
    sums = {(totals(tables[label]).parameters, totals(tables[label]).multiply_accumulates) for label in family}
    assert len(sums) == 1


def test_every_line_of_the_figure_contains_the_common_start_and_grows_with_the_field():
    accuracies = {label: 0.5 + field / 100 for label, field in FIELDS.items()}
    families = points(measured_networks(networks(), accuracies, fields=FIELDS))
    assert list(families) == list(FAMILIES)
    for of_family in families.values():
        assert START in [one.accuracy.label for one in of_family]
        assert [one.field for one in of_family] == sorted(one.field for one in of_family)
    assert len(field_figure(families, ()).axes[0].get_legend().get_texts()) == 3


def test_the_report_states_fields_accuracies_and_the_rank_correlation():
    accuracies = {label: 0.5 + field / 100 for label, field in FIELDS.items()}
    report = text(measured_networks(networks(), accuracies, fields=FIELDS))
    assert "see 4, 10, 22 and 46 pixels" in report
    assert "from 10 to 22 pixels with exactly the same parameters and operations: dilation 4 (" in report
    assert "9,500" not in report


def test_a_network_that_never_learned_is_named_with_its_median():
    accuracies = {label: 0.1 if label == START else 0.9 for label in FIELDS}
    measured = measured_networks(networks(), accuracies, fields=FIELDS)
    (failed,) = failures(measured)
    assert (failed.label, failed.number, failed.replicates) == (START, 10, 10)
    assert failed.median == pytest.approx(0.1, abs=0.05)
    assert "(10 of 10 trainings did not learn; the median is" in text(measured)
