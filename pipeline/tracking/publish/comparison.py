"""Log a comparison: the results that depend on all its models together.

The parent run of each model gets its interval, tags for the parameters in which the models differ, and a description.
The experiment's one run named `comparison` gets the report. The experiment gets two shared views.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import yaml

from pipeline.comparison.gather import gather_comparison
from pipeline.data.looks import test_set_digest
from pipeline.data.prepared import Prepared
from pipeline.evaluation.metrics import LOWER_IS_BETTER
from pipeline.reporting.content import Comparison, ModelResult, metric_label
from pipeline.reporting.costs import COLUMNS, DRAWN
from pipeline.reporting.tables.settings import differing, written
from pipeline.reporting.tables.text_table import escaped
from pipeline.reporting.text.conclusions import answer
from pipeline.reporting.text.pair_verdicts import sentence
from pipeline.reporting.text.quantities import interval, mean, share, spread
from pipeline.statistics.results import LEVEL, Certainty
from pipeline.storage.folders import report_files
from pipeline.tracking import views
from pipeline.tracking.logged_networks import find_network
from pipeline.tracking.names import CHARTS_VIEW, TABLE_VIEW
from pipeline.tracking.publish.model_runs import ModelRuns
from pipeline.tracking.published import Published, model_fingerprint, remember
from pipeline.tracking.tracker import Tracker

DIFFERS = "differs."
"""Prefix of the tags that hold a model's values of the parameters in which the models differ."""
MAX_PAIRS = 12
"""Sentences about pairs in a description, which MLflow limits to 8,000 characters."""
MAX_TAG_COLUMNS = 8
"""Tags in the shared table: more of them push the scores off the screen."""


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
        test_set=test_set_digest(prepared.splits, prepared.manifest),
        primary_metric=primary_metric,
        margin=margin,
        tracking_link=comparison_page(runs, views.ui_address()),
    )


def comparison_page(runs: Mapping[str, ModelRuns], server: str) -> str:
    """The page of the MLflow UI at `server` that shows the models side by side."""
    experiment = next(iter(runs.values())).tracker.experiment
    return views.runs_page(experiment, [one.parent for one in runs.values()], server)


def publish_comparison(tracker: Tracker, runs: Mapping[str, ModelRuns], comparison: Comparison) -> None:
    """Log the comparison and the report in `reports/`, so that MLflow's own pages show which model to use."""
    _log_dvc_lock(runs)
    metric = comparison.primary_metric
    different = differing({model.name: model.configuration for model in comparison.networks})
    record = tracker.only_run("comparison")
    links = {
        "report, figures and tables": views.artifacts_page(tracker.experiment, record),
        "all models side by side": comparison_page(runs, "").lstrip("/"),
    }
    for model in comparison.models:
        own = {name: written(values[model.name]) for name, values in different.items() if model.name in values}
        _publish_model(runs[model.name], model, comparison, own, links)
    tracker.describe(
        record, escaped(answer(comparison.certainty, comparison.decisive_costs, baselines=comparison.baselines))
    )
    tracker.replace_files(record, report_files(), "report")
    tracker.log_text(record, models_table(comparison).to_csv(index=False), "models.csv")
    tracker.log_text(record, pairs_table(comparison.certainty).to_csv(index=False), "pairs.csv")
    tracker.end(record, "FINISHED")
    share_table(tracker, metric, tags=[DIFFERS + name for name in list(different)[:MAX_TAG_COLUMNS]])
    parameters = [name for name, values in different.items() if len(values) == len(comparison.networks)]
    charts = views.charts_view(
        CHARTS_VIEW, metric=f"test/{metric}", costs=[cost.key for cost in DRAWN[:3]], parameters=parameters
    )
    tracker.share_view(CHARTS_VIEW, charts)
    remember(comparison.data.name, Published(tracker.experiment, {model: own.parent for model, own in runs.items()}))


def _publish_model(
    runs: ModelRuns, model: ModelResult, comparison: Comparison, different: Mapping[str, str], links: Mapping[str, str]
) -> None:
    """Log to a model's run what the comparison shows about it; see `description`."""
    tracker, run, metric = runs.tracker, runs.parent, comparison.primary_metric
    for estimate in comparison.certainty.estimates:
        if estimate.model == model.name:
            tracker.log_metrics(run, {f"test/{metric}_low": estimate.low, f"test/{metric}_high": estimate.high})
    network = find_network(tracker, run)
    if network is not None:
        # Not as `test/…`, which is the score of the one replicate whose network this is.
        tracker.log_metrics(run, {f"mean_of_replicates/{metric}": mean(model.scores[metric])}, model=network)
    tracker.replace_tags(run, DIFFERS, {DIFFERS + name: value for name, value in different.items()})
    tracker.describe(run, description(model, comparison, different, links))


def description(
    model: ModelResult, comparison: Comparison, different: Mapping[str, str], links: Mapping[str, str]
) -> str:
    """The description of a model's run, Markdown: its own settings, its score, the conclusion, links, and its pairs.

    `different` are the model's values of the parameters in which the models differ, `links` addresses by their text.
    """
    certainty, metric = comparison.certainty, comparison.primary_metric
    scores = model.scores[metric]
    ends = [interval(one.low, one.high) for one in certainty.estimates if one.model == model.name]
    range_ = f", {share(LEVEL)} interval {ends[0]}" if any(ends) else ""
    score = f"Test {metric_label(metric)} **{spread(scores)}** over {len(scores)} replicates{range_}."
    concluded = answer(certainty, comparison.decisive_costs, baselines=comparison.baselines)
    rows = [f"| `{name}` | `{value}` |" for name, value in different.items()]
    pairs = [sentence(pair, certainty) for pair in certainty.pairs if model.name in (pair.first, pair.second)]
    left_out = len(pairs) - MAX_PAIRS
    if left_out > 0:
        pairs = [*pairs[:MAX_PAIRS], f"The report lists {left_out} more pairs."]
    if model.other_target is not None:
        pairs.append(f"{model.name} predicts {model.other_target}, so it is not compared with the other models.")
    return "\n".join(
        [
            *(["| differing setting | value |", "| --- | --- |", *rows, ""] if rows else []),
            score,
            "",
            f"**All models:** {escaped(concluded)}",
            "",
            " · ".join(f"[{text}]({address})" for text, address in links.items()),
            "",
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


def share_table(tracker: Tracker, primary_metric: str, *, tags: Sequence[str] = ()) -> None:
    """Share a view of the run table: a row per model, the best first.

    Its columns are the primary metric with its interval, the same metric on validation images, by which a model may be
    chosen, the accuracy, the costs, and the given tags.
    """
    primary = f"test/{primary_metric}"
    own = [primary, *(f"{primary}_{part}" for part in ("low", "high", "deviation")), f"validation/{primary_metric}"]
    view = views.table_view(
        metrics=dict.fromkeys([*own, "test/accuracy", *(cost.key for cost in COLUMNS)]),
        tags=tags,
        order_by=primary,
        ascending=primary_metric in LOWER_IS_BETTER,
    )
    tracker.share_view(TABLE_VIEW, view)


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
