"""A project with a small comparison, reproduced once by the real `dvc` command; every test works on its own copy."""

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from ruamel.yaml import YAML

from tests.preloaded.python import preloaded_python

ROOT = Path(__file__).parents[3]
PARTS = (
    "conf",
    "pipeline",
    "data/.gitignore",
    "data/README.md",
    "data/watched.yaml",
    "data/weights",
    "dvc.yaml",
    ".dvc/config",
    ".dvcignore",
    ".gitignore",
    "requirements.lock",
)
IDENTITY = {
    f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in (("NAME", "a"), ("EMAIL", "a@b"))
}


@dataclass(frozen=True)
class Project:
    """A project folder, and the commands that tests run in it; `python` and `dvc` are preloaded."""

    folder: Path

    def run(self, *command: str, **added: str) -> str:
        """Run a command, which must succeed, with variables added to its environment, and return its output."""
        environment = (
            {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"} | IDENTITY | added
        )
        programs = [str(Path(one).parent) for one in (preloaded_python(), sys.executable)]
        environment["PATH"] = os.pathsep.join([*programs, environment["PATH"]])
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout + done.stderr

    def repro(self, *stages: str) -> set[str]:
        """Run `dvc repro` and return the names of the stages that it runs.

        Without `package`, which runs if the champion or its score changed: small networks take turns as champion.
        """
        return set(re.findall(r"Running stage '(.+?)'", self.run("dvc", "repro", *stages))) - {"package"}

    def changed(self) -> set[str]:
        """The stages of which a setting, a file or an output has changed, as `dvc status` shows them."""
        return set(json.loads(self.run("dvc", "status", "--json").splitlines()[-1]))

    def change(self, file: str, **values: Any) -> None:
        """Set values in a YAML file; comments are kept. `options__units=3` sets `units` in the mapping `options`."""
        yaml, path = YAML(), self.folder / file
        content = yaml.load(path)
        for keys, value in values.items():
            *parents, last = keys.split("__")
            node = content
            for key in parents:
                node = node.setdefault(key, {})
            node[last] = value
        yaml.dump(content, path)

    def cloned(self, folder: Path) -> "Project":
        """A clone by git: it has no data, no results and no cache."""
        self.run("git", "clone", "--quiet", str(self.folder), str(folder))
        return Project(folder)

    def copied_with_store(self, folder: Path) -> None:
        """Copy the project to a folder, with its store, whose artifacts are then those in the copy."""
        shutil.copytree(self.folder, folder, symlinks=True)
        with closing(sqlite3.connect(folder / "mlflow.db")) as store, store:
            for table, column in (("experiments", "artifact_location"), ("runs", "artifact_uri")):
                store.execute(f"update {table} set {column} = replace({column}, ?, ?)", (str(self.folder), str(folder)))

    def commit(self) -> None:
        """Commit all files that git does not ignore."""
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--allow-empty", "--message", "current state")


@dataclass(frozen=True)
class FirstRun:
    """A project after its first `dvc repro`, and the stages that ran. Tests must not change it."""

    project: Project
    stages: set[str]


def new_project(folder: Path) -> Project:
    """A project in which nothing has run."""
    for part in PARTS:
        target = folder / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / part, target)
    project = Project(folder)
    project.run("git", "init", "--quiet")
    return project


@pytest.fixture
def untouched_project(tmp_path) -> Project:
    return new_project(tmp_path / "project")


@pytest.fixture(scope="session")
def first_run(tmp_path_factory) -> FirstRun:
    """The first run, made once for all workers of pytest-xdist."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder, stages = shared / "first-run", shared / "first-run.txt"
    with FileLock(shared / "first-run.lock"):
        if not stages.exists():
            stages.write_text("\n".join(_reproduced(new_project(folder))), encoding="utf-8")
    return FirstRun(Project(folder), set(stages.read_text(encoding="utf-8").split()))


def _reproduced(project: Project) -> set[str]:
    """Run a small comparison in a new project, commit its results, and return the stages that ran."""
    project.change(
        "conf/comparison.yaml",
        data="digits",
        split="random",
        models=["fully_connected", "lecture_cnn"],
        baselines=["grey_levels"],
        replicates=2,
        optimizer="sgd",
        training="lecture",
        augmentation="none",
    )
    project.change("conf/training/lecture.yaml", epochs=1)
    project.commit()
    stages = project.repro()
    project.commit()
    return stages


@pytest.fixture
def project(first_run, tmp_path) -> Project:
    """A copy of the project after its first run, which the test may change; without a store, as in a clone."""
    copy = tmp_path / "project"
    # A store belongs to one folder, because it contains the absolute path of its artifacts.
    store = shutil.ignore_patterns("mlflow.db*", "mlartifacts")
    shutil.copytree(first_run.project.folder, copy, symlinks=True, ignore=store)
    return Project(copy)


@pytest.fixture(scope="module")
def verified(first_run, tmp_path_factory, empty_store):
    """A copy of the reproduced project with its store, whose artifacts lie in the copy.

    `empty_store` imports MLflow's tables without the warning that this raises.
    """
    folder = tmp_path_factory.mktemp("verified") / "project"
    first_run.project.copied_with_store(folder)
    return folder


@pytest.fixture
def here(verified, monkeypatch):
    """Work in the copy, and put back the files that `kept` has read."""
    monkeypatch.chdir(verified)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    contents = {}

    def kept(file):
        contents[Path(file)] = Path(file).read_bytes() if Path(file).exists() else None
        return Path(file)

    yield kept
    for file, content in contents.items():
        if content is None:
            file.unlink(missing_ok=True)
        else:
            file.write_bytes(content)


@pytest.fixture
def change_store(here):
    """Return a function that changes one row. SQLite restores the store, because MLflow keeps it open."""
    with closing(sqlite3.connect(":memory:")) as before, closing(sqlite3.connect("mlflow.db")) as store:
        store.backup(before)

        def change(statement):
            with store:
                assert store.execute(statement).rowcount == 1

        yield change
        before.backup(store)
