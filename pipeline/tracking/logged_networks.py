"""Trained networks as MLflow models, loadable without this project."""

import pickle
import platform
import shutil
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import mlflow.utils.environment
import numpy as np
from mlflow.entities import LoggedModelOutput, LoggedModelStatus
from mlflow.models import Model, ModelSignature, infer_signature
from mlflow.models.utils import _save_example

from pipeline.tracking.names import FINGERPRINT
from pipeline.tracking.tracker import Tracker

Tensors = np.ndarray[Any, Any] | Mapping[str, np.ndarray[Any, Any]]


def find_network(tracker: Tracker, runs: Sequence[str], fingerprint: str) -> str | None:
    """The id of the network trained under this fingerprint that the first of the runs, else the next, has logged.

    None if there is no such network, or if the process that logged it was killed.
    """
    for run in runs:
        found = tracker.client.search_logged_models(
            [tracker.experiment],
            filter_string=f"source_run_id = '{run}' AND tags.`{FINGERPRINT}` = '{fingerprint}'",
            order_by=[{"field_name": "creation_timestamp", "ascending": False}],
        )
        complete = [str(model.model_id) for model in found if model.status == "READY"]
        if complete:
            return complete[0]
    return None


def log_network(
    tracker: Tracker,
    run: str,
    fingerprint: str,
    file: Path,
    example: Tensors,
    outputs: Tensors,
    *,
    name: str,
    epoch: int,
    parameters: Mapping[str, str],
    requirements: Sequence[str],
    code: Sequence[Path],
    modules: Sequence[str],
) -> str:
    """Log a network in a file of Keras with its signature and an input example, and return the id of the logged model.

    It becomes a model of MLflow's `tensorflow` flavour. MLflow's own function would need TensorFlow and the network in
    memory. The caller must hold `store_lock`.

    Args:
        fingerprint: that of its training.
        file: the network in Keras' format.
        example: the inputs of a few images; by name if the network has several inputs.
        outputs: the network's outputs of the same form as those of the example; by name if it has several.
        epoch: the epoch of the kept weights, from 1.
        parameters: the parameters of the logged model.
        requirements: packages with versions that loading needs.
        code: the packages of this project that loading needs.
        modules: the modules in `code` that define layers of the network.
    """

    def write(folder: Path, model: Model) -> None:
        _write_model(folder, model, file, example, requirements=requirements, code=code, modules=modules)

    return log_model(
        tracker,
        run,
        fingerprint,
        write,
        name=name,
        epoch=epoch,
        parameters=parameters,
        signature=infer_signature(example, outputs),
    )


def log_model(
    tracker: Tracker,
    run: str,
    fingerprint: str,
    write: Callable[[Path, Model], None],
    *,
    name: str,
    epoch: int,
    parameters: Mapping[str, str],
    signature: ModelSignature,
) -> str:
    """Log a model of any flavour, and return its id. `write` writes its files into a folder.

    Incomplete models, whose logging was killed, are deleted, so the caller must hold `store_lock`.
    """
    client = tracker.client
    for model in client.search_logged_models([tracker.experiment], filter_string=f"source_run_id = '{run}'"):
        if model.status != "READY":
            client.delete_logged_model(model.model_id)
    logged = client.create_logged_model(
        tracker.experiment,
        name=name,
        source_run_id=run,
        tags={FINGERPRINT: fingerprint},
        params=dict(parameters),
    )
    client.log_outputs(run, [LoggedModelOutput(logged.model_id, step=epoch)])
    described = Model(
        artifact_path=logged.artifact_location,
        model_uuid=logged.model_id,
        model_id=logged.model_id,
        run_id=run,
        signature=signature,
    )
    with TemporaryDirectory() as folder:
        write(Path(folder), described)
        described.model_size_bytes = sum(one.stat().st_size for one in Path(folder).rglob("*") if one.is_file())
        described.save(str(Path(folder) / "MLmodel"))
        client.log_model_artifacts(logged.model_id, folder)
    client.finalize_logged_model(logged.model_id, LoggedModelStatus.READY)
    return str(logged.model_id)


def write_environment(folder: Path, requirements: Sequence[str]) -> None:
    """Write the files that describe the environment of a model; MLflow itself is always required."""
    needed = [f"mlflow=={version('mlflow')}", *requirements]
    (folder / "requirements.txt").write_text("\n".join(needed), encoding="utf-8")
    environment: Any = mlflow.utils.environment
    environment._mlflow_conda_env(folder / "conda.yaml", additional_pip_deps=needed, install_mlflow=False)
    environment._PythonEnv.current().to_yaml(folder / "python_env.yaml")


class _Imported:
    """A module that unpickling imports. Pickling does not import it, which would import TensorFlow."""

    def __init__(self, module: str) -> None:
        self.module = module

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return import_module, (self.module,)


def _write_model(
    folder: Path,
    model: Model,
    file: Path,
    example: Tensors,
    *,
    requirements: Sequence[str],
    code: Sequence[Path],
    modules: Sequence[str],
) -> None:
    """Write the files of a model as MLflow's `tensorflow` flavour reads them."""
    data = folder / "data"
    data.mkdir()
    shutil.copyfile(file, data / "model.keras")
    (data / "keras_module.txt").write_text("tensorflow.keras", encoding="utf-8")
    # MLflow's name of every format except HDF5.
    (data / "save_format.txt").write_text("tf", encoding="utf-8")
    if modules:
        # MLflow unpickles this file before it loads the network, and Keras finds only layers that are imported.
        objects = {module: _Imported(module) for module in modules}
        (data / "custom_objects.cloudpickle").write_bytes(pickle.dumps(objects))
    for package in code:
        shutil.copytree(package, folder / "code" / package.name)
    codes = {"code": "code"} if code else {}
    _save_example(model, example, str(folder))
    model.add_flavor(
        "tensorflow", data="data", model_type="keras", keras_version=version("tensorflow"), save_format="tf", **codes
    )
    # What `mlflow.pyfunc.add_to_model` adds, without the import of `mlflow.pyfunc`.
    model.add_flavor(
        "python_function",
        loader_module="mlflow.tensorflow",
        python_version=platform.python_version(),
        data="data",
        env={"conda": "conda.yaml", "virtualenv": "python_env.yaml"},
        **codes,
    )
    write_environment(folder, requirements)
