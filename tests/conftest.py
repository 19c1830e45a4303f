"""Shared fixtures: a project folder whose commands run in separate processes, an empty store, images, predictions."""

import gc
import os
import shutil
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.data.prepared import ImageTexts, Prepared
from pipeline.data.splits import TEST, TRAIN, VALIDATION
from pipeline.evaluation.predictions import Predictions
from tests.preloaded.python import preloaded_python

ROOT = Path(__file__).parents[1]

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell ignores Ctrl-C for commands in the background. The tests of Ctrl-C would then wait for ever.
    signal.signal(signal.SIGINT, signal.default_int_handler)

UNSET = ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", "MLFLOW_RUN_ID", "HYDRA_FULL_ERROR", "PYTHONPATH")

LONGEST = ("tests/system/torture/", "tests/system/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with the longest files, so that no process of pytest-xdist waits for the other at the end."""
    items.sort(key=lambda item: next((n for n, folder in enumerate(LONGEST) if item.nodeid.startswith(folder)), 2))


@pytest.fixture(scope="module", autouse=True)
def few_objects_to_collect():
    """Freeze the objects that exist before a file of tests, so that the garbage collector skips them.

    `keras.backend.clear_session` collects garbage before every training, which takes seconds with the objects of all
    earlier files. A frozen cycle that becomes unreachable later is never freed.
    """
    gc.freeze()
    yield
    gc.collect()  # A warning of a finalizer belongs to the file that has left the garbage.


@dataclass(frozen=True)
class CommandResult:
    """The result of a command: exit code, standard output and standard error."""

    code: int
    stdout: str
    stderr: str

    def error_message(self) -> str:
        """Return an error message: sentences in one line, and below them perhaps an indented list."""
        assert self.code == 1, f"exit code {self.code}\n{self.stdout}\n{self.stderr}"
        assert "Traceback" not in self.stdout + self.stderr
        sentences, *listed = self.stderr.splitlines()
        assert sentences.startswith("convtrack: ") and sentences.endswith("."), self.stderr
        assert all(line.startswith("  ") for line in listed), self.stderr
        return self.stderr.removeprefix("convtrack: ").strip()

    def output(self) -> str:
        """Standard output; the command must have succeeded without a warning."""
        assert self.code == 0, f"exit code {self.code}\n{self.stdout}\n{self.stderr}"
        assert self.stderr == ""
        return self.stdout


def mlflow_client(database: Path) -> Any:
    """MLflow's own client of a store in a file."""
    with warnings.catch_warnings():
        # The first import of MLflow's tables raises a deprecation warning of SQLAlchemy 2.1.
        warnings.simplefilter("ignore", DeprecationWarning)
        import mlflow

        return mlflow.MlflowClient(f"sqlite:///{database}")


@dataclass(frozen=True)
class Project:
    """A project folder with this repository's `conf/`, and the commands that are run in it."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def variables(self) -> dict[str, str]:
        """The environment of its commands."""
        kept = {name: value for name, value in os.environ.items() if name not in UNSET}
        path = os.pathsep.join([*self.environment.get("PYTHONPATH", "").split(os.pathsep), str(ROOT)])
        return {**kept, **self.environment, "PYTHONPATH": path.lstrip(os.pathsep)}

    def run(
        self, *arguments: str, python: tuple[str, ...] | None = None, timeout: float = 240, **environment: str
    ) -> CommandResult:
        """Run a command to its end, in a new Python with the options `python` unless these are None."""
        program = [preloaded_python()] if python is None else [sys.executable, *python]
        done = subprocess.run(
            [*program, "-m", "pipeline", *arguments],
            cwd=self.folder,
            env=self.variables | environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        return CommandResult(done.returncode, done.stdout, done.stderr)

    def interrupted(self, *arguments: str, after: str, by: signal.Signals) -> CommandResult:
        """Run a command and send it a signal when it has printed a line with `after`."""
        command = [sys.executable, "-m", "pipeline", *arguments]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with subprocess.Popen(command, cwd=self.folder, env=self.variables, text=True, **pipes) as process:
            lines = []
            for line in process.stdout:
                lines.append(line)
                if after in line:
                    process.send_signal(by)
                    break
            stdout, stderr = process.communicate(timeout=120)
        return CommandResult(process.returncode, "".join(lines) + stdout, stderr)

    @property
    def store(self) -> Any:
        """The project's store, as MLflow's own client reads it."""
        return mlflow_client(self.folder / "mlflow.db")

    def runs(self) -> list[Any]:
        """Every run in the project's store."""
        experiments = [experiment.experiment_id for experiment in self.store.search_experiments()]
        return list(self.store.search_runs(experiments))

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace a text in a file; the text must exist."""
        path = self.folder / file
        text = path.read_text(encoding="utf-8")
        assert old in text, f"'{old}' is not in {file}"
        path.write_text(text.replace(old, new), encoding="utf-8")

    def files(self) -> set[str]:
        """Every file except Hydra's job folders, locks and the cache of decoded pictures."""
        found = (file for file in self.folder.rglob("*") if file.is_file() and file.suffix != ".lock")
        names = (str(file.relative_to(self.folder)) for file in found)
        return {name for name in names if not name.startswith(("outputs", ".convtrack/pictures/"))}


@pytest.fixture(scope="session")
def new_project(tmp_path_factory) -> Callable[[], Project]:
    """Return a function that makes an empty project: the configuration, with tests/comparison.yaml, and no images."""

    def made() -> Project:
        folder = tmp_path_factory.mktemp("project")
        shutil.copytree(ROOT / "conf", folder / "conf")
        shutil.copy(ROOT / "tests" / "comparison.yaml", folder / "conf")
        (folder / "data" / "images").mkdir(parents=True)
        return Project(folder)

    return made


@pytest.fixture
def project(new_project) -> Project:
    """An empty project."""
    return new_project()


@pytest.fixture(scope="session")
def eight_images():
    """Eight images of 4×4 grey pixels of three classes; image n has grey level 10 n; two replicates."""
    splits = np.full((2, 8), TRAIN, np.uint8)
    splits[0, [0, 2, 4, 6]] = TEST
    splits[1, [2, 3, 6]] = TEST
    splits[:, [1, 5]] = VALIDATION
    return Prepared(
        pixels=np.tile(np.arange(0, 80, 10, dtype=np.uint8)[:, None, None, None], (1, 4, 4, 1)),
        labels=np.array([0, 0, 1, 1, 2, 2, 0, 1]),
        splits=splits,
        digests=np.zeros((8, 32), np.uint8),
        read_texts=lambda: ImageTexts(
            names=np.array([f"folder/{number}.png" for number in range(8)]),
            groups=np.arange(8).astype(str),
            subgroups=np.array(["small", "small", "big", "small", "small", "big", "small", "small"]),
        ),
        manifest={
            "classes": ["ape", "bee", "cat"],
            "subgroups": ["big", "small"],
            "attribution": "nobody",
            "replicates": [{"mean": [30.0], "standard_deviation": [20.0]}] * 2,
        },
    )


@pytest.fixture
def predictions(eight_images):
    """Predictions of two replicates for their test images: both are wrong on image 2, the second also on image 6."""
    probabilities = {
        0: {0: (0.8, 0.1, 0.1), 2: (0.6, 0.3, 0.1), 4: (0.1, 0.2, 0.7), 6: (0.9, 0.1, 0.0)},
        1: {2: (0.8, 0.1, 0.1), 3: (0.2, 0.7, 0.1), 6: (0.1, 0.5, 0.4)},
    }
    return {
        replicate: Predictions(
            images=np.array(list(by_image)),
            partners=None,
            classes=np.array(["ape", "bee", "cat"]),
            truth=eight_images.labels[list(by_image)],
            probabilities=np.array(list(by_image.values())),
            groups=np.arange(len(by_image)),
            subgroups=None,
            trained_on=4,
        )
        for replicate, by_image in probabilities.items()
    }


@pytest.fixture
def pair_predictions():
    """Predictions of two replicates for pairs of images: both are wrong on (2, 4), the second also on (6, 7)."""
    probabilities = {
        0: {(0, 1): (0.1, 0.9), (2, 4): (0.3, 0.7), (3, 5): (0.9, 0.1)},
        1: {(0, 1): (0.4, 0.6), (2, 4): (0.1, 0.9), (6, 7): (0.45, 0.55)},
    }
    same = {(0, 1): 1, (2, 4): 0, (3, 5): 0, (6, 7): 0}
    return {
        replicate: Predictions(
            images=np.array([image for image, _ in by_pair]),
            partners=np.array([partner for _, partner in by_pair]),
            classes=np.array(["different classes", "same class"]),
            truth=np.array([same[pair] for pair in by_pair]),
            probabilities=np.array(list(by_pair.values())),
            groups=np.arange(len(by_pair)),
            subgroups=None,
            trained_on=4,
        )
        for replicate, by_pair in probabilities.items()
    }


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory):
    """A store without experiments. Copying it is much faster than creating one."""
    file = tmp_path_factory.mktemp("store") / "mlflow.db"
    mlflow_client(file).search_experiments()
    return file


@pytest.fixture
def temporary_folder(tmp_path, monkeypatch):
    """The temporary folder of a DVC experiment, as the current folder; the project is `tmp_path`."""
    folder = tmp_path / ".dvc/tmp/exps/tmp123"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setenv("DVC_EXP_NAME", "tidy-fox")
    return folder
