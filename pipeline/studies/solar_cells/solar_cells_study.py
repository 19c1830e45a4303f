"""Train the networks of the study on solar cells and write its report."""

from typing import Any

import numpy as np

from pipeline.storage.files import replacing
from pipeline.storage.folders import REPORTS
from pipeline.studies.published_values import claim_record
from pipeline.studies.solar_cells.solar_candidates import BY_MODULE, Study, compared_cells, train_all
from pipeline.studies.solar_cells.solar_claims import claim_rows, published_lines
from pipeline.studies.solar_cells.solar_figures import (
    module_mosaics,
    mosaics_figure,
    score_panels,
    scores_figure,
    type_panels,
)
from pipeline.studies.solar_cells.solar_protocol import cells_csv
from pipeline.studies.solar_cells.solar_report import Numbers, report_text
from pipeline.studies.solar_cells.solar_scores import TYPES, four_class_scores, rate_scores, two_class_scores
from pipeline.studies.study_report import write_study_report

NAME = "solar_cells"


def main() -> None:
    """Write `reports/solar_cells/`."""
    study = train_all()
    numbers = Numbers(two_class_scores(study), four_class_scores(study), rate_scores(study), study)
    with replacing(REPORTS / NAME / "cells.csv") as unfinished:
        unfinished.write_text(cells_csv(study), encoding="utf-8")
    always = {"always functional": numbers.two.always[BY_MODULE]}
    panels = score_panels(
        numbers.two,
        numbers.rule,
        {"accuracy": {**always, **published_lines("accuracy")}, "roc_auc": published_lines("roc_auc")},
    )
    write_study_report(
        NAME,
        report_text(numbers),
        {
            "scores": scores_figure(panels),
            "types": scores_figure(type_panels(numbers.two, _functional_shares(study))),
            "modules": mosaics_figure(module_mosaics(study.modules)),
        },
        results=_results(numbers),
    )


def _functional_shares(study: Study) -> dict[str, float]:
    """The share of functional cells of each type among the cells that the split by module tests."""
    compared, kinds = compared_cells(study.modules), np.asarray(study.modules.subgroups)
    return {kind: float((study.modules.labels[compared & (kinds == kind)] == 0).mean()) for kind in TYPES}


def _results(numbers: Numbers) -> dict[str, Any]:
    return {
        "two classes": numbers.two.record(),
        "four classes": numbers.four.record(),
        "claims": [claim_record(claim, ours) for claim, ours in claim_rows(numbers.two, numbers.four)],
        "defect rate of the module": {
            metric: {"mean": one.mean, "low": one.low, "high": one.high} for metric, one in numbers.rule.items()
        },
    }
