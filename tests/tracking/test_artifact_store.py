"""Where files of runs are, and what is reported if this machine cannot reach them."""

import sys

import pytest

from pipeline.errors import Rejected, Unreachable, UserError
from pipeline.tracking.artifact_store import artifact_errors, check_artifact_store
from pipeline.tracking.connection import connecting
from pipeline.tracking.store_errors import lost_store

REMOTE = "http://mlflow.example.org:5000"


def test_files_that_the_server_serves_need_no_access(project, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", REMOTE)
    check_artifact_store("mlflow-artifacts:/1")


def test_a_folder_of_another_machine_is_not_created_here(project, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", REMOTE)
    with pytest.raises(UserError, match=r"missing or cannot be written here. Mount .*--serve-artifacts"):
        check_artifact_store((project / "srv" / "mlflow" / "1").as_uri())
    (project / "srv" / "mlflow").mkdir(parents=True)
    check_artifact_store((project / "srv" / "mlflow" / "1").as_uri())


def test_a_server_on_this_machine_has_the_same_folders(project, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    check_artifact_store(str(project / "srv" / "mlflow" / "1"))
    (project / "srv").touch()
    with pytest.raises(UserError, match="missing or cannot be written here"):
        check_artifact_store(str(project / "srv" / "mlflow" / "1"))


@pytest.mark.parametrize("missing", ["boto3", "botocore"])
def test_a_store_whose_package_is_missing_is_named_with_the_package(project, monkeypatch, missing):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", REMOTE)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(Rejected, match=r"are in s3://bucket/1, which cannot be reached without the package boto3"):
        check_artifact_store("s3://bucket/1")


def test_errors_of_a_library_are_explained_and_those_of_python_and_this_project_are_not():
    from optuna.exceptions import TrialPruned as ErrorOfALibrary

    with pytest.raises(Unreachable, match=r"cannot be reached \(denied\). Set the credentials"), artifact_errors():
        raise ErrorOfALibrary("denied.")
    for other in (ZeroDivisionError("a mistake of ours"), PermissionError(13, "denied"), UserError("known")):
        with pytest.raises(type(other)), artifact_errors():
            raise other


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (403, "AccessDenied", Rejected),
        (400, "RequestTimeout", Unreachable),
        (429, "TooManyRequests", Unreachable),
        (503, "SlowDown", Unreachable),
    ],
)
def test_a_rejection_is_found_behind_the_error_of_an_upload(monkeypatch, status, code, kind):
    """boto3 raises an error of its own for an upload, with that of the store as its context."""
    from optuna.exceptions import OptunaError as ErrorOfALibrary

    of_the_store = ErrorOfALibrary(code)
    of_the_store.response = {"ResponseMetadata": {"HTTPStatusCode": status}, "Error": {"Code": code}}
    of_the_upload = ErrorOfALibrary("Failed to upload")
    of_the_upload.__context__ = of_the_store
    with pytest.raises(UserError) as error, artifact_errors():
        raise of_the_upload
    assert type(error.value) is kind
    monkeypatch.setenv("MLFLOW_TRACKING_URI", REMOTE)
    assert lost_store(error.value) is (None if kind is Rejected else error.value)


def test_a_failure_while_files_are_logged_is_explained(tracker, monkeypatch, tmp_path):
    from optuna.exceptions import TrialPruned as ErrorOfALibrary

    def fail(*_):
        raise ErrorOfALibrary("the bucket is gone")

    with connecting() as client:
        run = client.create_run(tracker.experiment).info.run_id
        monkeypatch.setattr("mlflow.store.artifact.local_artifact_repo.LocalArtifactRepository.log_artifact", fail)
        (tmp_path / "file").touch()
        with pytest.raises(Unreachable, match="the bucket is gone"):
            client.log_artifact(run, str(tmp_path / "file"))
