import math

import pytest

from pipeline.reporting.tables import models as tables

BY_HAND = """\
lenet5 | a | 0.910 ± 0.014 | 0.880 to 0.940 | 0.920 ± 0.014 | 61,706 | 417 k | 32 × 32 | 41.0 s | 1.20 ms
resnet8 | a b | 0.905 ± 0.007 | 0.875 to 0.935 | 0.915 ± 0.007 | 824,201 | 6.1 M | 32 × 32 | 41.0 s | 1.20 ms
fully_connected | – | 0.760 ± 0.014 | 0.730 to 0.790 | 0.770 ± 0.014 | 4,260,866 | 6.1 M | – | 41.0 s | 1.20 ms"""


def test_the_comparison_table_is_the_one_worked_by_hand(comparison):
    table = tables.comparison_table(comparison, {"lenet5": "a", "resnet8": "a b"})
    assert "\n".join(" | ".join(row) for row in table.rows) == BY_HAND
    assert "better high; mean ± standard deviation over replicates" in table.caption


def test_the_cost_of_a_network_with_uncounted_layers_is_a_lower_bound(compare, result):
    models = (result("known", (0.9, 0.9)), result("attention", (0.8, 0.8), uncounted=("attention",)))
    cells = [row[6] for row in tables.comparison_table(compare(models=models), {}).rows]
    assert cells == ["6.1 M", "≥ 6.1 M"]


def test_cells_are_sorted_by_the_numbers_behind_them(comparison):
    keys = tables.comparison_table(comparison, {}).keys
    assert keys[0][2] == pytest.approx(0.91) and keys[0][5:7] == (61_706, 416_520)
    assert [row[0] for row in keys] == [None] * 3
    assert math.isnan(keys[2][7]), "no receptive field to speak of"


def test_a_subgroup_has_its_own_scores_beside_those_of_all_images(comparison, compare, result):
    (table,) = tables.subgroup_tables(comparison)
    assert table.header == ("model", "all images", "mono", "poly")
    assert table.rows[0] == ("lenet5", "0.910 ± 0.014", "0.910 ± 0.014", "0.810 ± 0.014")
    assert tables.subgroup_tables(compare(models=(result("a", (0.9, 0.9), subgroups={}),))) == ()


def test_every_replicate_is_listed_with_its_validation(comparison):
    assert tables.replicates_table(comparison).rows[0] == ("lenet5", "0.900 0.920", "0.910 0.930")


def test_rows_hold_the_numbers_behind_the_text(comparison):
    best = tables.comparison_rows(comparison)[0]
    assert (best.model, best.values, best.parameters) == ("lenet5", (0.90, 0.92), 61_706)
    assert best.mean == pytest.approx(0.91)
    assert best.deviation == pytest.approx(math.sqrt(0.0002))
    assert best.train_seconds == 41.0
    assert best.seconds_per_image == pytest.approx(0.0012)


def test_an_error_puts_the_smallest_first(compare):
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


def test_the_other_metrics_leave_the_primary_one_out_and_mark_errors(comparison, compare):
    table = tables.other_metrics_table(comparison)
    assert table.header == ("model", "log loss ↓")
    assert table.rows[0] == ("lenet5", "0.090 ± 0.014")
    assert tables.other_metrics_table(compare(primary_metric="log_loss")).header == ("model", "accuracy")


def test_a_metric_that_one_model_lacks_is_a_dash(compare, result):
    models = (result("a", (0.9, 0.9)), result("b", (0.5, 0.5), scores={"accuracy": (0.5, 0.5), "top_5": (0.7,)}))
    table = tables.other_metrics_table(compare(models=models))
    assert table.header == ("model", "log loss ↓", "top 5")
    assert table.rows == (("a", "0.100 ± 0.000", "–"), ("b", "–", "0.700"))


@pytest.fixture
def forked(compare, result):
    """Two models that answer one more question than the third, and one that is asked another question."""
    further = {"subgroup/accuracy": (0.8, 0.9), "subgroup/roc_auc": (0.7, 0.7), "subgroup/f1": (0.1, 0.1)}
    return compare(
        models=(
            result("plain", (0.9, 0.9)),
            result("forked", (0.7, 0.7), scores={"accuracy": (0.7, 0.7), **further}),
            result("more", (0.8, 0.8), scores={"accuracy": (0.8, 0.8), **further, "same/accuracy": (0.5, 0.6)}),
            result(
                "siamese", (0.6, 0.6), question="whether two images show the same class", classes=("different", "same")
            ),
        )
    )


def test_further_outputs_have_a_row_each_in_the_order_of_the_models(forked):
    table = tables.further_outputs_table(forked)
    assert table.header == ("model", "output", "accuracy", "balanced accuracy", "ROC AUC", "log loss ↓")
    assert table.rows == (
        ("more", "same", "0.550 ± 0.071", "–", "–", "–"),
        ("more", "subgroup", "0.850 ± 0.071", "–", "0.700 ± 0.000", "–"),
        ("forked", "subgroup", "0.850 ± 0.071", "–", "0.700 ± 0.000", "–"),
    )
    assert tables.other_metrics_table(forked).header == ("model", "log loss ↓")


def test_where_every_model_has_one_output_there_are_no_further_ones(comparison):
    assert tables.further_outputs_table(comparison).rows == ()


def test_a_model_that_was_asked_something_else_is_told(forked, comparison):
    assert tables.other_questions(comparison) == ()
    assert tables.other_questions(forked) == (
        "siamese says whether two images show the same class, so its scores do not stand beside those of the others.",
    )


def test_counts_add_up_along_rows_and_columns(comparison):
    table = tables.counts_table(comparison.data)
    assert table.header == ("class", "train", "test", "all")
    assert table.rows == (
        ("functional", "1,203", "400", "1,603"),
        ("defective", "1,000", "400", "1,400"),
        ("all", "2,203", "800", "3,003"),
    )
