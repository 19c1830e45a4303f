"""Read the runs of a store, including those of other projects."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from pipeline.errors import UserError
from pipeline.tracking.address import shown, store_address
from pipeline.tracking.connection import SEARCH_LIMIT
from pipeline.tracking.filters import text_filter
from pipeline.tracking.names import DATA_DIGEST, KIND
from pipeline.tracking.read_only import reading, resolved_address

NEWEST_FIRST = ["attributes.start_time DESC"]
RUN_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Store:
    """All experiments of a store, which is only read.

    Attributes:
        client: a client of MLflow.
        experiments: the names of the experiments that are not deleted, by id.
        address: the URI of the store, without user name and password.
    """

    client: Any
    experiments: Mapping[str, str]
    address: str

    @classmethod
    def open(cls, address: str | None = None) -> "Store":
        """Open the store at a URI or in an SQLite file; without `address`, that of the project.

        Raises:
            UserError: the store is missing, of another version, or cannot be reached.
        """
        address = resolved_address(address) if address else store_address()
        experiments: dict[str, str] = {}
        token: str | None = ""
        with reading(address) as client:
            while token is not None:
                page = client.search_experiments(max_results=SEARCH_LIMIT, page_token=token or None)
                experiments.update({one.experiment_id: one.name for one in page})
                token = page.token or None
        return cls(client, experiments, shown(address))

    def run(self, identity: str) -> Run | None:
        """The run with this id, even if it is deleted; None if the store has no such run."""
        try:
            found: Run = self.client.get_run(identity)
        except MlflowException as problem:
            if problem.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return None
        return found

    def search(
        self, condition: str, *, limit: int, among: str = "", experiments: Sequence[str] | None = None
    ) -> list[Run]:
        """At most `limit` runs that satisfy a condition in MLflow's filter language, newest first.

        `among` is an additional condition; messages do not mention it. `experiments` are the ids of the experiments to
        search, by default all.

        Raises:
            UserError: MLflow cannot parse the condition.
        """
        whole = f"{condition} AND {among}" if among else condition
        try:
            return list(
                self.client.search_runs(
                    list(self.experiments) if experiments is None else list(experiments),
                    whole,
                    max_results=limit,
                    order_by=NEWEST_FIRST,
                )
            )
        except MlflowException as problem:
            if problem.error_code != "INVALID_PARAMETER_VALUE":
                raise
            reason = str(problem).split(": ", 1)[-1].rstrip(".")
            raise UserError(
                f"MLflow cannot parse the filter {condition} ({reason}). Write it as in "
                "\"params.model.name = 'lenet5'\"."
            ) from None

    def named(
        self,
        name: str,
        *,
        kind: str | None = None,
        experiment: str | None = None,
        digest: str | None = None,
        limit: int,
    ) -> list[Run]:
        """The runs with this name, newest first: of one kind, in one experiment, on the images with this digest."""
        condition = text_filter("attributes.run_name", name)
        for tag, value in ((KIND, kind), (DATA_DIGEST, digest)):
            condition += f" AND tags.`{tag}` = '{value}'" if value else ""
        found = self.search(condition, limit=limit, experiments=None if experiment is None else [experiment])
        return [run for run in found if run.info.run_name == name]

    def children(self, parent: Run, *, known: Collection[str] = ()) -> list[Run]:
        """The finished runs below a run, newest first; with `known` ids only those, found faster in a large store."""
        identities = [identity for identity in known if RUN_ID.fullmatch(identity)]
        # MLflow's tables have no index on values of tags.
        where = (
            f"attributes.run_id IN ({', '.join(map(repr, identities))})"
            if identities
            else f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{parent.info.run_id}'"
        )
        found = self.client.search_runs(
            [parent.info.experiment_id],
            f"{where} AND attributes.status = 'FINISHED'",
            max_results=SEARCH_LIMIT,
            order_by=NEWEST_FIRST,
        )
        return [run for run in found if run.data.tags.get(MLFLOW_PARENT_RUN_ID) == parent.info.run_id]

    def parent(self, child: Run) -> Run | None:
        """The run above a run, None without one."""
        return self.run(child.data.tags.get(MLFLOW_PARENT_RUN_ID, ""))

    def fetch(self, run: Run, file: str, folder: Path) -> Path | None:
        """Download an artifact of the run into a folder; None if the run does not have it."""
        above = str(Path(file).parent)
        if file not in {one.path for one in self.client.list_artifacts(run.info.run_id, above)}:
            return None
        return Path(self.client.download_artifacts(run.info.run_id, file, str(folder)))
