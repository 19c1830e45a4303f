"""The published comparison, remembered in a file: linking to its pages then needs no import of MLflow.

The file is only trusted while the store still has what it names. An SQLite store is asked directly, read-only.
"""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from pipeline.storage.files import read_json, write_json
from pipeline.storage.folders import RunFolder, cache_folder
from pipeline.tracking.address import SQLITE, artifact_folder, is_default_store, shown_address, store_address
from pipeline.tracking.projects import experiment_name


def published_file() -> Path:
    """The file, in the cache."""
    return cache_folder() / "published.json"


class Published(NamedTuple):
    """The experiment of the compared models, and the run of each model, by name."""

    experiment: str
    runs: Mapping[str, str]


def remember(data: str, published: Published) -> None:
    """Write the file: these are the runs of the trainings in the run folders, in the present store."""
    write_json(
        published_file(),
        {
            "store": shown_address(),
            "data": data,
            "name": experiment_name(data),
            "experiment": published.experiment,
            "runs": published.runs,
            "fingerprints": {model: model_fingerprint(model) for model in published.runs},
        },
    )


def recall(data: str, models: Sequence[str]) -> Published | None:
    """The remembered comparison of these models; None if it is unknown, outdated, or no longer in the store.

    A tracking server is not asked, because that takes as long as importing MLflow.
    """
    try:
        held = json.loads(published_file().read_bytes())
        if (held["store"], held["data"], held["name"]) != (shown_address(), data, experiment_name(data)):
            return None
        published = Published(held["experiment"], {model: held["runs"][model] for model in models})
        if any(held["fingerprints"][model] != model_fingerprint(model) for model in models):
            return None
    except (OSError, ValueError, LookupError, TypeError):
        return None
    kept = store_address().startswith("http") or _in_sqlite(published)
    return published if kept else None


def model_fingerprint(model: str) -> str | None:
    """The fingerprint of the results in the model's run folder; None if it is neither trained nor a fitted baseline."""
    run = RunFolder.of(model)
    for file, key in ((run.replicates, "model_fingerprint"), (run.baseline, "fingerprint")):
        if file.is_file():
            return str(read_json(file)[key])
    return None


def _in_sqlite(published: Published) -> bool:
    """Whether the store is an SQLite file with these runs, and no run of the experiment waits for its end.

    Runs whose process was killed stay in the state RUNNING until the experiment is opened with MLflow.
    """
    if not store_address().startswith(SQLITE):
        return False
    file = Path(store_address().removeprefix(SQLITE))
    folder = artifact_folder().as_uri() if is_default_store() else None
    marks = ", ".join("?" * len(published.runs))
    try:
        with closing(sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True, timeout=5)) as store:
            ((experiments,),) = store.execute(
                "select count(*) from experiments where experiment_id = ? and lifecycle_stage = 'active' and "
                "artifact_location = coalesce(?, artifact_location)",
                (published.experiment, folder),
            )
            active = "from runs where experiment_id = ? and lifecycle_stage = 'active' and"
            ((runs,),) = store.execute(
                f"select count(*) {active} run_uuid in ({marks})", (published.experiment, *published.runs.values())
            )
            ((running,),) = store.execute(f"select count(*) {active} status = 'RUNNING'", (published.experiment,))
    except sqlite3.Error:
        return False
    return bool(experiments == 1 and runs == len(published.runs) and running == 0)
