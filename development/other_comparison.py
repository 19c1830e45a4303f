"""Run the comparison of `reports/NAME/comparison.yaml` in a temporary clone, and write its report to `reports/NAME/`.

    python -m development.other_comparison elpv            # 8 minutes on 2 cores
    python -m development.other_comparison elpv --pages    # seconds, after a change of the report's text or figures

The clone has the committed code and an empty cache. Its report is copied only if `convtrack verify` succeeds there.
`records.zip` keeps the run folders without weights and images, so that `verify` can compute the numbers again here, and
`digests.json` records all files. The uses of test images are added to those recorded here (`data/test_sets/`). With
`--pages`, nothing is trained: the code in the working directory writes the report again from `records.zip`.
"""

import argparse
import shutil
import subprocess
import sys
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.reproduction import clone, project_environment
from pipeline.config.reading import read_comparison
from pipeline.data.looks import add_looks, read_looks
from pipeline.data.prepared import read_prepared
from pipeline.errors import UserError
from pipeline.reporting.report_files import write_report
from pipeline.reporting.sections import document
from pipeline.storage.digests import write_digests
from pipeline.storage.folders import FIGURES, PREPARED, REPORT, REPORTS, TEST_SETS
from pipeline.verification.archived_records import ARCHIVE, archive_records, unpacked_records
from pipeline.verification.quoted_numbers import MARKDOWN
from pipeline.verification.written_reports import recorded_comparison


def main(name: str, *, only_pages: bool) -> None:
    """Write `reports/NAME/`."""
    folder = REPORTS / name
    try:
        if only_pages:
            _write_pages(folder)
        else:
            _run(folder)
    except UserError as problem:
        sys.exit(str(problem))
    write_digests(folder)


def _run(folder: Path) -> None:
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
        _copy_report(project, folder)
        archive_records(project, folder / ARCHIVE)
        for looks in sorted((project / TEST_SETS).glob("*.looks.csv")):
            add_looks(TEST_SETS / looks.name, read_looks(looks))


def _write_pages(folder: Path) -> None:
    """Write the report of the archived records; commit, versions and the link to MLflow are those of the old report."""
    for file in (folder / ARCHIVE, folder / MARKDOWN.name):
        if not file.is_file():
            sys.exit(f"{file} is missing. Run the comparison, without --pages.")
    old = (folder / MARKDOWN.name).read_text(encoding="utf-8")
    with unpacked_records(folder / ARCHIVE) as project:
        with chdir(project):
            write_report(document(recorded_comparison(read_comparison(), read_prepared(PREPARED), old)))
        _copy_report(project, folder)


def _copy_report(project: Path, folder: Path) -> None:
    for page in (REPORT, MARKDOWN):
        shutil.copy(project / page, folder / page.name)
    shutil.rmtree(folder / FIGURES.name, ignore_errors=True)
    shutil.copytree(project / FIGURES, folder / FIGURES.name)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m development.other_comparison", description=__doc__.split("\n")[0])
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("--pages", action="store_true", help="only write the report of the archived records again")
    given = parser.parse_args()
    main(given.name, only_pages=given.pages)
