"""Packaged networks as MLflow models: Python functions that take pictures, loadable without this project."""

import platform
import shutil
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import pandas as pd
from mlflow.models import Model, ModelSignature
from mlflow.models.utils import _save_example
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema, TensorSpec

from pipeline.deployment import loader
from pipeline.deployment.picture_model import PROBABILITY
from pipeline.tracking.model_registry import FOLDER


def signature_of(classes: Sequence[str]) -> ModelSignature:
    """The signature: a column of pictures, and the columns of `Answers.to_frame`.

    The column has no name, so that a list of pictures is a valid input. MLflow passes its values on unchanged, and
    decodes Base64 only in its server.
    """
    columns: list[ColSpec | TensorSpec] = [
        ColSpec(DataType.string, "class"),
        ColSpec(DataType.double, "confidence"),
        ColSpec(DataType.boolean, "abstains"),
        ColSpec(DataType.string, "flags"),
        ColSpec(DataType.string, "problem"),
        *(ColSpec(DataType.double, PROBABILITY + name) for name in classes),
    ]
    parameters = ParamSchema([ParamSpec(loader.ERROR_RATE, DataType.double, 0.0)])
    return ModelSignature(Schema([ColSpec(DataType.binary)]), Schema(columns), parameters)


def requirements_of(runtime: str) -> list[str]:
    """The packages that a packaged network needs, with their versions; `runtime` is the name of its class."""
    packages = ["numpy", "pandas", "pillow"]
    packages += ["ai-edge-litert"] if runtime == "LiteRT" else ["tensorflow", "keras"]
    return [f"{name}=={version(name)}" for name in packages]


def write_picture_model(
    folder: Path, model: Model, packaged: Path, example: bytes, *, requirements: Sequence[str], code: Sequence[Path]
) -> None:
    """Write the files of a model as MLflow's flavour `python_function` reads them, except `MLmodel`.

    Args:
        folder: where to write.
        model: gets the flavour.
        packaged: the folder of the packaged network.
        example: the bytes of a picture.
        requirements: packages with versions that loading needs.
        code: the packages of this project that loading needs.
    """
    shutil.copytree(packaged, folder / FOLDER)
    for package in code:
        shutil.copytree(package, folder / "code" / package.name)
    _save_example(model, pd.DataFrame({"picture": [example]}), str(folder))

    # What `mlflow.pyfunc.add_to_model` adds, without the import of `mlflow.pyfunc`.
    model.add_flavor(
        "python_function",
        loader_module=loader.__name__,
        python_version=platform.python_version(),
        env={"conda": "conda.yaml", "virtualenv": "python_env.yaml"},
        data=FOLDER,
        code="code",
    )
