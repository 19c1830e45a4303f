"""Trained networks as MLflow models, loadable without this project."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.tracking.names import FINGERPRINT
from pipeline.tracking.tracker import Tracker


def find_network(tracker: Tracker, run: str, fingerprint: str | None = None) -> str | None:
    """The id of the network that the run logged last; with `fingerprint`, of the one trained under it.

    None if there is no such network, or if the process that logged it was killed.
    """
    trained = f" AND tags.`{FINGERPRINT}` = '{fingerprint}'" if fingerprint else ""
    found = tracker.client.search_logged_models(
        [tracker.experiment],
        filter_string=f"source_run_id = '{run}'{trained}",
        order_by=[{"field_name": "creation_timestamp", "ascending": False}],
    )
    complete = [str(model.model_id) for model in found if model.status == "READY"]
    return complete[0] if complete else None


def log_network(
    tracker: Tracker,
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
    """Log a Keras network with its signature and an input example, and return the id of the logged model.

    `fingerprint` is that of its training, `epoch` the epoch of the kept weights, from 1; `code` are the packages of
    this project that loading needs. The logged model has the run's parameters. Incomplete models, whose logging was
    killed, are deleted, so the caller must hold `store_lock`.
    """
    import mlflow.tensorflow
    from mlflow.models import infer_signature

    known = tracker.client.get_run(run)
    tracker.forget(run)
    for model in tracker.client.search_logged_models([tracker.experiment], filter_string=f"source_run_id = '{run}'"):
        if model.status != "READY":
            tracker.client.delete_logged_model(model.model_id)
    with mlflow.start_run(run_id=run, log_system_metrics=False):
        # Not the `keras` flavour: with an input example it fails (3.17), because it writes it before its folder exists.
        logged = mlflow.tensorflow.log_model(
            network,
            name=name,
            # MLflow copies the run's metrics of the same step to the model. Step 0 holds means over replicates.
            step=epoch,
            params=known.data.params,
            tags={FINGERPRINT: fingerprint},
            signature=infer_signature(example, network.predict(example, verbose=0)),
            input_example=example,
            # Stated, because MLflow would otherwise import the network in another process to find them.
            pip_requirements=list(requirements),
            code_paths=[str(package) for package in code] or None,
        )
    tracker.client.set_terminated(run, "FINISHED", end_time=known.info.end_time)
    return str(logged.model_id)
