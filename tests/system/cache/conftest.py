"""A small comparison in a project of its own, run by the real `dvc` command; the tests go on from one another."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
PARTS = (
    "conf",
    "pipeline",
    "data/images",
    "data/weights",
    "dvc.yaml",
    ".dvc/config",
    ".dvcignore",
    ".gitignore",
    "requirements.lock",
)


@dataclass(frozen=True)
class Project:
    """A project folder and the commands that are run in it."""

    folder: Path

    def run(self, *command: str) -> str:
        """What a command prints; it must succeed."""
        environment = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
        environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
        environment |= {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a"}
        environment |= {"GIT_COMMITTER_EMAIL": "a@b"}
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout + done.stderr

    def repro(self) -> set[str]:
        """The stages that `dvc repro` runs."""
        return set(re.findall(r"Running stage '(.+?)'", self.run("dvc", "repro")))

    def change(self, file: str, **values: object) -> None:
        """Set values at the top of a YAML file."""
        path = self.folder / file
        path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | values, sort_keys=False))

    def commit(self) -> None:
        """Commit all that git does not ignore."""
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--allow-empty", "--message", "as it stands")


@pytest.fixture(scope="session")
def project(tmp_path_factory) -> Project:
    folder = tmp_path_factory.mktemp("project")
    for part in PARTS:
        target = folder / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / part, target)
    made = Project(folder)
    made.run("git", "init", "--quiet")
    made.change(
        "conf/comparison.yaml", data="digits", split="random", models=["fully_connected", "lecture_cnn"], replicates=2
    )
    made.change("conf/training/lecture.yaml", epochs=1)
    made.commit()
    return made


@pytest.fixture(scope="session")
def first_run(project) -> set[str]:
    """The stages that the first `dvc repro` ran."""
    ran = project.repro()
    project.commit()
    return ran
