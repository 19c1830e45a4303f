"""Addresses of the database of sweeps, and errors that are retried."""

import pytest
import sqlalchemy

from pipeline.errors import UserError
from pipeline.sweeping import database
from pipeline.sweeping.database import connected, create_database, full_address, with_retries


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
