import mlflow
import pytest

from pipeline.tracking import registered_versions as module
from pipeline.tracking.registered_versions import registered_versions


@pytest.fixture
def client(tmp_path, monkeypatch):
    """A store with a deleted, an old and a new version of `digits`; the old one has the alias."""
    address = f"sqlite:///{tmp_path / 'store.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    client = mlflow.MlflowClient(address, address)
    client.create_registered_model("digits")
    client.create_registered_model("cats")
    for number in (1, 2, 3):
        client.create_model_version("digits", f"file:///{number}", description=f"Reason {number}")
        client.set_model_version_tag("digits", str(number), "model", f"net {number}")
    client.create_model_version("cats", "file:///cats")
    client.delete_model_version("digits", "1")
    client.set_registered_model_alias("digits", "champion", "2")
    return client


@pytest.mark.parametrize("name", ["digits", "cats", "dogs"])
def test_a_file_gives_the_versions_that_mlflow_gives(client, name):
    """Reading the tables, which is fast, against MLflow's client."""
    assert registered_versions(name) == sorted(module._in_store(name), key=lambda one: -one.number)


def test_versions_have_reason_tags_and_the_alias_and_the_newest_is_first(client):
    newest, older = registered_versions("digits")
    assert (newest.number, newest.champion, newest.description, newest.tags["model"]) == (3, False, "Reason 3", "net 3")
    assert (older.number, older.champion) == (2, True)


def test_a_store_that_does_not_exist_has_no_versions(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'none.db'}")
    assert registered_versions("digits") == []
