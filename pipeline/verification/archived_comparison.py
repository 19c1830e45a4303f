"""The pages of a comparison whose run folders are not here, against its archived records."""

import shutil
from collections.abc import Iterator
from contextlib import chdir
from functools import partial
from pathlib import Path

from pipeline.config.reading import read_comparison
from pipeline.config.schema import ComparisonConfig
from pipeline.data.prepared import Prepared, read_prepared
from pipeline.errors import UserError
from pipeline.storage.files import read_json
from pipeline.storage.folders import NETWORKS, PREPARED, REPORT, RUNS, RunFolder
from pipeline.verification.archived_records import ARCHIVE, unpacked_records
from pipeline.verification.checked_link import Check, checked
from pipeline.verification.quoted_numbers import MARKDOWN
from pipeline.verification.scored_replicates import scored_baseline, scored_replicates
from pipeline.verification.trained_replicates import code_check, records_check
from pipeline.verification.written_reports import report_commit, written_report


def archived_comparison(folder: Path) -> Iterator[Check]:
    """Check the scores in the archive of a folder of `reports/`, and the pages, as if the run folders were here.

    Raises:
        UserError: a page is missing, or the archive or a file in it is damaged.
    """
    pages = {str(page): str(folder / page.name) for page in (REPORT, MARKDOWN)}
    with unpacked_records(folder / ARCHIVE) as project:
        for page, source in pages.items():
            if not Path(source).is_file():
                raise UserError(f"{source} is missing. Restore it with Git.")
            shutil.copy(source, project / page)
        with chdir(project):
            try:
                settings, prepared = read_comparison(), read_prepared(PREPARED)
            except UserError:
                raise UserError(f"{folder / ARCHIVE} is damaged. Restore it with Git.") from None
            checks = list(_recomputed(settings, prepared))
        checks += _commits(project, settings)
    for one in checks:
        name, found = one.subject.removeprefix(f"{project}/"), one.found.replace(f"{project}/", "")
        subject = pages.get(name, f"{folder / ARCHIVE}, {name}")
        if one.state == "unknown" and "dvc repro" in one.remedy:
            remedy = f"Run the comparison again: `python -m development.other_comparison {folder.name}`."
            yield Check(subject, one.state, found, remedy)
        elif one.state == "differs":
            # Advice in the text of an error, too, is about the run folders of this project.
            found = found if one.remedy else found.partition(". ")[0]
            yield Check(subject, one.state, found, f"`git restore {folder}` brings the committed files back.")
        else:
            yield Check(subject, one.state, found, one.remedy)


def _recomputed(settings: ComparisonConfig, prepared: Prepared) -> Iterator[Check]:
    """Check what can be computed again from the records in the working directory."""
    for name in settings.models:
        run = RunFolder.of(name)
        yield from checked(str(run.train), partial(_trainings, run))
        yield from checked(str(run.scores), partial(scored_replicates, run, prepared))
    for name in settings.baselines:
        run = RunFolder.of(name)
        yield from checked(str(run.scores), partial(scored_baseline, run))
    yield from checked(str(MARKDOWN), partial(written_report, settings, prepared))


def _trainings(run: RunFolder) -> Iterator[Check]:
    yield records_check(run, read_json(run.replicates, "replicates")["replicates"], archived=True)


def _commits(project: Path, settings: ComparisonConfig) -> Iterator[Check]:
    """Check the recorded commits in the repository of the working directory."""
    names = (*settings.models, *settings.baselines)
    runs = [RunFolder(project / RUNS / name, project / NETWORKS / name) for name in names]
    for run in runs[: len(settings.models)]:
        yield from checked(str(run.replicates), partial(_trained_code, run))
    report = project / MARKDOWN
    yield from checked(str(report), partial(report_commit, report, runs))


def _trained_code(run: RunFolder) -> Iterator[Check]:
    records = read_json(run.replicates, "replicates")["replicates"]
    patches = {one["replicate"]: run.result(one["replicate"]).patch for one in records}
    yield code_check(str(run.replicates), records, patches)
