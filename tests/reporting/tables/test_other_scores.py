from dataclasses import replace

import pytest

from pipeline.evaluation.metrics import METRICS
from pipeline.reporting.tables import other_scores as tables


def test_the_scores_of_a_subgroup_are_shown_next_to_those_of_all_images(comparison, compare, result):
    (table,) = tables.subgroup_tables(comparison)
    assert table.header == ("model", "all images", "mono", "poly")
    assert table.rows[0] == ("lenet5", "0.910 ± 0.014", "0.910 ± 0.014", "0.810 ± 0.014")
    assert tables.subgroup_tables(compare(models=(result("a", (0.9, 0.9), subgroups={}),))) == ()


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
    """Two models with more outputs than the third, and one that predicts something else."""
    further = {"subgroup/accuracy": (0.8, 0.9), "subgroup/roc_auc": (0.7, 0.7), "subgroup/f1": (0.1, 0.1)}
    return compare(
        models=(
            result("plain", (0.9, 0.9)),
            result("forked", (0.7, 0.7), scores={"accuracy": (0.7, 0.7), **further}),
            result("more", (0.8, 0.8), scores={"accuracy": (0.8, 0.8), **further, "same/accuracy": (0.5, 0.6)}),
            result(
                "siamese",
                (0.6, 0.6),
                other_target="whether two images show the same class",
                classes=("different", "same"),
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


def test_a_metric_marked_for_further_outputs_has_a_column(forked, monkeypatch):
    monkeypatch.setitem(METRICS, "f1", replace(METRICS["f1"], for_further_outputs=True))
    table = tables.further_outputs_table(forked)
    assert table.header == ("model", "output", "accuracy", "balanced accuracy", "F1", "ROC AUC", "log loss ↓")
    assert table.rows[1][4] == "0.100 ± 0.000"


def test_models_with_one_output_have_no_further_outputs(comparison):
    assert tables.further_outputs_table(comparison).rows == ()
