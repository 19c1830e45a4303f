import getpass
import os
import pwd

import pytest

from pipeline.cli.user_account import complete_account


@pytest.fixture
def unnamed(monkeypatch, tmp_path):
    """A user id without a name, whose home is missing."""

    def unknown(number):
        raise KeyError(f"getpwuid(): uid not found: {number}")

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME", "MPLCONFIGDIR"):
        monkeypatch.setenv(name, "")  # so that it is restored even if it is missing now
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "missing"))
    monkeypatch.chdir(tmp_path)


def test_a_user_id_without_a_name_and_a_home_gets_both(unnamed, tmp_path):
    complete_account()
    assert getpass.getuser() == str(os.getuid())
    assert os.environ["MPLCONFIGDIR"] == str(tmp_path / ".convtrack/matplotlib")


def test_an_account_with_a_name_and_a_home_stays_as_it_is(unnamed, tmp_path, monkeypatch):
    monkeypatch.setenv("LOGNAME", "ada")
    monkeypatch.setenv("HOME", str(tmp_path))
    complete_account()
    assert getpass.getuser() == "ada"
    assert "MPLCONFIGDIR" not in os.environ
