"""What MLflow can only be told, or asked, about all models of a comparison together."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import yaml

from pipeline.evaluation.metrics import LOWER_IS_BETTER
from pipeline.reporting.content import Comparison, ModelResult, metric_label
from pipeline.reporting.tables.settings import differing, written
from pipeline.reporting.tables.text_table import escaped
from pipeline.reporting.text.conclusions import answer, sentence
from pipeline.reporting.text.quantities import interval, mean, share, spread
from pipeline.statistics.values import LEVEL, Certainty
from pipeline.storage.files import read_json
from pipeline.storage.folders import RunFolder
from pipeline.tracking.publish.training import Published
from pipeline.tracking.tracker import LOCAL_SERVER, Tracker, shown_address

VIEW = "comparison"
CHARTS = "charts"
COSTS = ("parameters", "multiply_accumulates", "train_seconds", "seconds_per_image")
DIFFERS = "differs."
"""What the tags begin with that hold a model's values of the parameters in which the models differ."""
SHOWN_PAIRS = 12
"""Sentences in a run's description, of which MLflow cuts off what exceeds 8,000 characters."""
SHOWN_DIFFERENCES = 8
"""Columns of such tags in the shared view: more than these push the scores off the screen."""


def publish_comparison(
    tracker: Tracker, published: Mapping[str, Published], comparison: Comparison, files: Sequence[Path]
) -> None:
    """Log what is known of the models together, so that MLflow's own pages answer which of them to use.

    Each model's run gets the interval of its primary metric, tags for the parameters in which the models differ, and a
    description. `files`, the report and its figures, become artefacts of the experiment's one run named `comparison`.
    """
    metric = comparison.primary_metric
    different = differing({model.name: model.configuration for model in comparison.models})
    estimates = {estimate.model: estimate for estimate in comparison.certainty.estimates}
    record = tracker.only(VIEW)
    for model in comparison.models:
        run = published[model.name].parent
        if model.name in estimates:
            estimate = estimates[model.name]
            tracker.log_metrics(run, {f"test/{metric}_low": estimate.low, f"test/{metric}_high": estimate.high})
        network = tracker.logged_network(run)
        if network is not None:
            # By a name of its own, because the logged network is one replicate's, whose own score is `test/…`.
            tracker.log_metrics(run, {f"mean_of_replicates/{metric}": mean(model.scores[metric])}, model=network)
        own = {name: written(held[model.name]) for name, held in different.items() if model.name in held}
        tracker.keep_tags(run, DIFFERS, {DIFFERS + name: value for name, value in own.items()})
        ways = {
            "the report, its figures and tables": tracker.address_of_artefacts(record),
            "all models side by side": tracker.address_of_comparison(
                [one.parent for one in published.values()], ""
            ).lstrip("/"),
        }
        tracker.describe(run, description(model, comparison, own, ways))
    costs = {model.name: model.multiply_accumulates for model in comparison.models}
    tracker.describe(record, escaped(answer(comparison.certainty, costs)))
    tracker.replace_files(record, files, "report")
    tracker.log_text(record, models_table(comparison).to_csv(index=False), "models.csv")
    tracker.log_text(record, pairs_table(comparison.certainty).to_csv(index=False), "pairs.csv")
    tracker.end(record, "FINISHED")
    share_table(tracker, metric, tags=[DIFFERS + name for name in list(different)[:SHOWN_DIFFERENCES]])
    parameters = [name for name, values in different.items() if len(values) == len(comparison.models)]
    tracker.share_charts(CHARTS, metric=f"test/{metric}", costs=COSTS[:3], parameters=parameters)


def description(
    model: ModelResult, comparison: Comparison, different: Mapping[str, str], ways: Mapping[str, str]
) -> str:
    """A model's run in Markdown: where it differs, what is known of it and of all, and where to read on.

    `different` are its values of the parameters in which the models differ, `ways` are addresses by what they show.
    """
    certainty, metric = comparison.certainty, comparison.primary_metric
    scores = model.scores[metric]
    ends = [interval(one.low, one.high) for one in certainty.estimates if one.model == model.name]
    range_ = f", {share(LEVEL)} interval {ends[0]}" if any(ends) else ""
    reached = f"Test {metric_label(metric)} **{spread(scores)}** over {len(scores)} replicates{range_}."
    costs = {one.name: one.multiply_accumulates for one in comparison.models}
    rows = [f"| `{name}` | `{value}` |" for name, value in different.items()]
    pairs = [sentence(pair, certainty) for pair in certainty.pairs if model.name in (pair.first, pair.second)]
    left_out = len(pairs) - SHOWN_PAIRS
    if left_out > 0:
        pairs = [*pairs[:SHOWN_PAIRS], f"{left_out} more pairs stand in the report."]
    if model.question is not None:
        pairs.append(f"{model.name} says {model.question}, so it is compared with no other model.")
    return "\n".join(
        [
            *(["| differs | here |", "| --- | --- |", *rows, ""] if rows else []),
            reached,
            "",
            f"**All models:** {escaped(answer(certainty, costs))}",
            "",
            " · ".join(f"[{shown}]({address})" for shown, address in ways.items()),
            "",
            *(f"- {escaped(line)}" for line in pairs),
        ]
    )


def models_table(comparison: Comparison) -> pd.DataFrame:
    """A row per model: the primary metric with its interval, then what it costs, then the means of all test metrics."""
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
                "parameters": model.parameters,
                "multiply_accumulates": model.multiply_accumulates,
                "train_seconds": mean(model.train_seconds),
                "seconds_per_image": mean(model.seconds_per_image),
                **{name: mean(values) for name, values in model.scores.items() if name != metric},
            }
        )
    return pd.DataFrame(rows)


def pairs_table(certainty: Certainty) -> pd.DataFrame:
    """A row per pair: everything that was computed of it, and its verdict in words."""
    return pd.DataFrame([{**asdict(pair), "in_words": sentence(pair, certainty)} for pair in certainty.pairs])


def address_of_models(tracker: Tracker, published: Mapping[str, Published]) -> str:
    """The page of the MLflow UI with the models side by side: on the tracking server, else where `make ui` serves."""
    address = shown_address()
    server = address if address.startswith("http") else LOCAL_SERVER
    return tracker.address_of_comparison([runs.parent for runs in published.values()], server.rstrip("/"))


def share_table(tracker: Tracker, primary_metric: str, *, tags: Sequence[str] = ()) -> None:
    """Keep a view of MLflow's run table with the models as rows, the best by the primary metric first.

    Its columns are the primary metric with its interval, beside it the one of validation images, by which one may
    choose; accuracy; costs; and the named tags.
    """
    primary = f"test/{primary_metric}"
    own = [primary, *(f"{primary}_{part}" for part in ("low", "high", "deviation")), f"validation/{primary_metric}"]
    tracker.share_view(
        VIEW,
        metrics=dict.fromkeys([*own, "test/accuracy", *COSTS]),
        tags=tags,
        order_by=primary,
        ascending=primary_metric in LOWER_IS_BETTER,
    )


def publish_lock(published: Mapping[str, Published]) -> None:
    """Log what DVC has locked of each model's stages: a stage's own entry does not exist while it runs."""
    lock = Path("dvc.lock")
    if not lock.is_file():
        return
    stages = yaml.safe_load(lock.read_text(encoding="utf-8"))["stages"]
    for model, runs in published.items():
        own = {name: entry for name, entry in stages.items() if name == "prepare" or name.endswith(f"@{model}")}
        runs.tracker.log_values(runs.parent, own, "dvc.lock.json")


def compared_runs(tracker: Tracker, models: Sequence[str]) -> list[str]:
    """The parent runs of the models that have been trained, as far as the store holds them."""
    found = []
    for model in models:
        file = RunFolder.of(model).replicates
        run = tracker.find(read_json(file)["model_fingerprint"], model) if file.is_file() else None
        if run is not None:
            found.append(str(run.info.run_id))
    return found
