import csv
from dataclasses import replace
from pathlib import Path

import pytest

REPORT = Path("reports/solar_cells")


@pytest.fixture(scope="module")
def numbers(study):
    from pipeline.studies.solar_cells.solar_report import Numbers
    from pipeline.studies.solar_cells.solar_scores import four_class_scores, rate_scores, two_class_scores

    return Numbers(two_class_scores(study), four_class_scores(study), rate_scores(study), study)


def test_scores_and_differences_are_those_of_the_simulated_networks(numbers):
    name = "logistic regression"
    for scores, random in ((numbers.two, 0.9), (numbers.four, 0.8)):
        assert scores.estimate("random", "accuracy", name).mean == pytest.approx(random, abs=0.02)
        assert scores.estimate("by module", "accuracy", name).mean == pytest.approx(random - 0.1, abs=0.02)
        assert scores.difference[name]["accuracy"].mean == pytest.approx(0.1, abs=0.03)
    assert numbers.two.difference[name]["accuracy"].low > 0  # six replicates
    assert {split: round(value, 2) for split, value in numbers.two.always.items()} == {
        "random": 0.69,
        "by module": 0.69,
    }


def test_the_rule_without_pixels_is_better_than_chance_on_the_published_labels(numbers):
    assert numbers.rule["accuracy"].mean > 0.72
    assert numbers.rule["roc_auc"].mean > 0.7


def test_the_report_answers_with_the_difference_and_names_every_network(numbers):
    from pipeline.studies.solar_cells.solar_report import report_text

    text = report_text(numbers)
    answer = text.split("\n\n")[1]
    assert answer.startswith("**Answer.**")
    for metric in ("accuracy", "roc_auc"):
        difference = numbers.two.difference["small VGG"][metric]
        assert f"+{100 * difference.mean:.1f} (" in answer
    assert all(f"| {name} " in text for name in numbers.two.costs)
    assert "CC BY-NC-SA 4.0" in text


def test_a_difference_that_may_be_zero_is_not_called_a_gain(numbers):
    from pipeline.studies.solar_cells.solar_report import report_text

    same = {
        name: {metric: replace(one, mean=0.01, low=-0.03, high=0.05) for metric, one in by_metric.items()}
        for name, by_metric in numbers.two.difference.items()
    }
    answer = report_text(numbers._replace(two=replace(numbers.two, difference=same))).split("\n\n")[1]
    assert "no difference in ROC AUC between the splits is shown; no difference in accuracy is shown" in answer


def test_panels_sort_networks_by_cost_and_hold_their_estimates(numbers):
    from pipeline.studies.solar_cells.solar_figures import score_panels, scores_figure

    panels = score_panels(numbers.two, numbers.rule, {"accuracy": {"SVM": 0.8244}, "roc_auc": {}})
    assert [panel.title for panel in panels] == ["Accuracy", "ROC AUC"]
    _, *networks = panels[0].networks
    assert len(networks) == 5
    rule, *means = [one.mean for one in panels[0].estimates["random"]]
    assert rule == numbers.rule["accuracy"].mean
    assert means == [numbers.two.estimate("random", "accuracy", name).mean for name in networks]
    assert panels[0].estimates["by module"][0] is None
    assert [text.get_text() for text in scores_figure(panels).axes[0].texts] == ["SVM"]


def test_mosaics_show_modules_of_60_cells_with_their_defects(study):
    from pipeline.studies.solar_cells.solar_figures import CREDIT, module_mosaics, mosaics_figure

    mosaics = module_mosaics(study.modules)
    assert [mosaic.pixels.shape[0] for mosaic in mosaics] == [60] * 4
    for mosaic in mosaics:
        assert f": {mosaic.defective.sum()} of 60 defective" in mosaic.title
    assert CREDIT in mosaics_figure(mosaics).get_supxlabel()


def test_the_table_of_cells_is_complete(study):
    from pipeline.studies.solar_cells.solar_protocol import COLUMNS, cells_csv

    rows = list(csv.DictReader(cells_csv(study).splitlines()))
    assert (len(rows), tuple(rows[0])) == (2624, COLUMNS)
    chances = {"0": 588 + 920, "1/3": 117 + 178, "2/3": 56 + 50, "1": 313 + 402}
    assert {value: sum(row["probability"] == value for row in rows) for value in chances} == chances
    assert not any(row["module_1"] == "2" for row in rows if row["tuning"] == "1")


def test_the_committed_table_of_cells_is_what_the_code_draws(study):
    from pipeline.studies.solar_cells.solar_protocol import cells_csv

    assert (REPORT / "cells.csv").read_text() == cells_csv(study)
