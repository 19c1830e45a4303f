"""What MLflow can only be told, or asked, about all models of a comparison together."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from pipeline.evaluation.metrics import LOWER_IS_BETTER
from pipeline.publishing.training import Published
from pipeline.runs import RunFolder, read_json
from pipeline.tracking import LOCAL_SERVER, Tracker, shown_address

VIEW = "comparison"
COSTS = ("parameters", "multiply_accumulates", "train_seconds", "seconds_per_image")


def address_of_models(tracker: Tracker, published: Mapping[str, Published]) -> str:
    """The page of the MLflow UI with the models side by side: on the tracking server, else where `make ui` serves."""
    address = shown_address()
    server = address if address.startswith("http") else LOCAL_SERVER
    return tracker.address_of_comparison([runs.parent for runs in published.values()], server.rstrip("/"))


def share_table(tracker: Tracker, primary_metric: str) -> None:
    """Keep a view of MLflow's run table with the models as rows, the best by the primary metric first."""
    primary = f"test/{primary_metric}"
    tracker.share_view(
        VIEW,
        metrics=dict.fromkeys([primary, f"{primary}_deviation", "test/accuracy", *COSTS]),
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
