"""Every exception that a user can cause has a message; a bug has none and keeps its traceback."""

import errno
import subprocess
import sys

import pytest
import yaml
from joblib.externals.loky.process_executor import BrokenProcessPool, TerminatedWorkerError
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from pipeline.cli.messages import sentence
from pipeline.errors import UserError


def test_a_missing_file_is_named():
    problem = FileNotFoundError(errno.ENOENT, "No such file or directory", "data/prepared/labels.npy")
    assert sentence(problem).startswith("data/prepared/labels.npy is missing: ")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_named_with_the_file(code):
    assert sentence(OSError(code, "full", "a.npz")).startswith("The disk is full: no space left to write a.npz. Free ")
    assert sentence(OSError(code, "full")).startswith("The disk is full: no space left. Free ")


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (errno.EACCES, "Check the permissions."),
        (errno.EROFS, "Use another folder, or mount the file system writable."),
        (errno.EFBIG, "Raise the limit (`ulimit -f`), or use another disk."),
    ],
)
def test_a_file_that_the_system_does_not_permit_is_named_with_what_to_do(code, advice):
    assert sentence(OSError(code, "refused", "a.npz")) == f"Cannot open or write a.npz (refused). {advice}"


@pytest.mark.parametrize(
    "problem",
    [
        MemoryError(),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        ImportError("libx.so: failed to map segment from shared object"),
        RuntimeError("can't start new thread"),
    ],
)
def test_a_lack_of_memory_states_what_to_do(problem):
    assert sentence(problem).startswith("Memory ran out. Close other programs, or train fewer replicates at a time ")


@pytest.mark.parametrize("problem", [BrokenProcessPool("gone"), TerminatedWorkerError("gone")])
def test_a_killed_process_states_what_to_do(problem):
    assert sentence(problem).startswith("A process of this command was killed, possibly because memory ran out. ")


def test_the_message_of_a_user_error_is_shown_unchanged():
    assert sentence(UserError("Mend it.")) == "Mend it."


@pytest.mark.parametrize("problem", [ValueError("x"), KeyError("x"), OSError(errno.EPIPE, "x"), RuntimeError()])
def test_a_bug_has_no_message(problem):
    assert sentence(problem) is None


def test_invalid_yaml_is_reported_with_file_and_line(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text("a: [1\n")
    with pytest.raises(yaml.YAMLError) as error, file.open() as stream:
        yaml.safe_load(stream)
    assert sentence(error.value).startswith(f"{file} is not valid YAML: ")


def test_an_interpolation_of_a_missing_key_is_reported_with_its_setting():
    with pytest.raises(OmegaConfBaseException) as error:
        OmegaConf.to_container(OmegaConf.create({"a": "${b}"}), resolve=True)
    assert sentence(error.value) == (
        "Cannot resolve `a`: Interpolation key 'b' not found. Refer to an existing setting."
    )


def test_a_failure_of_the_store_states_how_to_continue():
    class MlflowException(Exception): ...

    MlflowException.__module__ = "mlflow.exceptions"
    assert sentence(MlflowException("no\nanswer")) == (
        "MLflow failed (no answer). Run the same command again; finished trainings are kept."
    )


def test_messages_are_available_without_hydra():
    command = "import sys, pipeline.cli.messages; sys.exit('hydra' in sys.modules or 'omegaconf' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", command], check=False).returncode == 0


def test_a_store_without_a_table_is_not_asked_again():
    class OperationalError(Exception): ...

    OperationalError.__module__ = "sqlalchemy.exc"
    message = sentence(OperationalError("no such table: experiments [SQL: SELECT 1]"))
    assert message.startswith("The MLflow store sqlite:///mlflow.db is damaged, or another program wrote it (no such")
    assert "again" not in message
