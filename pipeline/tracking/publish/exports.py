"""Log the exports of a packaged network: their measurements as metrics, and the table as files."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from pipeline.reporting.tables.exports_table import measured_values
from pipeline.tracking.connection import connecting
from pipeline.tracking.names import FINGERPRINT, TRIAL
from pipeline.tracking.projects import find_experiment
from pipeline.tracking.run_log import RunLog

if TYPE_CHECKING:
    from pipeline.deployment.export_measurements import Exported

FOLDER = "exports"
"""Artifact folder of the table, and the prefix of the metrics."""


def publish_exports(
    data: str, trained: Sequence[str], exports: Mapping[str, "Exported"], files: Sequence[Path]
) -> str | None:
    """Log to the run of the replicate, or of the model for several replicates, and return the run's name.

    `data` is the name of the data set, and `trained` holds the fingerprints of the replicates. None if the store lacks
    the run.
    """
    with connecting() as client:
        _, experiment = find_experiment(client, data)
        if experiment is None:
            return None
        where = f"tags.`{FINGERPRINT}` = '{trained[0]}' AND tags.`{TRIAL}` IS NULL"
        found = client.search_runs([experiment.experiment_id], where, max_results=1)
        if not found:
            return None
        run = found[0]
        if len(trained) > 1:
            run = client.get_run(run.data.tags[MLFLOW_PARENT_RUN_ID])
        log = RunLog(client, experiment.experiment_id)
        metrics = {
            f"{FOLDER}/{name}/{key}": value
            for name, one in exports.items()
            for key, value in measured_values(one).items()
        }
        log.log_metrics(run.info.run_id, metrics)
        log.log_files(run.info.run_id, files, FOLDER)
        return str(run.info.run_name)
