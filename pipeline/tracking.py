"""MLflow: one experiment per data set, one parent run per model, one child run per replicate.

Runs are found by fingerprint, never by a stored id, so every call may be repeated: what is there stays, what is
missing is added. This is the only module that imports mlflow.
"""

import errno
import json
import logging
import math
import os
import re
import socket
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")

import mlflow
import numpy as np
import psutil
import requests
from filelock import FileLock
from mlflow.entities import Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException
from PIL import Image
from sqlalchemy.exc import SQLAlchemyError

from pipeline.errors import UserError
from pipeline.runs import CACHE, replacing

for _name in ("mlflow", "alembic", "urllib3"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)  # What they log as errors, they also raise.

DEFAULT_STORE = "sqlite:///mlflow.db"
LOCAL_SERVER = "http://127.0.0.1:5000"
ARTEFACTS = Path("mlartifacts")
FINGERPRINT = "convtrack.fingerprint"
MODEL = "convtrack.model"
KIND = "convtrack.kind"
PROCESS = "convtrack.process"
NETWORK = "convtrack.network"
BATCH = 1000  # metrics in one request, MLflow's limit

STORE_ERRORS = (MlflowException, requests.RequestException, SQLAlchemyError, OSError)
"""What a store that does not answer raises."""

Status = Literal["FINISHED", "FAILED", "KILLED"]


def store_address() -> str:
    """Where runs are kept: `MLFLOW_TRACKING_URI`, or an SQLite file in the project's folder."""
    return os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT_STORE


def shown_address() -> str:
    """The store's address as it may be shown: without the user's name and password."""
    return re.sub(r"//[^/@]*@", "//", store_address())


@dataclass(frozen=True)
class Tracker:
    """The MLflow experiment of one data set."""

    client: Any
    experiment: str

    @classmethod
    def open(cls, data: str) -> "Tracker":
        """Open the store, make the experiment if it is new, and end runs whose process is gone.

        Raises:
            UserError: the store cannot be reached.
        """
        address = store_address()
        with _one_at_a_time(), _reaching(address):
            mlflow.set_tracking_uri(address)
            client = mlflow.MlflowClient(address)
            found = client.get_experiment_by_name(data)
            if found is None:
                local = address.startswith("sqlite:")
                identity = client.create_experiment(
                    data,
                    artifact_location=ARTEFACTS.resolve().as_uri() if local else None,
                    # Without this tag the UI opens in its mode for language models.
                    tags={"mlflow.experimentKind": "custom_model_development"},
                )
            elif found.lifecycle_stage == "deleted":
                raise UserError(
                    f"The MLflow experiment '{data}' in {shown_address()} is deleted; restore it "
                    f"(`mlflow experiments restore -x {found.experiment_id}`) or use another store."
                )
            else:
                identity = found.experiment_id
                _check_place(address, found.artifact_location)
            tracker = cls(client, identity)
            tracker._end_orphans()
        return tracker

    def parent(self, fingerprint: str, model: str, *, parameters: Mapping[str, Any], tags: Mapping[str, str]) -> str:
        """The run of a model, found by its fingerprint or made; parameters and tags are added where missing."""
        return self._run(fingerprint, model, model, "model", parameters=parameters, tags=tags)

    def child(
        self,
        parent: str,
        fingerprint: str,
        model: str,
        replicate: int,
        *,
        parameters: Mapping[str, Any],
        tags: Mapping[str, str],
    ) -> str:
        """The run of a replicate below its model's run, found by its fingerprint or made."""
        below = {**tags, "mlflow.parentRunId": parent, "convtrack.replicate": str(replicate)}
        return self._run(
            fingerprint, model, f"{model} replicate {replicate + 1}", "replicate", parameters=parameters, tags=below
        )

    def start(self, run: str) -> None:
        """Say that this process works on the run."""
        self.client.set_tag(run, PROCESS, _this_process())
        self.client.update_run(run, status="RUNNING")

    def tag(self, run: str, tags: Mapping[str, str]) -> None:
        """Set tags of the run."""
        self.client.log_batch(run, tags=[RunTag(name, value) for name, value in tags.items()])

    def end(self, run: str, status: Status) -> None:
        """Say how the work on the run ended; a run that has ended so keeps its time."""
        if self.status(run) != status:
            self.client.set_terminated(run, status)

    def status(self, run: str) -> str:
        """RUNNING, FINISHED, FAILED or KILLED."""
        return str(self.client.get_run(run).info.status)

    def log_epochs(self, run: str, history: Sequence[Mapping[str, float]]) -> None:
        """Log the epochs that the run does not hold yet, all in one request; steps count from 1."""
        known = {metric.step for metric in self.client.get_metric_history(run, "train/loss")} if history else set()
        now = round(time.time() * 1000)
        metrics = [
            Metric(name, value, now, step)
            for step, epoch in enumerate(history, start=1)
            if step not in known
            for name, value in epoch.items()
        ]
        for start in range(0, len(metrics), BATCH):
            self.client.log_batch(run, metrics=metrics[start : start + BATCH])

    def log_metrics(self, run: str, values: Mapping[str, float]) -> None:
        """Log values without a step, where the run does not hold them yet; the latest one counts."""
        known = self.client.get_run(run).data.metrics
        now = round(time.time() * 1000)
        changed = [
            Metric(name, float(value), now, 0) for name, value in values.items() if not _same(known.get(name), value)
        ]
        if changed:
            self.client.log_batch(run, metrics=changed)

    def log_kernels(self, run: str, pictures: Mapping[int, Path]) -> None:
        """Log pictures of the first layer's kernels by step, where the run does not hold them yet."""
        known = {Path(file.path).name.split("+timestamp")[0] for file in self.client.list_artifacts(run, "images")}
        for step, file in pictures.items():
            if f"kernels+step+{step}" not in known:
                with Image.open(file) as picture:
                    self.client.log_image(run, np.asarray(picture), key="kernels", step=step)

    def log_files(self, run: str, files: Sequence[Path], under: str) -> None:
        """Copy files into a folder of the run's artefacts."""
        for file in files:
            self.client.log_artifact(run, str(file), under)

    def log_values(self, run: str, values: Mapping[str, Any], file: str) -> None:
        """Write values as a JSON artefact."""
        self.client.log_dict(run, dict(values), file)

    def has_network(self, run: str, fingerprint: str) -> bool:
        """Whether the network trained under this fingerprint is logged with the run."""
        return bool(self.client.get_run(run).data.tags.get(NETWORK) == fingerprint)

    def log_network(
        self,
        run: str,
        fingerprint: str,
        network: Any,
        example: np.ndarray[Any, Any] | Mapping[str, np.ndarray[Any, Any]],
        *,
        requirements: Sequence[str],
        code: Sequence[Path],
    ) -> None:
        """Log a Keras network with its signature, an input example and what it needs, loadable by `mlflow.pyfunc`.

        `fingerprint` is that of its training; `code` are the packages of ours that it cannot be loaded without.
        """
        import mlflow.tensorflow
        from mlflow.models import infer_signature

        ended = self.client.get_run(run).info.end_time
        with mlflow.start_run(run_id=run, log_system_metrics=False):
            # The flavour `keras` writes its input example before its folder is there (3.17) and fails.
            mlflow.tensorflow.log_model(
                network,
                name="network",
                signature=infer_signature(example, network.predict(example, verbose=0)),
                input_example=example,
                # Stated, because finding them out would import the network once more in another process.
                pip_requirements=list(requirements),
                code_paths=[str(package) for package in code] or None,
            )
        self.tag(run, {NETWORK: fingerprint})
        self.client.set_terminated(run, "FINISHED", end_time=ended)

    def address_of_comparison(self, runs: Sequence[str], server: str) -> str:
        """The page of the MLflow UI at `server` that shows these runs side by side."""
        quoted = ",".join(f"%22{run}%22" for run in runs)
        chosen = f"runs=[{quoted}]&experiments=[%22{self.experiment}%22]"
        return f"{server}/#/compare-runs?{chosen}&workflowType=machine_learning"

    def share_view(self, name: str, *, metrics: Iterable[str], order_by: str, ascending: bool) -> None:
        """Keep a view of the run table in which the models are rows and these metrics columns.

        The table of MLflow's UI shows no metric until asked; a view that is shared by its name does.
        """
        view = {
            "searchFilter": f"tags.`{KIND}` = 'model'",
            "selectedColumns": [f"metrics.`{metric}`" for metric in metrics],
            "orderByKey": f"metrics.`{order_by}`",
            "orderByAsc": ascending,
        }
        self.client.set_experiment_tag(self.experiment, f"mlflow.sharedViewState.{name}", json.dumps(view))

    def address_of_view(self, name: str, server: str) -> str:
        """The page of the MLflow UI at `server` that shows the run table in a shared view."""
        chosen = f"viewStateShareKey={name}&workflowType=machine_learning"
        return f"{server}/#/experiments/{self.experiment}/runs?{chosen}"

    def find(self, fingerprint: str, model: str) -> Run | None:
        """The run with this fingerprint and model name, if there is one."""
        found = self.client.search_runs(
            [self.experiment],
            f"tags.`{FINGERPRINT}` = '{fingerprint}' AND tags.`{MODEL}` = '{model}'",
            max_results=1,
        )
        return found[0] if found else None

    def _run(
        self,
        fingerprint: str,
        model: str,
        name: str,
        kind: str,
        *,
        parameters: Mapping[str, Any],
        tags: Mapping[str, str],
    ) -> str:
        with _one_at_a_time():
            run = self.find(fingerprint, model)
            if run is None:
                identifying = {FINGERPRINT: fingerprint, MODEL: model, KIND: kind, PROCESS: _this_process()}
                run = self.client.create_run(self.experiment, run_name=name, tags={**tags, **identifying})
        missing = [Param(key, str(value)) for key, value in parameters.items() if key not in run.data.params]
        new = [RunTag(key, value) for key, value in tags.items() if key not in run.data.tags]
        self.client.log_batch(run.info.run_id, params=missing, tags=new)
        return str(run.info.run_id)

    def _end_orphans(self) -> None:
        running = self.client.search_runs([self.experiment], "attributes.status = 'RUNNING'", max_results=1000)
        for run in running:
            if _is_gone(run.data.tags.get(PROCESS, "")):
                self.end(run.info.run_id, "KILLED")


def flattened(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested values under dotted names.

    >>> dict(flattened({"optimizer": {"name": "SGD", "options": {"momentum": 0.9}}}))
    {'optimizer.name': 'SGD', 'optimizer.options.momentum': 0.9}
    """
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from flattened(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _same(known: float | None, value: float) -> bool:
    return known is not None and (known == value or (math.isnan(known) and math.isnan(value)))


@contextmanager
def _reaching(address: str) -> Iterator[None]:
    """Within the block a store is asked once, and whatever keeps it from answering is told in one sentence."""
    patience = os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"]
    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
    try:
        if address.startswith("sqlite:///"):
            _open_sqlite(Path(address.removeprefix("sqlite:///")))
        yield
    except UserError:
        raise
    except Exception as problem:
        reason = _reason(problem)
        if "disk is full" in reason:
            raise OSError(errno.ENOSPC, reason, shown_address()) from None
        if address.startswith("sqlite:"):
            advice = "Move the file away, or set MLFLOW_TRACKING_URI."
        else:
            mend = "Start it" if address.startswith("http") else "Correct MLFLOW_TRACKING_URI"
            advice = f"{mend}, or unset MLFLOW_TRACKING_URI to keep runs in {DEFAULT_STORE}."
        raise UserError(f"The tracking store {shown_address()} cannot be reached ({reason}). {advice}") from None
    finally:
        os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = patience


def _check_place(address: str, artefacts: str) -> None:
    """A project that was moved or copied must not write its artefacts where it came from."""
    if address == DEFAULT_STORE and artefacts != ARTEFACTS.resolve().as_uri():
        raise UserError(
            f"mlflow.db belongs to a project that lay elsewhere: its artefacts are in {artefacts}. Move the project "
            "back, or delete mlflow.db and fill a new one with `convtrack publish`."
        )


def _open_sqlite(file: Path) -> None:
    """Make the file whole if it is new, and see that it is a database: MLflow itself would try again for minutes."""
    try:
        if file.parent.is_dir() and not (file.exists() and file.stat().st_size):
            # Beside its name, because a store that is half made, by Ctrl-C or a full disk, can never be used.
            with replacing(file) as unfinished:
                mlflow.MlflowClient(f"sqlite:///{unfinished.resolve()}").search_experiments(max_results=1)
        with closing(sqlite3.connect(file, timeout=20)) as connection:
            connection.execute("pragma schema_version")
    except sqlite3.Error as problem:
        raise UserError(
            f"The tracking store sqlite:///{file} cannot be opened ({problem}). Move the file away, make its folder, "
            "or set MLFLOW_TRACKING_URI."
        ) from None


def _reason(problem: BaseException) -> str:
    """What the system says, if that lies at the bottom of a chain of errors, else what MLflow says."""
    said, below = str(problem), problem.__cause__ or problem.__context__
    while below is not None:
        if isinstance(below, ImportError) or (isinstance(below, OSError) and below.strerror):
            said = str(getattr(below, "strerror", below))
        below = below.__cause__ or below.__context__
    # SQLAlchemy adds the statement and a link.
    return " ".join(re.split(r"\[SQL|\(Background", said)[0].split())[:300]


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    # Processes that meet an empty SQLite store at once would race in its creation.
    CACHE.mkdir(exist_ok=True)
    with FileLock(CACHE / "mlflow.lock"):
        yield


def _this_process() -> str:
    return f"{socket.gethostname()} {os.getpid()} {psutil.Process().create_time():.0f}"


def _is_gone(process: str) -> bool:
    """Whether a process of this machine has ended; of other machines nothing is known."""
    host, _, rest = process.partition(" ")
    number, _, started = rest.partition(" ")
    if host != socket.gethostname() or not number.isdigit():
        return False
    try:
        return f"{psutil.Process(int(number)).create_time():.0f}" != started
    except psutil.NoSuchProcess:
        return True
