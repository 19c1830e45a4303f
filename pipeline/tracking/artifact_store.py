"""Where the runs of an experiment keep their files: on the tracking server, in a folder, or in a store such as S3.

A server that does not serve files (`--no-serve-artifacts`) leaves it to its clients to reach them.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from pipeline.errors import Rejected, Unreachable, UserError
from pipeline.tracking.address import artifact_folder, is_default_store, shown, shown_address, store_address
from pipeline.tracking.store_errors import OVERLOADED, causes

METHODS = (
    "log_artifact",
    "log_artifacts",
    "log_dict",
    "log_image",
    "log_model_artifacts",
    "log_text",
    "list_artifacts",
    "list_logged_model_artifacts",
    "download_artifacts",
)
"""The methods of MLflow's client that reach files of runs."""
SERVED = ("mlflow-artifacts", "http", "https")
"""Schemes of places that the tracking server reaches for its clients."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def artifact_repository(location: str) -> Any:
    """MLflow's access to the files at a location of the project's store."""
    return get_artifact_repository(location, tracking_uri=store_address())


def check_artifact_store(location: str) -> None:
    """Check that the files of an experiment can be reached from here, before anything is trained.

    Raises:
        UserError: the project was moved or copied without its files, or the folder is on another machine.
        Unreachable: the store of the files does not respond.
        Rejected: it needs another package or rejects the credentials.
    """
    place = urlsplit(location)
    if is_default_store():
        _check_own_folder(location)
    elif place.scheme in ("", "file"):
        if not store_address().startswith("sqlite:"):
            _check_folder(Path(unquote(place.path)))
    elif place.scheme not in SERVED:
        with artifact_errors(location):
            artifact_repository(location).list_artifacts()


def _check_own_folder(location: str) -> None:
    if location != artifact_folder().as_uri():
        raise UserError(
            f"mlflow.db belongs to a project in another folder: its artifacts are in {location}. Move the project "
            "back, or delete mlflow.db and fill a new one with `convtrack publish`."
        )


def _check_folder(folder: Path) -> None:
    """Check the folder of an experiment of a server.

    A client on another machine than the server must not create it there: nobody else would find the files.
    """
    known = [path for path in (folder, *folder.parents) if path.exists()]
    if urlsplit(store_address()).hostname not in LOOPBACK:
        known = [path for path in known if path in (folder, folder.parent)]
    if not (known and known[0].is_dir() and os.access(known[0], os.W_OK | os.X_OK)):
        raise UserError(
            f"The files of runs in {shown_address()} are in the folder {folder}, which is missing or cannot be written "
            "here. Mount the folder under the same path, or log to a server that serves files (`mlflow server "
            "--serve-artifacts`)."
        )


@contextmanager
def artifact_errors(location: str = "") -> Iterator[None]:
    """Raise `Unreachable` for exceptions of the libraries that reach files of runs, such as boto3 for S3.

    It is `Rejected` if a package is missing or the store has rejected the request.
    Exceptions of Python, such as a full disk, stay as they are, and so do those of MLflow, unless `location` tells that
    the server is not involved.
    """
    direct = bool(location) and urlsplit(location).scheme not in SERVED
    where = f"The files of runs in {shown_address()}" + (f" are in {shown(location)}, which" if location else "")
    try:
        yield
    except ImportError as problem:
        package = (problem.name or "").partition(".")[0].replace("botocore", "boto3")  # boto3 installs both
        raise Rejected(f"{where} cannot be reached without the package {package}: `pip install {package}`.") from None
    except Exception as problem:
        package = type(problem).__module__.partition(".")[0]
        if package in sys.stdlib_module_names or package in ("pipeline", "requests", "sqlalchemy"):
            raise
        if package == "mlflow" and not direct:
            raise
        reason = " ".join(str(problem).split())[:300].rstrip(".")
        raise (Rejected if any(map(_is_rejection, causes(problem))) else Unreachable)(
            f"{where} cannot be reached ({reason}). Set the credentials and the address of this store, such as "
            "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and MLFLOW_S3_ENDPOINT_URL, or start the server with "
            "`--serve-artifacts`."
        ) from None


def _is_rejection(problem: BaseException) -> bool:
    """Whether an exception of botocore has the response of an S3 store that states a mistake of the client."""
    response = getattr(problem, "response", None)
    if not isinstance(response, dict):
        return False
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    late = response.get("Error", {}).get("Code") == "RequestTimeout"  # S3 gives it the status 400.
    return 400 <= status < 500 and status not in OVERLOADED and not late
