from pathlib import Path

import pytest

from pipeline.tracking.address import artifact_folder, is_default_store, store_address


@pytest.fixture(autouse=True)
def without_address(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def test_by_default_the_store_is_in_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert store_address() == "sqlite:///mlflow.db" and is_default_store()
    assert artifact_folder() == tmp_path / "mlartifacts"


def test_an_experiment_in_a_temporary_folder_has_the_store_and_the_artifacts_of_the_project(tmp_path, temporary_folder):
    assert store_address() == f"sqlite:///{tmp_path}/mlflow.db" and is_default_store()
    assert artifact_folder() == tmp_path / "mlartifacts"


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("sqlite:///runs/all.db", "sqlite:///{project}/runs/all.db"),
        ("sqlite:////srv/all.db", "sqlite:////srv/all.db"),
        ("http://server:5000", "http://server:5000"),
        ("postgresql://me@server/runs", "postgresql://me@server/runs"),
    ],
)
def test_there_only_the_relative_path_of_a_file_belongs_to_the_project(
    written, address, tmp_path, temporary_folder, monkeypatch
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", written)
    assert store_address() == address.format(project=tmp_path)
    assert not is_default_store()


def test_a_worktree_and_a_clone_have_stores_of_their_own(tmp_path, monkeypatch):
    for name in ("project", "worktree"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        monkeypatch.delenv("DVC_ROOT", raising=False)
        assert Path(artifact_folder()) == tmp_path / name / "mlartifacts"
