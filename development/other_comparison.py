"""Run the comparison of `reports/NAME/comparison.yaml` in a temporary clone, and write its report to `reports/NAME/`.

    python -m development.other_comparison elpv    # 8 minutes on 2 cores

The clone has the committed code and an empty cache. Its report is copied only if `convtrack verify` finds all its
numbers in the run folders of the clone; `digests.json` then records the copies. The looks at test images are added to
those here.
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pipeline.data.looks import add_looks, read_looks
from pipeline.storage.digests import write_digests
from pipeline.storage.folders import FIGURES, REPORT, REPORTS, TEST_SETS

NOT_ITS_OWN = ("studies", "README.md")
"""Subjects of checks that belong to the committed comparison: a study reads its champion, and README quotes it."""


def main(name: str) -> None:
    """Write `reports/NAME/`."""
    folder = REPORTS / name
    settings = folder / "comparison.yaml"
    if not settings.is_file():
        sys.exit(f"{settings} is missing. Write the comparison there as in conf/comparison.yaml.")
    with TemporaryDirectory() as scratch:
        clone = Path(scratch, "project")
        subprocess.run(["git", "clone", "--quiet", str(Path.cwd()), str(clone)], check=True)
        shutil.copy(settings, clone / "conf/comparison.yaml")
        if failed := _run(clone, "dvc", "repro").returncode:
            sys.exit(failed)
        _check(clone)
        for page in (REPORT, REPORT.with_suffix(".md")):
            shutil.copy(clone / page, folder / page.name)
        shutil.rmtree(folder / FIGURES.name, ignore_errors=True)
        shutil.copytree(clone / FIGURES, folder / FIGURES.name)
        for looks in sorted((clone / TEST_SETS).glob("*.looks.csv")):
            add_looks(TEST_SETS / looks.name, read_looks(looks))
    write_digests(folder)


def _check(clone: Path) -> None:
    """End if a record of the comparison differs from another one."""
    lines = _run(clone, "convtrack", "verify", stdout=subprocess.PIPE, text=True).stdout.splitlines()
    checked = [line for line in lines if not line.split(maxsplit=1)[-1].startswith(NOT_ITS_OWN)]
    print("\n".join(checked))
    if not checked or any(line.startswith("differs") for line in checked):
        sys.exit("The records of the comparison differ, so its report is not copied.")


def _run(project: Path, *command: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command of the project with this Python's packages."""
    environment = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    environment |= {
        "PYTHONPATH": str(project),
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
    }
    return subprocess.run(command, cwd=project, env=environment, check=False, **options)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m development.other_comparison", description=__doc__.split("\n")[0])
    parser.add_argument("name", metavar="NAME")
    main(parser.parse_args().name)
