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

from pipeline.data.looks import add_looks, read_looks
from pipeline.storage.digests import write_digests
from pipeline.storage.folders import FIGURES, REPORT, REPORTS, TEST_SETS


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
        _run(clone, "dvc", "repro")
        _run(clone, "convtrack", "verify")
        for page in (REPORT, REPORT.with_suffix(".md")):
            shutil.copy(clone / page, folder / page.name)
        shutil.rmtree(folder / FIGURES.name, ignore_errors=True)
        shutil.copytree(clone / FIGURES, folder / FIGURES.name)
        for looks in sorted((clone / TEST_SETS).glob("*.looks.csv")):
            add_looks(TEST_SETS / looks.name, read_looks(looks))
    write_digests(folder)


def _run(project: Path, *command: str) -> None:
    """Run a command of the project with this Python's packages, and end with its exit code if it fails."""
    environment = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    environment |= {
        "PYTHONPATH": str(project),
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
    }
    if failed := subprocess.run(command, cwd=project, env=environment, check=False).returncode:
        sys.exit(failed)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m development.other_comparison", description=__doc__.split("\n")[0])
    parser.add_argument("name", metavar="NAME")
    main(parser.parse_args().name)
