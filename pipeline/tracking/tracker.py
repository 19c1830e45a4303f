"""MLflow: one experiment per data set, one parent run per model, one child run per replicate.

A sweep is a run, too, and each of its trials a model's run below it. Runs are found by fingerprint, never by a stored
id, so every call may be repeated: what is there stays, what is missing is added. `Tracker` writes what this project
finds; `Store` reads whatever runs there are. This is the only module that imports mlflow.
"""

import errno
import json
import logging
import math
import os
import re
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

import mlflow
import numpy as np
import requests
from filelock import FileLock
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT, MLFLOW_PARENT_RUN_ID, MLFLOW_RUN_NOTE
from PIL import Image
from sqlalchemy.exc import SQLAlchemyError

from pipeline.errors import Unreachable, UserError
from pipeline.storage.files import replacing
from pipeline.storage.folders import CACHE
from pipeline.storage.processes import is_gone, this_process

for _name in ("mlflow", "alembic", "urllib3"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)  # What they log as errors, they also raise.

DEFAULT_STORE = "sqlite:///mlflow.db"
LOCAL_SERVER = "http://127.0.0.1:5000"
ARTEFACTS = Path("mlartifacts")
FINGERPRINT = "convtrack.fingerprint"
MODEL = "convtrack.model"
KIND = "convtrack.kind"
PROCESS = "convtrack.process"
REPLICATE = "convtrack.replicate"
DATA_DIGEST = "convtrack.data_digest"
EVALUATED = "convtrack.evaluated"
SWEEP = "convtrack.sweep"
SWEEP_FINGERPRINT = "convtrack.sweep_fingerprint"
TRIAL = "convtrack.trial"
TRIAL_STATE = "convtrack.trial_state"
REASON = "convtrack.reason"
EVALUATION = "evaluation"
BATCH = 800  # metrics in one request, which MLflow allows 1000 of metrics, tags and parameters together
TAGS = 100  # tags or parameters in one request, MLflow's limit
FOUND = 1000  # runs in one answer
DIGEST = 36  # characters of a data set's digest, MLflow's limit
DESCRIPTION = 8000  # characters of a tag, MLflow's limit
REASON_LENGTH = 500  # characters of a tag that a table can still show

STORE_ERRORS = (MlflowException, requests.RequestException, SQLAlchemyError, OSError)
"""What a store that does not answer raises."""

Status = Literal["FINISHED", "FAILED", "KILLED"]


@dataclass(frozen=True)
class Images:
    """Images that a run has seen: their data set, where it comes from, what they were for (`train`, `validation` or
    `test`), how many, and a SHA-256.

    MLflow keeps the first 36 hexadecimal digits of it.
    """

    data: str
    source: str
    part: str
    count: int
    digest: str

    @property
    def name(self) -> str:
        """What MLflow lists them as: one data set may be several inputs of a run only under several names."""
        return f"{self.data} {self.part}"


def store_address() -> str:
    """Where runs are kept: `MLFLOW_TRACKING_URI`, or an SQLite file in the project's folder."""
    return os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT_STORE


def shown_address() -> str:
    """The store's address as it may be shown: without the user's name and password."""
    return re.sub(r"//[^/@]*@", "//", store_address())


@dataclass(frozen=True)
class Place:
    """Where a trial belongs: the number of the trial, the sweep's name, fingerprint and run."""

    number: int
    sweep: str
    fingerprint: str
    run: str

    @property
    def tags(self) -> dict[str, str]:
        """What marks the runs of a trial, those of its replicates included, and keeps them apart from all others."""
        return {SWEEP: self.sweep, SWEEP_FINGERPRINT: self.fingerprint, TRIAL: str(self.number)}


@dataclass
class _Told:
    """All that a run has been told, if it was made here: the store need not be asked."""

    tags: dict[str, str]
    metrics: dict[str, float] = field(default_factory=dict)
    epochs: set[int] = field(default_factory=set)
    pictures: set[int] = field(default_factory=set)
    status: str = "RUNNING"


@dataclass(frozen=True)
class Tracker:
    """The MLflow experiment of one data set."""

    client: Any
    experiment: str
    _told: dict[str, _Told] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def open(cls, data: str) -> "Tracker":
        """Open the store, make the experiment if it is new, and end runs whose process is gone.

        Raises:
            UserError: the store cannot be reached.
        """
        address = store_address()
        with one_at_a_time(), _reaching(address):
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

    def parent(
        self,
        fingerprint: str,
        model: str,
        *,
        parameters: Mapping[str, Any],
        tags: Mapping[str, str],
        place: Place | None = None,
    ) -> str:
        """The run of a model, found by its fingerprint or made; parameters and tags are added where missing.

        A trial, which has a `place`, has a run of its own whatever other runs bear that fingerprint, and goes on in it.
        """
        own = {FINGERPRINT: fingerprint, MODEL: model, KIND: "model"}
        if place is None:
            name, below = model, {}
        else:
            name, below = f"{model} trial {place.number}", {**place.tags, MLFLOW_PARENT_RUN_ID: place.run}
        with one_at_a_time():
            run = self.find(fingerprint, model, place)
            if run is None:
                run = self._make(name, {**tags, **below, **own})
        for ending in {TRIAL_STATE, REASON} & set(run.data.tags):
            self.client.delete_tag(run.info.run_id, ending)
        return self._add(run, parameters=parameters, tags={**tags, **below})

    def child(
        self,
        parent: str,
        fingerprint: str,
        model: str,
        replicate: int,
        *,
        parameters: Mapping[str, Any],
        tags: Mapping[str, str],
        place: Place | None = None,
    ) -> str:
        """The run of a replicate below its model's run, found by its fingerprint or made; see `parent`."""
        below = {**tags, **(place.tags if place else {}), MLFLOW_PARENT_RUN_ID: parent, REPLICATE: str(replicate)}
        own = {FINGERPRINT: fingerprint, MODEL: model, KIND: "replicate"}
        above = f"{model} trial {place.number}" if place else model
        with one_at_a_time():
            # Below a trial's run that was just made there is none.
            run = None if place and parent in self._told else self.find(fingerprint, model, place)
            if run is None:
                run = self._make(f"{above} replicate {replicate + 1}", {**below, **own})
        return self._add(run, parameters=parameters, tags=below)

    def sweep(
        self, name: str, fingerprint: str, *, parameters: Mapping[str, Any] | None = None, process: str | None = None
    ) -> str:
        """The run of a sweep, found by its fingerprint or made.

        `process` is the one that works on it, by default this one. Where machines that know nothing of each other have
        made several, the oldest counts from now on: trials of the others are put below it.
        """
        same = f"tags.`{KIND}` = 'sweep' AND tags.`{FINGERPRINT}` = '{fingerprint}'"
        with one_at_a_time():
            found = sorted(self.client.search_runs([self.experiment], same), key=_age)
            own = {SWEEP: name, FINGERPRINT: fingerprint, KIND: "sweep", PROCESS: process or this_process()}
            run = found[0] if found else self._make(name, own)
            for other in found[1:]:
                below = f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{other.info.run_id}'"
                for trial in self.client.search_runs([self.experiment], below):
                    self.client.set_tag(trial.info.run_id, MLFLOW_PARENT_RUN_ID, run.info.run_id)
                self.client.delete_run(other.info.run_id)
        return self._add(run, parameters=parameters or {}, tags={})

    def start(self, run: str) -> None:
        """Say that this process works on the run."""
        told = self._told.get(run)
        if told is None or told.tags[PROCESS] != this_process():
            self.tag(run, {PROCESS: this_process()})
        if told is None or told.status != "RUNNING":
            self.client.update_run(run, status="RUNNING")
            self._told.pop(run, None)

    def tag(self, run: str, tags: Mapping[str, str]) -> None:
        """Set tags of the run."""
        self._log(run, tags=tags)

    def keep_tags(self, run: str, prefix: str, tags: Mapping[str, str]) -> None:
        """Set tags whose names begin with `prefix`, and delete the others that do."""
        for name in self.client.get_run(run).data.tags:
            if name.startswith(prefix) and name not in tags:
                self.client.delete_tag(run, name)
                if run in self._told:
                    self._told[run].tags.pop(name, None)
        self.tag(run, tags)

    def describe(self, run: str, text: str) -> None:
        """Give the run a description, in Markdown; MLflow keeps 8,000 characters of it, and we whole lines of these."""
        if len(text) > DESCRIPTION:
            text = text[: DESCRIPTION - 2].rpartition("\n")[0] + "\n…"
        self.client.set_tag(run, MLFLOW_RUN_NOTE, text)

    def parameters(self, run: str) -> dict[str, str]:
        """The parameters of the run."""
        return dict(self.client.get_run(run).data.params)

    def only(self, kind: str) -> str:
        """The run of a kind of which an experiment has one, named by its kind; made where it is missing."""
        with one_at_a_time():
            found = self.client.search_runs([self.experiment], f"tags.`{KIND}` = '{kind}'", max_results=1)
            run = found[0] if found else self.client.create_run(self.experiment, run_name=kind, tags={KIND: kind})
        return str(run.info.run_id)

    def end(self, run: str, status: Status, *, only_running: bool = False) -> None:
        """Say how the work on the run ended; a run that has ended so, or at all with `only_running`, stays as it is."""
        now = self._told[run].status if run in self._told else self.status(run)
        if now == "RUNNING" or (now != status and not only_running):
            self.client.set_terminated(run, status)
            if run in self._told:
                self._told[run].status = status

    def status(self, run: str) -> str:
        """RUNNING, FINISHED, FAILED or KILLED."""
        return str(self.client.get_run(run).info.status)

    def is_ours(self, run: str) -> bool:
        """Whether no other process has said since that it works on the run."""
        return bool(self.client.get_run(run).data.tags.get(PROCESS) == this_process())

    def log_epochs(self, run: str, history: Sequence[Mapping[str, float]]) -> None:
        """Log the epochs that the run does not hold yet, all in one request; steps count from 1."""
        if not history:
            return
        told = self._told.get(run)
        known = told.epochs if told else {one.step for one in self.client.get_metric_history(run, "train/loss")}
        now = round(time.time() * 1000)
        metrics = [
            Metric(name, value, now, step)
            for step, epoch in enumerate(history, start=1)
            if step not in known
            for name, value in epoch.items()
        ]
        self._log(run, metrics)
        if told:
            told.epochs |= set(range(1, len(history) + 1))

    def log_metrics(
        self,
        run: str,
        values: Mapping[str, float],
        *,
        step: int = 0,
        tags: Mapping[str, str] | None = None,
        model: str | None = None,
        images: Images | None = None,
    ) -> None:
        """Log values, by default without a step, where the run does not hold them yet, and set tags; the latest count.

        With the id of a logged `model` they are that model's, too, as measured on these images; but for what is not a
        number, which MLflow (3.17) would show as 0 there.
        """
        told = self._told.get(run)
        known: Mapping[str, float] = told.metrics if told else self.client.get_run(run).data.metrics
        logged = (self.client.get_logged_model(model).metrics or []) if model is not None else []
        linked = {one.key: one.value for one in sorted(logged, key=_when) if one.run_id == run}
        of = {} if model is None else {"model_id": model}
        if images is not None:
            of |= {"dataset_name": images.name, "dataset_digest": images.digest[:DIGEST]}
        now = round(time.time() * 1000)
        changed = []
        for name, value in values.items():
            links = of if math.isfinite(value) else {}
            missing = "model_id" in links and not _same(linked.get(name), value)
            if missing or not _same(known.get(name), value):
                changed.append(Metric(name, float(value), now, step, **links))
        self._log(run, changed, tags=tags or {})

    def log_images(self, run: str, seen: Iterable[Images]) -> None:
        """Log which images the run has seen, as its inputs; MLflow keeps each of them once."""
        inputs = [
            DatasetInput(
                Dataset(
                    name=images.name,
                    digest=images.digest[:DIGEST],
                    source_type="convtrack",
                    source=json.dumps({"source": images.source, "sha256": images.digest}),
                    profile=json.dumps({"num_rows": images.count}),
                ),
                [InputTag(MLFLOW_DATASET_CONTEXT, images.part)],
            )
            for images in seen
        ]
        self.client.log_inputs(run, inputs)

    def log_kernels(self, run: str, pictures: Mapping[int, Path]) -> None:
        """Log pictures of the first layer's kernels by step, where the run does not hold them yet."""
        told = self._told.get(run)
        if told:
            known = {f"kernels+step+{step}" for step in told.pictures}
        else:
            known = {Path(file.path).name.split("+timestamp")[0] for file in self.client.list_artifacts(run, "images")}
        for step, file in pictures.items():
            if f"kernels+step+{step}" not in known:
                with Image.open(file) as picture:
                    self.client.log_image(run, np.asarray(picture), key="kernels", step=step)
                if told:
                    told.pictures.add(step)

    def log_files(self, run: str, files: Sequence[Path], under: str) -> None:
        """Copy files into a folder of the run's artefacts."""
        for file in files:
            self.client.log_artifact(run, str(file), under)

    def replace_files(self, run: str, files: Sequence[Path], under: str) -> None:
        """Copy files into a folder of the run's artefacts, in place of what it held."""
        if self.client.list_artifacts(run, under):
            place = self.client.get_run(run).info.artifact_uri
            repository: Any = get_artifact_repository(place, tracking_uri=store_address())
            repository.delete_artifacts(under)
        self.log_files(run, files, under)

    def log_values(self, run: str, values: Mapping[str, Any], file: str) -> None:
        """Write values as a JSON artefact."""
        self.client.log_dict(run, dict(values), file)

    def log_text(self, run: str, text: str, file: str) -> None:
        """Write a text as an artefact."""
        self.client.log_text(run, text, file)

    def logged_network(self, run: str, fingerprint: str | None = None) -> str | None:
        """The id of the model that the run has logged last, or of its network trained under this fingerprint.

        None where there is no such model, or only one whose logging was killed.
        """
        trained = f" AND tags.`{FINGERPRINT}` = '{fingerprint}'" if fingerprint else ""
        found = self.client.search_logged_models(
            [self.experiment],
            filter_string=f"source_run_id = '{run}'{trained}",
            order_by=[{"field_name": "creation_timestamp", "ascending": False}],
        )
        whole = [str(model.model_id) for model in found if model.status == "READY"]
        return whole[0] if whole else None

    def log_network(
        self,
        run: str,
        fingerprint: str,
        network: Any,
        example: np.ndarray[Any, Any] | Mapping[str, np.ndarray[Any, Any]],
        *,
        name: str,
        epoch: int,
        requirements: Sequence[str],
        code: Sequence[Path],
    ) -> str:
        """Log a Keras network with its signature, an input example and what it needs, loadable by `mlflow.pyfunc`.

        `fingerprint` is that of its training, `epoch` the one after which it was kept, from 1; `code` are the packages
        of ours that it cannot be loaded without. The logged model, whose id is returned, has the run's parameters. One
        whose logging was killed goes: only one process at a time may log the networks of a run.
        """
        import mlflow.tensorflow
        from mlflow.models import infer_signature

        known = self.client.get_run(run)
        self._told.pop(run, None)
        for model in self.client.search_logged_models([self.experiment], filter_string=f"source_run_id = '{run}'"):
            if model.status != "READY":
                self.client.delete_logged_model(model.model_id)
        with mlflow.start_run(run_id=run, log_system_metrics=False):
            # The flavour `keras` writes its input example before its folder is there (3.17) and fails.
            logged = mlflow.tensorflow.log_model(
                network,
                name=name,
                # MLflow gives a model all that its run has logged at the same step; at 0 that is means over replicates.
                step=epoch,
                params=known.data.params,
                tags={FINGERPRINT: fingerprint},
                signature=infer_signature(example, network.predict(example, verbose=0)),
                input_example=example,
                # Stated, because finding them out would import the network once more in another process.
                pip_requirements=list(requirements),
                code_paths=[str(package) for package in code] or None,
            )
        self.client.set_terminated(run, "FINISHED", end_time=known.info.end_time)
        return str(logged.model_id)

    def address_of_comparison(self, runs: Sequence[str], server: str) -> str:
        """The page of the MLflow UI at `server` that shows these runs side by side."""
        quoted = ",".join(f"%22{run}%22" for run in runs)
        chosen = f"runs=[{quoted}]&experiments=[%22{self.experiment}%22]"
        return f"{server}/#/compare-runs?{chosen}&workflowType=machine_learning"

    def share_view(
        self, name: str, *, metrics: Iterable[str], tags: Iterable[str], order_by: str, ascending: bool
    ) -> None:
        """Keep a view of the run table in which the models are rows, and these metrics and tags columns.

        The table of MLflow's UI shows no metric until asked; a view that is shared by its name does.
        """
        view = {
            "searchFilter": f"tags.`{KIND}` = 'model'",
            "selectedColumns": [
                *(f"metrics.`{metric}`" for metric in metrics),
                *(f"tags.`{tag}`" for tag in tags),
            ],
            "orderByKey": f"metrics.`{order_by}`",
            "orderByAsc": ascending,
        }
        self.client.set_experiment_tag(self.experiment, f"mlflow.sharedViewState.{name}", json.dumps(view))

    def share_charts(self, name: str, *, metric: str, costs: Sequence[str], parameters: Sequence[str]) -> None:
        """Keep a view of the models as charts: a metric, the metric against each of the costs, and all of them beside
        parameters as parallel coordinates.
        """
        bar: dict[str, Any] = {"type": "BAR", "metricKey": metric}
        scatters: list[dict[str, Any]] = [
            {"type": "SCATTER", "xaxis": {"type": "METRIC", "key": cost}, "yaxis": {"type": "METRIC", "key": metric}}
            for cost in costs
        ]
        parallel: dict[str, Any] = {
            "type": "PARALLEL",
            "selectedParams": list(parameters),
            "selectedMetrics": [*costs, metric],
        }
        common = {"deleted": False, "isGenerated": False, "metricSectionId": name}
        charts = [
            {**chart, **common, "uuid": f"{name}-{place}"} for place, chart in enumerate([bar, *scatters, parallel])
        ]
        # Said to be reordered, for MLflow else puts charts of its own before these.
        view = {
            "searchFilter": f"tags.`{KIND}` = 'model'",
            "orderByKey": f"metrics.`{metric}`",
            "compareRunCharts": charts,
            "compareRunSections": [{"uuid": name, "name": name, "display": True, "isReordered": True}],
            "isAccordionReordered": True,
        }
        self.client.set_experiment_tag(self.experiment, f"mlflow.sharedViewState.{name}", json.dumps(view))

    def address_of_view(self, name: str, server: str, *, charts: bool = False) -> str:
        """The page of the MLflow UI at `server` that shows the run table, or its charts, in a shared view."""
        chosen = f"viewStateShareKey={name}{'&compareRunsMode=CHART' if charts else ''}&workflowType=machine_learning"
        return f"{server}/#/experiments/{self.experiment}/runs?{chosen}"

    def address_of_artefacts(self, run: str) -> str:
        """The page of the MLflow UI with a run's artefacts, from another of its pages."""
        return f"#/experiments/{self.experiment}/runs/{run}/artifacts"

    def find(self, fingerprint: str, model: str, place: Place | None = None) -> Run | None:
        """The run with this fingerprint and model name, if there is one: the one of a trial, or of none."""
        same = f"tags.`{FINGERPRINT}` = '{fingerprint}' AND {equals(f'tags.`{MODEL}`', model)}"
        if place is None:
            where = f"tags.`{TRIAL}` IS NULL"
        else:
            where = f"tags.`{SWEEP_FINGERPRINT}` = '{place.fingerprint}' AND tags.`{TRIAL}` = '{place.number}'"
        found = self.client.search_runs([self.experiment], f"{same} AND {where}", max_results=FOUND)
        return next((run for run in found if run.data.tags[MODEL] == model), None)

    def _make(self, name: str, tags: Mapping[str, str]) -> Run:
        run: Run = self.client.create_run(self.experiment, run_name=name, tags={PROCESS: this_process(), **tags})
        self._told[str(run.info.run_id)] = _Told({PROCESS: this_process(), **tags})
        return run

    def _add(self, run: Run, *, parameters: Mapping[str, Any], tags: Mapping[str, str]) -> str:
        """Add what the run lacks; below which other run it lies is put right."""
        identity, held = str(run.info.run_id), run.data
        missing = [Param(key, str(value)) for key, value in parameters.items() if key not in held.params]
        changed = {
            key: value
            for key, value in tags.items()
            if key not in held.tags or (key == MLFLOW_PARENT_RUN_ID and held.tags[key] != value)
        }
        self._log(identity, parameters=missing, tags=changed)
        return identity

    def _log(
        self,
        run: str,
        metrics: Sequence[Metric] = (),
        *,
        parameters: Sequence[Param] = (),
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Tell a run values in as few requests as MLflow allows; tags that it has been told are left out."""
        told = self._told.get(run)
        new = {name: value for name, value in (tags or {}).items() if not told or told.tags.get(name) != value}
        listed = [RunTag(name, value) for name, value in new.items()]
        requests = max(-(-len(metrics) // BATCH), -(-len(parameters) // TAGS), -(-len(listed) // TAGS))
        for request in range(requests):
            self.client.log_batch(
                run,
                metrics=metrics[request * BATCH : (request + 1) * BATCH],
                params=parameters[request * TAGS : (request + 1) * TAGS],
                tags=listed[request * TAGS : (request + 1) * TAGS],
            )
        if told:
            told.tags |= new
            told.metrics |= {metric.key: metric.value for metric in metrics}

    def _end_orphans(self) -> None:
        running = self.client.search_runs([self.experiment], "attributes.status = 'RUNNING'", max_results=1000)
        for run in running:
            if is_gone(run.data.tags.get(PROCESS, "")):
                self.end(run.info.run_id, "KILLED")


@dataclass(frozen=True)
class Store:
    """All runs of a store, of whatever origin, to be read."""

    client: Any
    experiments: Mapping[str, str]
    """The names of the experiments that are not deleted, by id."""

    @classmethod
    def open(cls) -> "Store":
        """Open the store.

        Raises:
            UserError: there is none, or it cannot be reached.
        """
        address = store_address()
        file = Path(address.removeprefix("sqlite:///"))
        if address.startswith("sqlite:///") and not file.is_file():
            raise UserError(
                f"There is no tracking store {shown_address()} here: run this command in the project's folder, or set "
                "MLFLOW_TRACKING_URI."
            )
        with _reaching(address):
            mlflow.set_tracking_uri(address)
            client = mlflow.MlflowClient(address)
            found = client.search_experiments()
        return cls(client, {one.experiment_id: one.name for one in found})

    def run(self, identity: str) -> Run | None:
        """The run with this id, deleted ones included; None where there is none."""
        try:
            found: Run = self.client.get_run(identity)
        except MlflowException as problem:
            if problem.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return None
        return found

    def search(self, condition: str, *, most: int, among: str = "") -> list[Run]:
        """The runs that satisfy a condition in MLflow's language, the newest first, as many as are asked for at most.

        Only runs are meant that satisfy the condition `among`, too, of which no message speaks.

        Raises:
            UserError: MLflow does not understand the condition.
        """
        newest = ["attributes.start_time DESC"]
        whole = f"{condition} AND {among}" if among else condition
        try:
            return list(self.client.search_runs(list(self.experiments), whole, max_results=most, order_by=newest))
        except MlflowException as problem:
            if problem.error_code != "INVALID_PARAMETER_VALUE":
                raise
            reason = str(problem).split(": ", 1)[-1].rstrip(".")
            raise UserError(
                f"{condition} is no filter that MLflow understands ({reason}); write \"params.model.name = 'lenet5'\"."
            ) from None

    def named(self, name: str, *, kind: str | None = None, most: int) -> list[Run]:
        """The runs of this name, the newest first; of a `kind` of ours, where that is given."""
        condition = equals("attributes.run_name", name) + (f" AND tags.`{KIND}` = '{kind}'" if kind else "")
        return [run for run in self.search(condition, most=most) if run.info.run_name == name]

    def children(self, parent: Run) -> list[Run]:
        """The finished runs below a run, the newest first."""
        below = f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{parent.info.run_id}' AND attributes.status = 'FINISHED'"
        found = self.client.search_runs(
            [parent.info.experiment_id], below, max_results=FOUND, order_by=["attributes.start_time DESC"]
        )
        return list(found)

    def fetch(self, run: Run, file: str, folder: Path) -> Path | None:
        """A file of the run's artefacts, copied into a folder; None where the run does not have it."""
        above = str(Path(file).parent)
        if file not in {one.path for one in self.client.list_artifacts(run.info.run_id, above)}:
            return None
        return Path(self.client.download_artifacts(run.info.run_id, file, str(folder)))


def equals(key: str, text: str) -> str:
    """The condition in MLflow's language that a string is this text.

    That language knows no way to write both kinds of quotes in one string: such a text is matched with any character in
    their place, so what is found must be compared once more.

    >>> print(equals("attributes.run_name", "one of Yann's"))
    attributes.run_name = "one of Yann's"
    """
    if "'" not in text:
        return f"{key} = '{text}'"
    if '"' not in text:
        return f'{key} = "{text}"'
    pattern = text.replace("'", "_")
    return f"{key} LIKE '{pattern}'"


def _age(run: Run) -> tuple[int, str]:
    return run.info.start_time, run.info.run_id


def _when(metric: Metric) -> int:
    return int(metric.timestamp)


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
        raise Unreachable(f"The tracking store {shown_address()} cannot be reached ({reason}). {advice}") from None
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
def one_at_a_time() -> Iterator[None]:
    """Within the block no other process of this project makes a store or a run, or logs a network."""
    CACHE.mkdir(exist_ok=True)
    with FileLock(CACHE / "mlflow.lock"):
        yield
