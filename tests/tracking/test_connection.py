import errno
import os
import signal
from pathlib import Path

import mlflow
import pytest
from mlflow.exceptions import MlflowException

from pipeline.tracking.address import shown_address
from pipeline.tracking.tracker import Tracker


def test_the_shown_address_has_no_password(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://me:secret@host:5000/path")
    assert shown_address() == "https://host:5000/path"


def test_an_interrupted_creation_leaves_no_store(project, monkeypatch):
    def interrupted(address):
        Path(address.removeprefix("sqlite:///")).write_bytes(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(mlflow, "MlflowClient", interrupted)
        with pytest.raises(KeyboardInterrupt):
            Tracker.open("digits")
    assert not list(project.glob("*.db"))
    assert Tracker.open("digits").experiment


def test_a_full_disk_is_reported_as_a_full_disk(project, monkeypatch):
    def full(address):
        raise MlflowException("(sqlite3.OperationalError) database or disk is full [SQL: CREATE TABLE …]")

    monkeypatch.setattr(mlflow, "MlflowClient", full)
    with pytest.raises(OSError, match="database or disk is full") as error:
        Tracker.open("digits")
    assert (error.value.errno, error.value.filename) == (errno.ENOSPC, f"sqlite:///{project}/mlflow.db")


def test_an_interrupt_takes_effect_after_the_call_of_the_store(project, tracker, monkeypatch):
    """Within a call, SQLAlchemy may turn it into an error of its own, or leave the database locked for 20 s."""
    done = []

    def log_metric(client, *arguments):
        os.kill(os.getpid(), signal.SIGINT)
        done.append(arguments)

    monkeypatch.setattr(mlflow.MlflowClient, "log_metric", log_metric)
    with pytest.raises(KeyboardInterrupt):
        tracker.client.log_metric("run", "train/loss", 1.0)
    assert done == [("run", "train/loss", 1.0)]
