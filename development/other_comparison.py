"""Run the comparison of `reports/NAME/comparison.yaml` in a temporary clone, and write its report to `reports/NAME/`.

    python -m development.other_comparison elpv    # 20 minutes on 2 cores

The clone has the committed state of the project, and an empty cache. Its report is copied only if `convtrack verify`
finds no difference there; `digests.json` records the copies, so that `convtrack verify` finds later changes.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.storage.digests import write_digests
from pipeline.storage.folders import FIGURES, REPORT, REPORTS, TEST_SETS


def main(name: str) -> None:
    """Write `reports/NAME/`."""
    settings = REPORTS / name / "comparison.yaml"
    if not settings.is_file():
        sys.exit(f"{settings} is missing. Write the comparison there as in conf/comparison.yaml.")
    with TemporaryDirectory() as scratch:
        clone, folder = Path(scratch, "project"), REPORTS / name
        subprocess.run(["git", "clone", "--quiet", str(Path.cwd()), str(clone)], check=True)
        shutil.copy(settings, clone / "conf/comparison.yaml")
        _run(clone, "dvc", "repro")
        _run(clone, "convtrack", "verify")
        for page in (REPORT, REPORT.with_suffix(".md")):
            shutil.copy(clone / page, folder / page.name)
        shutil.rmtree(folder / FIGURES.name, ignore_errors=True)
        shutil.copytree(clone / FIGURES, folder / FIGURES.name)
        for looks in (clone / TEST_SETS).glob("*.looks.csv"):
            shutil.copy(looks, TEST_SETS)
    write_digests(folder)


def _run(project: Path, *command: str) -> None:
    """Run a command of the project with this Python's packages; end with its exit code if it fails."""
    environment = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    environment |= {
        "PYTHONPATH": str(project),
        "XDG_CACHE_HOME": str(project.parent / "cache"),
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
    }
    if code := subprocess.run(command, cwd=project, env=environment, check=False).returncode:
        sys.exit(code)


if __name__ == "__main__":
    main(sys.argv[1])
