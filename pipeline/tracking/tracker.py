"""Find, create, start and end the runs of one experiment.

Runs are found by fingerprint, never by a stored id, so every call may be repeated:
an existing run is kept, and missing values are added.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mlflow.entities import Experiment, Param, Run
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from pipeline.config.tracking_file import FILE
from pipeline.console import say
from pipeline.errors import UserError
from pipeline.storage.home import dvc_experiment
from pipeline.storage.processes import is_gone, leave_sign, this_process
from pipeline.tracking.address import artifact_folder, shown_address, store_address
from pipeline.tracking.artifact_store import check_artifact_store
from pipeline.tracking.connection import SEARCH_LIMIT, connecting, store_lock
from pipeline.tracking.names import (
    DATA_DIGEST,
    DVC_EXPERIMENT,
    FINGERPRINT,
    KIND,
    MODEL,
    PROCESS,
    PROJECT,
    REASON,
    REPLICATE,
    SWEEP,
    SWEEP_FINGERPRINT,
    TRIAL,
    TRIAL_STATE,
)
from pipeline.tracking.projects import experiment_name, find_experiment, project_name
from pipeline.tracking.run_log import RunLog, Written

Status = Literal["FINISHED", "FAILED", "KILLED"]


@dataclass(frozen=True)
class TrialKey:
    """The identity of the runs of a trial: its number, and the name, fingerprint and run of its sweep."""

    number: int
    sweep: str
    fingerprint: str
    run: str

    @property
    def tags(self) -> dict[str, str]:
        """The tags of all runs of the trial. Runs outside of sweeps do not have these tags."""
        return {SWEEP: self.sweep, SWEEP_FINGERPRINT: self.fingerprint, TRIAL: str(self.number)}


class Tracker(RunLog):
    """The experiment of one data set."""

    @classmethod
    def open(cls, data: str) -> "Tracker":
        """Open the store, create the project's experiment if it is missing, and end runs whose process is gone.

        Raises:
            UserError: the store cannot be reached, or the experiment is deleted.
        """
        with store_lock(), connecting() as client:
            name, experiment = _find_or_create_experiment(client, data)
            if experiment.lifecycle_stage == "deleted":
                raise UserError(
                    f"The MLflow experiment '{name}' in {shown_address()} is deleted. Restore it "
                    f"(`mlflow experiments restore -x {experiment.experiment_id}`) or use another store."
                )
            if PROJECT not in experiment.tags:
                client.set_experiment_tag(experiment.experiment_id, PROJECT, project_name())
            check_artifact_store(experiment.artifact_location)
            tracker = cls(client, experiment.experiment_id)
            leave_sign()
            tracker._end_orphans()
        return tracker

    def find(self, fingerprint: str, model: str, trial: TrialKey | None = None) -> Run | None:
        """The run with this fingerprint and model name, outside of sweeps or of a trial; None if it is missing."""
        # Without a condition on the model: in a large store, each condition on a tag takes long.
        same = f"tags.`{FINGERPRINT}` = '{fingerprint}'"
        if trial is None:
            where = f"tags.`{TRIAL}` IS NULL"
        else:
            where = f"tags.`{SWEEP_FINGERPRINT}` = '{trial.fingerprint}' AND tags.`{TRIAL}` = '{trial.number}'"
        found = self.client.search_runs([self.experiment], f"{same} AND {where}", max_results=SEARCH_LIMIT)
        return next((run for run in found if run.data.tags[MODEL] == model), None)

    def parent(
        self,
        fingerprint: str,
        model: str,
        *,
        parameters: Mapping[str, Any],
        tags: Mapping[str, str],
        trial: TrialKey | None = None,
    ) -> str:
        """The run of a model, created if it is missing. Parameters and tags are added if they are missing.

        A trial has its own run even if other runs have the same fingerprint, and continues in it when it runs again.
        """
        own = {FINGERPRINT: fingerprint, MODEL: model, KIND: "model"}
        if trial is None:
            name, above = model, {}
        else:
            name, above = f"{model} trial {trial.number}", {**trial.tags, MLFLOW_PARENT_RUN_ID: trial.run}
        with store_lock():
            run = self.find(fingerprint, model, trial)
            if run is None:
                run = self._create(name, {**tags, **above, **own})
        for ending in {TRIAL_STATE, REASON} & set(run.data.tags):
            self.client.delete_tag(run.info.run_id, ending)
        return self._add(run, parameters=parameters, tags={**tags, **above})

    def child(
        self,
        parent: str,
        fingerprint: str,
        model: str,
        replicate: int,
        *,
        parameters: Mapping[str, Any],
        tags: Mapping[str, str],
        trial: TrialKey | None = None,
    ) -> str:
        """The run of a replicate below its model's run, found or created as in `parent`."""
        above = {**tags, **(trial.tags if trial else {}), MLFLOW_PARENT_RUN_ID: parent, REPLICATE: str(replicate)}
        own = {FINGERPRINT: fingerprint, MODEL: model, KIND: "replicate"}
        prefix = f"{model} trial {trial.number}" if trial else model
        with store_lock():
            # A trial's run that this process created has no child yet.
            run = None if trial and parent in self._written else self.find(fingerprint, model, trial)
            if run is None:
                run = self._create(f"{prefix} replicate {replicate + 1}", {**above, **own})
        return self._add(run, parameters=parameters, tags=above)

    def sweep_run(
        self, name: str, fingerprint: str, *, parameters: Mapping[str, Any] | None = None, process: str | None = None
    ) -> str:
        """The run of a sweep, found by its fingerprint or created.

        `process` is the process that works on the sweep, by default this one. If several machines have created a run
        for the same sweep, the oldest run is kept, and the trials of the others are moved below it.
        """
        same = f"tags.`{KIND}` = 'sweep' AND tags.`{FINGERPRINT}` = '{fingerprint}'"
        with store_lock():
            found = sorted(self.client.search_runs([self.experiment], same), key=_age)
            own = {SWEEP: name, FINGERPRINT: fingerprint, KIND: "sweep", PROCESS: process or this_process()}
            run = found[0] if found else self._create(name, own)
            for other in found[1:]:
                below = f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{other.info.run_id}'"
                for trial in self.client.search_runs([self.experiment], below):
                    self.client.set_tag(trial.info.run_id, MLFLOW_PARENT_RUN_ID, run.info.run_id)
                self.client.delete_run(other.info.run_id)
        return self._add(run, parameters=parameters or {}, tags={})

    def only_run(self, kind: str, data_digest: str) -> str:
        """The run of a kind that occurs once for these images, created if it is missing; its name is its kind.

        A run of an earlier version, which has no digest, becomes the run of these images.
        """
        with store_lock():
            found = self.client.search_runs([self.experiment], f"tags.`{KIND}` = '{kind}'", max_results=SEARCH_LIMIT)
            by_digest = {run.data.tags.get(DATA_DIGEST): run for run in found}
            run = by_digest.get(data_digest) or by_digest.get(None)
            if run is None:
                tags = {KIND: kind, DATA_DIGEST: data_digest}
                run = self.client.create_run(self.experiment, run_name=kind, tags=tags)
            elif DATA_DIGEST not in run.data.tags:
                self.client.set_tag(run.info.run_id, DATA_DIGEST, data_digest)
        return str(run.info.run_id)

    def tag_only(self, runs: Sequence[str], name: str, value: str) -> None:
        """Give these runs a tag with this value, and delete the tag from all other runs that have the value."""
        tagged = self.client.search_runs([self.experiment], f"tags.`{name}` = '{value}'", max_results=SEARCH_LIMIT)
        have = {str(run.info.run_id) for run in tagged}
        for run in runs:
            if run not in have:
                self.tag(run, {name: value})
        for run in have - set(runs):
            self.client.delete_tag(run, name)

    def start(self, run: str) -> None:
        """Mark the run as RUNNING in this process."""
        written = self._written.get(run)
        if written is None or written.tags[PROCESS] != this_process():
            self.tag(run, {PROCESS: this_process()})
        if written is None or written.status != "RUNNING":
            self.client.update_run(run, status="RUNNING")
            self.forget(run)

    def end(self, run: str, status: Status, *, only_running: bool = False) -> None:
        """End the run. A run with this status keeps its end time; with `only_running`, so does any run that ended."""
        now = self._written[run].status if run in self._written else self.status(run)
        if now == "RUNNING" or (now != status and not only_running):
            self.client.set_terminated(run, status)
            if run in self._written:
                self._written[run].status = status

    def status(self, run: str) -> str:
        """RUNNING, FINISHED, FAILED or KILLED."""
        return str(self.client.get_run(run).info.status)

    def is_ours(self, run: str) -> bool:
        """Whether this process was the last to start the run."""
        return bool(self.client.get_run(run).data.tags.get(PROCESS) == this_process())

    def _create(self, name: str, tags: Mapping[str, str]) -> Run:
        experiment = dvc_experiment()
        own = {PROCESS: this_process(), **({DVC_EXPERIMENT: experiment} if experiment else {}), **tags}
        run: Run = self.client.create_run(self.experiment, run_name=name, tags=own)
        self._written[str(run.info.run_id)] = Written(own)
        return run

    def _add(self, run: Run, *, parameters: Mapping[str, Any], tags: Mapping[str, str]) -> str:
        """Add the parameters and tags that the run lacks, and correct its parent."""
        identity, held = str(run.info.run_id), run.data
        missing = [Param(key, str(value)) for key, value in parameters.items() if key not in held.params]
        changed = {
            key: value
            for key, value in tags.items()
            if key not in held.tags or (key == MLFLOW_PARENT_RUN_ID and held.tags[key] != value)
        }
        self._log(identity, parameters=missing, tags=changed)
        if MLFLOW_PARENT_RUN_ID in changed and MLFLOW_PARENT_RUN_ID in held.tags:
            self._delete_if_empty(held.tags[MLFLOW_PARENT_RUN_ID])
        return identity

    def _delete_if_empty(self, parent: str) -> None:
        """Delete a model's run that has lost its last replicate to another run.

        Earlier versions had one run for all seeds of a model.
        """
        below = f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{parent}'"
        model = f"attributes.run_id = '{parent}' AND tags.`{KIND}` = 'model'"
        if not self.client.search_runs([self.experiment], below, max_results=1):
            for run in self.client.search_runs([self.experiment], model, max_results=1):
                self.client.delete_run(run.info.run_id)

    def _end_orphans(self) -> None:
        running = self.client.search_runs([self.experiment], "attributes.status = 'RUNNING'", max_results=SEARCH_LIMIT)
        for run in running:
            if is_gone(run.data.tags.get(PROCESS, "")):
                self.end(run.info.run_id, "KILLED")


def _find_or_create_experiment(client: Any, data: str) -> tuple[str, Experiment]:
    """The name of this project's experiment of a data set, and the experiment."""
    name, found = find_experiment(client, data)
    if found is not None:
        return name, found
    if name != experiment_name(data):
        say(
            f"The MLflow experiment '{experiment_name(data)}' in {shown_address()} belongs to another project, so the "
            f"runs of this project are in '{name}'. To share results, give both the same `project` in {FILE}."
        )
    local = not store_address().startswith("http")
    try:
        client.create_experiment(
            name,
            artifact_location=artifact_folder().as_uri() if local else None,
            # Without the first tag the UI opens in its mode for language models.
            tags={"mlflow.experimentKind": "custom_model_development", PROJECT: project_name()},
        )
    except MlflowException as problem:
        if problem.error_code != "RESOURCE_ALREADY_EXISTS":
            raise  # Otherwise another process has created it in the meantime, perhaps for another project.
    return _find_or_create_experiment(client, data)


def _age(run: Run) -> tuple[int, str]:
    return run.info.start_time, run.info.run_id
