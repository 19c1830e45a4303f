"""Time `convtrack compare` for ten runs in a store of 10,000.

The store is an SQLite file in a temporary folder. It holds 2,000 models with four replicates each; ten models have
predictions for 662 test images in 11 groups. The time is that of the whole command, once with ten run ids and once with
a filter that searches all runs.

    python -m benchmarks.compare

Expected on 2 cores of an EPYC: 7 s by id and 8 s by filter, 4 s of which are imports. Filling the store takes 30 s.
"""

import json
import os
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.command import run_part
from benchmarks.measurements import Measurement, of_rounds
from pipeline.evaluation import metrics
from pipeline.evaluation.predictions import Predictions, write_predictions
from pipeline.tracking.names import DATA_DIGEST, EVALUATED, EVALUATION, KIND, SEED
from pipeline.tracking.tracker import Tracker

RUNS, COMPARED, REPLICATES = 10_000, 10, 4
IMAGES, GROUPS = 662, 11
PARAMETERS, METRICS = 25, 40
LIMIT = 10.0  # seconds
ROUNDS = 3


def fill(file: Path, experiment: str, runs: int) -> None:
    """Write finished models and their replicates directly into the tables of a store, because MLflow is slower."""
    rows: dict[str, list[tuple[Any, ...]]] = {"runs": [], "params": [], "tags": [], "latest_metrics": []}
    for model in range(runs // (1 + REPLICATES)):
        parent = uuid.uuid4().hex
        for number in range(-1, REPLICATES):
            run, began = (parent if number < 0 else uuid.uuid4().hex), 1_700_000_000_000 + 1000 * model
            place = f"{file.parent}/{run}/artifacts"
            name = f"model_{model}" if number < 0 else f"model_{model} replicate {number + 1}"
            rows["runs"].append((run, name, "FINISHED", began, began + 60_000, "active", place, experiment))
            tags = {"mlflow.runName": name, "convtrack.fingerprint": uuid.uuid4().hex * 2, "convtrack.model": name}
            tags |= {KIND: "model"} if number < 0 else {KIND: "replicate", "mlflow.parentRunId": parent}
            rows["tags"] += [(key, value, run) for key, value in tags.items()]
            rows["params"] += [(f"training.setting_{one}", str(model % 7), run) for one in range(PARAMETERS)]
            rows["latest_metrics"] += [(f"test/metric_{one}", 0.5, began, 0, 0, run) for one in range(METRICS)]
    columns = {
        "runs": "run_uuid, name, status, start_time, end_time, lifecycle_stage, artifact_uri, experiment_id",
        "params": "key, value, run_uuid",
        "tags": "key, value, run_uuid",
        "latest_metrics": "key, value, timestamp, step, is_nan, run_uuid",
    }
    with sqlite3.connect(file) as store:
        for table, listed in rows.items():
            marks = ", ".join("?" * len(listed[0]))
            store.executemany(f"insert into {table} ({columns[table]}) values ({marks})", listed)
    store.close()


def publish(tracker: Tracker, number: int, folder: Path) -> str:
    """Log a model with predictions, which are better for a higher `number`; return the id of its run."""
    random = np.random.default_rng(number)
    parameters = {"model.name": f"candidate_{number}", "training.epochs": 10, "model.options.units": 10 * number}
    tags = {DATA_DIGEST: "d1ce"}
    name = f"candidate_{number}"
    parent = tracker.parent(f"f00d{number}", name, parameters=parameters, tags=tags)
    truth = np.arange(IMAGES) % 2
    predictions, children = {}, {}
    for replicate in range(REPLICATES):
        children[replicate] = tracker.child(
            parent, f"beef{number}-{replicate}", name, replicate, parameters={SEED: 0}, tags={**tags}
        )
        positive = 1 / (1 + np.exp(-random.normal((0.5 + number / 10) * (2 * truth - 1), 1)))
        predictions[replicate] = Predictions(
            images=np.arange(IMAGES),
            partners=None,
            groups=np.arange(IMAGES) * GROUPS // IMAGES,
            subgroups=None,
            classes=np.array(["functional", "defective"]),
            truth=truth,
            probabilities=np.stack([1 - positive, positive], axis=1),
            trained_on=1500,
        )
        scores = metrics.scores(truth, predictions[replicate].probabilities)
        tracker.log_metrics(children[replicate], {f"test/{metric}": value for metric, value in scores})
        tracker.end(children[replicate], "FINISHED")
    file = folder / "predictions.npz"
    write_predictions(file, {"class": predictions})
    tracker.log_files(parent, [file], EVALUATION)
    tracker.tag(parent, {EVALUATED: json.dumps(children)})
    tracker.log_metrics(parent, {"parameters": 1000 * (1 + number), "multiply_accumulates": 1e6 * (1 + number)})
    tracker.end(parent, "FINISHED")
    return parent


def seconds(arguments: list[str], folder: Path) -> float:
    """Seconds of the command; exit if it fails or does not compare all runs."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "compare", *arguments, "--metric", "roc_auc"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    taken = time.perf_counter() - began
    if done.returncode or f"{COMPARED} runs of" not in done.stdout:
        sys.exit(done.stdout + done.stderr)
    return taken


def measure(rounds: int) -> Iterator[Measurement]:
    """Yield the seconds by run ids and by a filter."""
    project = Path.cwd()
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        os.chdir(folder)
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder / 'mlflow.db'}"
        os.environ["PYTHONPATH"] = str(project)
        tracker = Tracker.open("elpv")
        fill(folder / "mlflow.db", tracker.experiment, RUNS - COMPARED * (1 + REPLICATES))
        runs = [publish(tracker, number, folder) for number in range(COMPARED)]
        ways = {"by id": runs, "by a filter": ["params.training.epochs = '10'"]}
        taken = {way: [seconds(arguments, folder) for _ in range(rounds)] for way, arguments in ways.items()}
        os.chdir(project)
    for way, values in taken.items():
        yield of_rounds("compare", f"{COMPARED} runs among {RUNS:,}, {way}", values, unit="s", goal=LIMIT)


if __name__ == "__main__":
    run_part("compare")
