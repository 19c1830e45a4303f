import json
import sqlite3
import subprocess
import sys

import mlflow
import pytest

from pipeline.deployment.picture_model import SETTINGS
from pipeline.errors import UserError
from pipeline.tracking.model_registry import (
    FOLDER,
    PACKAGED,
    Registered,
    parsed_address,
    registered_folder,
    version_in,
)


@pytest.fixture
def registered(tmp_path, monkeypatch):
    """A project whose store has two versions of a registered model, the second with the alias; their folders."""
    monkeypatch.chdir(tmp_path)
    address = f"sqlite:///{tmp_path / 'store.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    # MLflow looks the model of a version up in the store of the process, whichever store the client has.
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(address)
    (tmp_path / "conf").mkdir()
    monkeypatch.setattr("pipeline.tracking.model_registry.read_comparison", lambda: type("C", (), {"data": "digits"}))
    mlflow.set_tracking_uri(address)  # MLflow looks a logged model up there, whatever the client.
    client = mlflow.MlflowClient(address, address)
    experiment = client.create_experiment("digits", (tmp_path / "files of runs").as_uri())
    run = client.create_run(experiment).info.run_id
    client.create_registered_model("digits")
    folders = []
    for number in (1, 2):
        logged = client.create_logged_model(experiment, name=f"net {number}{PACKAGED}", source_run_id=run)
        (tmp_path / "packaged").mkdir(exist_ok=True)
        (tmp_path / "packaged" / SETTINGS).write_text("{}")
        client.log_model_artifacts(logged.model_id, str(tmp_path / "packaged"))
        source = tmp_path / "files of runs" / "models" / logged.model_id / "artifacts"
        (source / FOLDER).mkdir()
        (source / SETTINGS).rename(source / FOLDER / SETTINGS)
        client.create_model_version("digits", f"models:/{logged.model_id}", run, model_id=logged.model_id)
        folders.append((logged.model_id, source / FOLDER))
    client.set_registered_model_alias("digits", "champion", "2")
    yield run, folders
    mlflow.set_tracking_uri(before)


def test_every_form_of_address_leads_to_the_folder(registered):
    run, ((first, first_folder), (_, second_folder)) = registered
    for address in ("champion", "2", "models:/digits@champion", "models:/digits/2", run):
        assert registered_folder(address) == second_folder
    for address in ("1", "models:/digits/1", f"models:/{first}"):
        assert registered_folder(address) == first_folder
    assert registered_folder(f"{first_folder}/").samefile(first_folder)


def test_the_folder_of_a_registered_network_has_its_version(registered, tmp_path, monkeypatch):
    _, ((_, first), (_, second)) = registered
    assert (version_in(first), version_in(second), version_in(tmp_path / "packaged")) == (1, 2, None)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'missing.db'}")
    assert version_in(first) is None


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("3", "no version 3 of the registered model digits"),
        ("challenger", "no alias 'challenger'"),
        ("models:/cats@champion", "There is no champion of cats"),
        ("0" * 32, "no packaged network of '0{32}'"),
        ("models:/m-00", "no packaged network of 'm-00'"),
        ("what is this?", "There is no model 'what is this\\?'"),
    ],
)
def test_what_the_store_does_not_have_is_one_sentence(registered, address, message):
    with pytest.raises(UserError, match=message):
        registered_folder(address)


def test_a_version_of_another_program_under_the_alias_is_named(registered, monkeypatch):
    run, _ = registered
    client = mlflow.MlflowClient()
    client.create_model_version("digits", "file:///elsewhere", run)
    client.set_registered_model_alias("digits", "champion", "3")
    message = "Version 3 of the registered model digits in .* was not registered by convtrack"
    with pytest.raises(UserError, match=message):
        registered_folder("champion")
    monkeypatch.setattr("pipeline.tracking.model_registry.SQLITE", "no SQLite store:")
    with pytest.raises(UserError, match=message):
        registered_folder("3")


def test_a_version_with_more_digits_than_the_store_has_is_missing(registered):
    with pytest.raises(UserError, match="has no version 99999999999999999999 of the registered model digits"):
        registered_folder("9" * 20)


def test_missing_files_name_the_command_that_makes_them_again(registered):
    _, (_, (_, folder)) = registered
    (folder / SETTINGS).unlink()
    with pytest.raises(UserError, match="dvc repro --force package"):
        registered_folder()


def test_a_store_that_is_missing_or_damaged_is_one_sentence(registered, tmp_path):
    (tmp_path / "store.db").write_bytes(b"not a database" * 100)
    with pytest.raises(UserError, match="cannot be read"):
        registered_folder()
    (tmp_path / "store.db").unlink()
    with pytest.raises(UserError, match="There is no champion of digits"):
        registered_folder()


def test_a_packaged_network_that_is_not_registered_can_be_published(registered, tmp_path):
    (tmp_path / "store.db").unlink()
    choice = dict.fromkeys(["data", "model", "replicates", "reason", "by_person", "metric", "score"], "lenet5")
    (tmp_path / "champion").mkdir()
    (tmp_path / "champion/champion.json").write_text(json.dumps(choice))
    with pytest.raises(UserError, match="Run `convtrack publish`, which registers lenet5"):
        registered_folder()


def test_an_sqlite_store_is_only_read_and_mlflow_is_not_imported(registered, tmp_path):
    before = (tmp_path / "store.db").read_bytes()
    code = (
        "import sys; from pipeline.tracking import model_registry as found; found.registered_folder('models:/digits/1')"
    )
    code += "; sys.exit('mlflow' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
    assert (tmp_path / "store.db").read_bytes() == before
    with sqlite3.connect(tmp_path / "store.db") as store:
        assert store.execute("pragma journal_mode").fetchone()


def test_a_server_is_asked_and_the_files_are_kept(registered, tmp_path, monkeypatch):
    from pipeline.tracking import model_registry

    _, (_, (identity, _)) = registered
    found = model_registry._in_store("champion")
    assert (found / SETTINGS).is_file() and found.is_relative_to(".convtrack/models")
    (tmp_path / "files of runs" / "models" / identity / "artifacts" / FOLDER / SETTINGS).unlink()
    assert model_registry._in_store("2") == found
    with pytest.raises(UserError, match="no version 9"):
        model_registry._in_store("9")


def test_addresses_are_parsed():
    assert parsed_address("models:/a b@best") == Registered("a b", "best", None)
    assert parsed_address("models:/digits/12") == Registered("digits", None, 12)
