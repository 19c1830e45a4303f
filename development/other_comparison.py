"""Run the comparison of `reports/NAME/comparison.yaml` in a temporary clone, and write its report to `reports/NAME/`.

    python -m development.other_comparison elpv    # 8 minutes on 2 cores

The clone has the committed code and an empty cache. Its report is copied only if `convtrack verify` finds all its
numbers in the run folders of the clone. `records.zip` keeps these folders without weights and images, so that `verify`
can compute the numbers again here, and `digests.json` records all files. The looks at test images are added to those
here.
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.reproduction import clone, project_environment
from pipeline.data.looks import add_looks, read_looks
from pipeline.storage.digests import write_digests
from pipeline.storage.folders import FIGURES, REPORT, REPORTS, TEST_SETS
from pipeline.verification.archived_records import ARCHIVE, archive_records


def main(name: str) -> None:
    """Write `reports/NAME/`."""
    folder = REPORTS / name
    settings = folder / "comparison.yaml"
    if not settings.is_file():
        sys.exit(f"{settings} is missing. Write the comparison there as in conf/comparison.yaml.")
    with TemporaryDirectory() as scratch:
        project = clone(Path(scratch, "project"))
        shutil.copy(settings, project / "conf/comparison.yaml")
        for command in (["dvc", "repro"], ["convtrack", "verify"]):
            environment = project_environment(project, {})
            if failed := subprocess.run(command, cwd=project, env=environment, check=False).returncode:
                sys.exit(failed)
        for page in (REPORT, REPORT.with_suffix(".md")):
            shutil.copy(project / page, folder / page.name)
        shutil.rmtree(folder / FIGURES.name, ignore_errors=True)
        shutil.copytree(project / FIGURES, folder / FIGURES.name)
        archive_records(project, folder / ARCHIVE)
        for looks in sorted((project / TEST_SETS).glob("*.looks.csv")):
            add_looks(TEST_SETS / looks.name, read_looks(looks))
    write_digests(folder)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m development.other_comparison", description=__doc__.split("\n")[0])
    parser.add_argument("name", metavar="NAME")
    main(parser.parse_args().name)
