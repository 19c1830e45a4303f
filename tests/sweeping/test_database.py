"""Addresses of the database of sweeps, and errors that are retried."""

import sqlite3
from contextlib import closing

import pytest
import sqlalchemy
from optuna.study import StudyDirection

from pipeline.errors import UserError
from pipeline.sweeping import database
from pipeline.sweeping.database import connected, create_database, database_errors_explained, full_address, with_retries
from pipeline.sweeping.study import create_study, open_study


def test_the_address_of_a_database_file_is_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert full_address("sqlite:///sweeps.db") == f"sqlite:///{tmp_path}/sweeps.db"


@pytest.mark.parametrize("address", ["sweeps.db", "sqlite://", "mysql://user@host/database"])
def test_another_kind_of_database_is_rejected(address):
    with pytest.raises(UserError, match="must be sqlite:///FILE or postgresql"):
        full_address(address)


def test_a_missing_database_is_reported_with_the_command_that_creates_it(tmp_path):
    with pytest.raises(UserError, match=r"does not exist: start a sweep with `convtrack experiment -m`\."):
        connected(f"sqlite:///{tmp_path}/sweeps.db")


def test_a_folder_that_does_not_exist_is_rejected(tmp_path):
    with pytest.raises(UserError, match="must be a file in an existing folder"):
        create_database(f"sqlite:///{tmp_path}/missing/sweeps.db")


def failing(times, message, calls):
    def call():
        calls.append(1)
        if len(calls) <= times:
            raise sqlalchemy.exc.OperationalError("select 1", {}, Exception(message))
        return "result"

    return call


def test_a_temporary_error_is_retried(monkeypatch):
    monkeypatch.setattr(database.time, "sleep", lambda seconds: None)
    calls = []
    assert with_retries(failing(2, "connection refused", calls)) == "result"
    assert len(calls) == 3


def test_a_full_disk_is_not_retried():
    calls = []
    with pytest.raises(sqlalchemy.exc.OperationalError):
        with_retries(failing(2, "database or disk is full", calls))
    assert len(calls) == 1


def test_a_damaged_value_is_explained_but_no_other_value_error(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    address = f"sqlite:///{tmp_path}/sweeps.db"
    create_database(address)
    study = create_study("small", address, [StudyDirection.MINIMIZE])
    study.optimize(lambda trial: 0.0, n_trials=1)
    with closing(sqlite3.connect("sweeps.db")) as opened, opened:
        opened.execute("update trials set datetime_start = '2026-77-01 00:00:00.000000'")
    connected.cache_clear()
    message = r"sweeps\.db \(month must be in 1\.\.12\)\. The file is damaged: restore it"
    with pytest.raises(UserError, match=message), database_errors_explained(address):
        open_study("small", address).get_trials()
    with pytest.raises(ValueError, match="own"), database_errors_explained(address):
        raise ValueError("own")
