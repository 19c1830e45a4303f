"""The folder of a round: a clone of this repository with a small comparison, a temporary folder and a small disk."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]
DISK = "size=512m,nr_inodes=40000"
"""The disk of a round: small enough to be filled within a second, large enough for a round."""

IDENTITY = {
    f"GIT_{role}_{key}": value
    for role in ("AUTHOR", "COMMITTER")
    for key, value in (("NAME", "torture"), ("EMAIL", "torture@localhost"), ("DATE", "2026-01-01T00:00:00Z"))
}
UNSET = ("MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_NAME", "HYDRA_FULL_ERROR")
MARK = "CONVTRACK_TORTURE"
"""The variable that all processes of a round inherit."""
NETWORKS = ("fully_connected", "lecture_cnn")
EPOCHS = 5


@dataclass(frozen=True)
class Workspace:
    """The folder of a round; `on_disk` states whether it is a small disk of its own."""

    folder: Path
    on_disk: bool

    @property
    def project(self) -> Path:
        """The project, in which the commands run."""
        return self.folder / "project"

    @property
    def temporary(self) -> Path:
        """TMPDIR of the commands."""
        return self.folder / "tmp"

    def environment(self, added: Mapping[str, str]) -> dict[str, str]:
        """The environment of the commands: the packages of this Python, and the code of the project."""
        kept = {name: value for name, value in os.environ.items() if name not in UNSET}
        return {
            **kept,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(self.project),
            "TMPDIR": str(self.temporary),
            MARK: str(self.folder),
            **added,
        }


@contextmanager
def workspace(folder: Path) -> Iterator[Workspace]:
    """Make the folder of a round, on a disk of its own if this machine can mount one, and a project in it."""
    folder.mkdir(parents=True)
    on_disk = _mounts(folder)
    try:
        space = Workspace(folder, on_disk)
        space.temporary.mkdir()
        _make_project(space.project)
        yield space
    finally:
        if on_disk:
            _succeeds("umount", "--lazy", str(folder))


def _make_project(folder: Path) -> None:
    """Clone what is committed here, and commit a comparison that takes a minute."""
    _run("git", "clone", "--quiet", "--shared", "--no-checkout", str(ROOT), str(folder))
    _run("git", "checkout", "--quiet", "--detach", _revision(), folder=folder)
    _change(
        folder / "conf/comparison.yaml",
        data="digits",
        split="random",
        models=list(NETWORKS),
        baselines=["most_frequent"],
        replicates=2,
        optimizer="sgd",
        training="lecture",
        augmentation="none",
    )
    _change(folder / "conf/training/lecture.yaml", epochs=EPOCHS)
    # Two replicates give no verdict, and without a champion the stage `package` does nothing.
    _change(folder / "conf/champion.yaml", model=NETWORKS[0], why="It is simple")
    # DVC writes the whole file after each stage, and most of it describes other comparisons.
    (folder / "dvc.lock").unlink()
    _run("git", "commit", "--quiet", "--all", "--message", "A small comparison", folder=folder)
    # For `make`, which does not install it again if it counts as old.
    (folder / ".venv").symlink_to(sys.prefix)
    with (folder / ".git/info/exclude").open("a") as stream:
        stream.write("/.venv\n")


@cache
def _revision() -> str:
    """The commit that is tested, also if others follow in the meantime."""
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _change(file: Path, **values: Any) -> None:
    yaml = YAML()
    content = yaml.load(file)
    content.update(values)
    yaml.dump(content, file)


def _run(*command: str, folder: Path = ROOT) -> None:
    subprocess.run(command, cwd=folder, env=os.environ | IDENTITY, check=True)


def _mounts(folder: Path) -> bool:
    return os.geteuid() == 0 and _succeeds("mount", "-t", "tmpfs", "-o", DISK, "tmpfs", str(folder))


def _succeeds(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def disk_available(folder: Path) -> bool:
    """Whether this machine can mount a small disk."""
    probe = folder / "probe"
    probe.mkdir(parents=True)
    mounted = _mounts(probe)
    if mounted:
        _succeeds("umount", str(probe))
    probe.rmdir()
    return mounted
