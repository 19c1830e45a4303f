"""An unreachable tracking store raises an error with its address, within seconds and before any training."""

import socket
import sqlite3

import pytest


@pytest.fixture
def closed_port():
    """A port of this machine on which no server listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def error_message(project, address):
    """Return the error message of an experiment that ends before any training; retrying would take minutes."""
    before = project.files()
    arguments = ("experiment", "model=fully_connected", "data=digits", "training.epochs=1")
    sentence = project.run(*arguments, MLFLOW_TRACKING_URI=address, timeout=60).error_message()
    assert project.files() == before
    return sentence


def test_a_server_that_does_not_respond(project, closed_port):
    address = f"http://127.0.0.1:{closed_port}"
    assert error_message(project, address) == (
        f"The tracking store {address} cannot be reached (Connection refused). Check the address and that the "
        "server runs, or unset MLFLOW_TRACKING_URI to keep runs in sqlite:///mlflow.db."
    )


def test_a_missing_folder_is_reported(project):
    address = f"sqlite:///{project.folder}/nowhere/mlflow.db"
    assert error_message(project, address) == (
        f"The tracking store {address} cannot be opened (unable to open database file). Create its folder, restore "
        "the file from a copy, or move it away and fill a new one with `convtrack publish`."
    )


def test_a_file_that_is_not_a_database_is_reported(project):
    (project.folder / "mlflow.db").write_bytes(b"no database at all" * 99)
    assert error_message(project, "").startswith(
        "The tracking store sqlite:///mlflow.db cannot be opened (file is not a database). Create its folder, restore "
    )


def test_a_database_of_another_version_of_mlflow_is_reported(project):
    with sqlite3.connect(project.folder / "mlflow.db") as database:
        database.execute("create table experiments (experiment_id integer)")
    database.close()
    assert error_message(project, "") == (
        "The tracking store sqlite:///mlflow.db cannot be reached ((sqlite3.OperationalError) no such column: "
        "experiments.name). If another version of MLflow wrote it, move it away; otherwise check its folder and "
        "permissions."
    )


@pytest.mark.parametrize("address", ["./mlruns", "elsewhere://there", "postgresql://me:secret@127.0.0.1:9/runs"])
def test_an_address_that_mlflow_does_not_support_is_reported_without_its_password(project, address):
    sentence = error_message(project, address)
    shown = address.replace("me:secret@", "")
    assert sentence.startswith(f"The tracking store {shown} cannot be reached (")
    assert sentence.endswith("is right, or unset MLFLOW_TRACKING_URI to keep runs in sqlite:///mlflow.db.")
    assert "secret" not in sentence
