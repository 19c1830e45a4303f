"""Log a comparison: the results that depend on all its models together.

The parent run of each model gets its interval, its verdict, tags for the parameters in which the models differ, and a
description. The one run of the kind `comparison` for these images gets the report, and the score and settings of the
recommended model. The experiment gets three shared views.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import yaml

from pipeline.comparison.gather import gather_comparison
from pipeline.counts import number_of
from pipeline.data.looks import test_set_digest
from pipeline.data.prepared import Prepared
from pipeline.reporting.content import Comparison, ModelResult, metric_label
from pipeline.reporting.costs import COLUMNS
from pipeline.reporting.tables.settings import differing, written
from pipeline.reporting.tables.text_table import code, escaped
from pipeline.reporting.text.conclusions import answer, conclusion
from pipeline.reporting.text.pair_verdicts import sentence
from pipeline.reporting.text.quantities import confidence, interval, mean, spread
from pipeline.statistics.results import Certainty
from pipeline.storage.folders import REPORT, report_files
from pipeline.tracking import views
from pipeline.tracking.names import COMPARED, DIFFERS, SIDE_BY_SIDE_VIEW, TABLE_VIEW, VERDICT
from pipeline.tracking.publish.model_runs import ModelRuns
from pipeline.tracking.publish.shared_views import share_views
from pipeline.tracking.publish.shown_results import result_tags, short_names
from pipeline.tracking.published import Published, model_fingerprint, remember
from pipeline.tracking.tracker import Tracker

REPORT_FOLDER = "report"
"""Artifact folder of the run `comparison`."""
MAX_PAIRS = 12
"""Sentences about pairs in a description, which MLflow limits to 8,000 characters."""


def compare_published(
    runs: Mapping[str, ModelRuns], prepared: Prepared, *, primary_metric: str, margin: float
) -> Comparison:
    """The comparison of models that have been logged, with a link to their runs.

    Raises:
        UserError: a model has not been evaluated.
    """
    return gather_comparison(
        list(runs),
        prepared.manifest,
        test_set=test_set_digest(prepared),
        primary_metric=primary_metric,
        margin=margin,
        tracking_link=comparison_page(next(iter(runs.values())).tracker.experiment, views.ui_address()),
    )


def comparison_page(experiment: str, server: str) -> str:
    """The page of the MLflow UI at `server` that shows the models as a table."""
    return views.view_page(experiment, TABLE_VIEW, server)


def publish_comparison(
    tracker: Tracker, runs: Mapping[str, ModelRuns], comparison: Comparison, data_digest: str
) -> None:
    """Log the comparison and the report in `reports/`, so that MLflow's own pages show which model to use.

    The run `comparison` of other images keeps its report.
    """
    _log_dvc_lock(runs)
    different = differing({model.name: model.configuration for model in comparison.networks})
    short = short_names(list(different))
    own = {
        model.name: {name: written(values[model.name]) for name, values in different.items() if model.name in values}
        for model in comparison.models
    }
    shown = {
        model.name: result_tags(model, comparison)
        | {DIFFERS + short[name]: value for name, value in own[model.name].items()}
        for model in comparison.models
    }
    record = tracker.only_run("comparison", data_digest)
    links = {
        "report": views.artifact_page(tracker.experiment, record, f"{REPORT_FOLDER}/{REPORT.name}"),
        "all models as a table": comparison_page(tracker.experiment, "").lstrip("/"),
        "side by side": views.view_page(tracker.experiment, SIDE_BY_SIDE_VIEW, "", charts=True).lstrip("/"),
    }
    for model in comparison.models:
        run = runs[model.name].parent
        _log_result(tracker, run, model, comparison, shown[model.name])
        text = description(model, comparison, own[model.name], links, verdict=shown[model.name][VERDICT])
        tracker.describe(run, text)
    _publish_record(tracker, record, comparison, shown, links["report"])
    tracker.tag_only([record, *(one.parent for one in runs.values())], COMPARED, "true")
    share_views(tracker, comparison, different, [DIFFERS + name for name in short.values()])
    remember(comparison.data.name, Published(tracker.experiment, {model: one.parent for model, one in runs.items()}))


def _publish_record(
    tracker: Tracker, record: str, comparison: Comparison, shown: Mapping[str, Mapping[str, str]], address: str
) -> None:
    """Log the report, the tables, and the result of the model to use, else of the one with the best mean.

    `shown` are the tags of each model, `address` is that of the logged report.
    """
    concluded = conclusion(comparison.certainty, comparison.decisive_costs, baselines=comparison.baselines)
    names = [concluded.model, *(one.model for one in comparison.certainty.estimates)]
    leading = next((model for name in names for model in comparison.models if model.name == name), None)
    if leading is not None:
        mark = f"report: use {concluded.model}" if concluded.model else "report: no clear choice"
        _log_result(tracker, record, leading, comparison, {**shown[leading.name], VERDICT: mark})
    text = escaped(" ".join((concluded.answer, *concluded.support)))
    tracker.describe(record, f"[Report]({address}): {text}")
    tracker.replace_files(record, report_files(), REPORT_FOLDER)
    tracker.log_text(record, models_table(comparison).to_csv(index=False), "models.csv")
    tracker.log_text(record, pairs_table(comparison.certainty).to_csv(index=False), "pairs.csv")
    tracker.end(record, "FINISHED")


def _log_result(
    tracker: Tracker, run: str, model: ModelResult, comparison: Comparison, tags: Mapping[str, str]
) -> None:
    """Log a model's score with its interval to a run, and set the tags that the run table shows."""
    metric = f"test/{comparison.primary_metric}"
    values = {metric: mean(model.scores[comparison.primary_metric])}
    for estimate in comparison.certainty.estimates:
        if estimate.model == model.name:
            values |= {f"{metric}_low": estimate.low, f"{metric}_high": estimate.high}
    tracker.log_metrics(run, values)
    tracker.replace_tags(run, DIFFERS, tags)


def description(
    model: ModelResult, comparison: Comparison, different: Mapping[str, str], links: Mapping[str, str], *, verdict: str
) -> str:
    """The description of a model's run, Markdown: its score, its verdict, links, its settings, and its pairs.

    The first line is visible at once, the rest after a click. `different` are the model's values of the parameters in
    which the models differ, `links` addresses by their text.
    """
    certainty, metric = comparison.certainty, comparison.primary_metric
    scores = model.scores[metric]
    ends = [interval(one.low, one.high) for one in certainty.estimates if one.model == model.name]
    range_ = f", {confidence(certainty.level)} interval {ends[0]}" if any(ends) else ""
    over = f"over {number_of(len(scores), 'replicate')}"
    score = f"Test {metric_label(metric)} **{spread(scores)}** {over}{range_}: {verdict}."
    concluded = answer(certainty, comparison.decisive_costs, baselines=comparison.baselines)
    rows = [f"| {code(name)} | {code(value)} |" for name, value in different.items()]
    pairs = [sentence(pair, certainty) for pair in certainty.pairs if model.name in (pair.first, pair.second)]
    left_out = len(pairs) - MAX_PAIRS
    if left_out > 0:
        pairs = [*pairs[:MAX_PAIRS], f"The report lists {left_out} more pairs."]
    if model.other_target is not None:
        pairs.append(f"{model.name} predicts {model.other_target}, so it is not compared with the other models.")
    return "\n".join(
        [
            score,
            "",
            f"**All models:** {escaped(concluded)}",
            "",
            " · ".join(f"[{text}]({address})" for text, address in links.items()),
            "",
            *(["| differing setting | value |", "| --- | --- |", *rows, ""] if rows else []),
            *(f"- {escaped(line)}" for line in pairs),
        ]
    )


def models_table(comparison: Comparison) -> pd.DataFrame:
    """A row per model: the primary metric and its interval, the costs, and the means of the other test metrics."""
    metric = comparison.primary_metric
    estimates = {estimate.model: estimate for estimate in comparison.certainty.estimates}
    rows = []
    for model in comparison.models:
        estimate = estimates.get(model.name)
        rows.append(
            {
                "model": model.name,
                metric: mean(model.scores[metric]),
                f"{metric}_deviation": estimate and estimate.deviation,
                f"{metric}_low": estimate and estimate.low,
                f"{metric}_high": estimate and estimate.high,
                **{cost.key: model.mean_cost(cost.key) for cost in COLUMNS},
                **{name: mean(values) for name, values in model.scores.items() if name != metric},
            }
        )
    return pd.DataFrame(rows)


def pairs_table(certainty: Certainty) -> pd.DataFrame:
    """A row per pair of models: all computed values, and the conclusion as a sentence."""
    return pd.DataFrame([{**asdict(pair), "in_words": sentence(pair, certainty)} for pair in certainty.pairs])


def published_runs(tracker: Tracker, models: Sequence[str]) -> dict[str, str]:
    """The ids of the parent runs of the models that are trained and in the store, by model."""
    found = {}
    for model in models:
        fingerprint = model_fingerprint(model)
        run = tracker.find(fingerprint, model) if fingerprint else None
        if run is not None:
            found[model] = str(run.info.run_id)
    return found


def _log_dvc_lock(runs: Mapping[str, ModelRuns]) -> None:
    """Log to each model's run what DVC has locked of its stages, which is known only after the stages have ended."""
    lock = Path("dvc.lock")
    if not lock.is_file():
        return
    stages = yaml.safe_load(lock.read_text(encoding="utf-8"))["stages"]
    for model, own in runs.items():
        locked = {
            name: entry for name, entry in stages.items() if name in ("prepare", "build") or name.endswith(f"@{model}")
        }
        own.tracker.log_json(own.parent, locked, "dvc.lock.json")
