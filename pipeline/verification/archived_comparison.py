"""The pages of a comparison whose run folders are not here, against its archived records."""

import shutil
from collections.abc import Iterator
from contextlib import chdir
from functools import partial
from pathlib import Path

from pipeline.config.reading import CONF, read_comparison
from pipeline.data.prepared import read_prepared
from pipeline.errors import UserError
from pipeline.storage.files import read_json
from pipeline.storage.folders import NETWORKS, PREPARED, REPORT, RUNS, RunFolder
from pipeline.verification.archived_records import ARCHIVE, unpacked_records
from pipeline.verification.checked_link import Check, checked
from pipeline.verification.quoted_numbers import MARKDOWN
from pipeline.verification.scored_replicates import scored_baseline, scored_replicates
from pipeline.verification.trained_replicates import code_check
from pipeline.verification.written_reports import report_commit, written_report


def archived_comparison(folder: Path) -> Iterator[Check]:
    """Check the scores in the archive of a folder of `reports/`, and the pages, as if the run folders were here.

    Raises:
        UserError: a page is missing, or the archive or a file in it is damaged.
    """
    pages = {str(page): str(folder / page.name) for page in (REPORT, MARKDOWN)}
    with unpacked_records(folder / ARCHIVE) as project:
        (project / REPORT.parent).mkdir(exist_ok=True)
        for page, source in pages.items():
            if not Path(source).is_file():
                raise UserError(f"{source} is missing. Restore it with Git.")
            shutil.copy(source, project / page)
        with chdir(project):
            checks = list(_recomputed())
        checks += _commits(project)
    for one in checks:
        name = one.subject.removeprefix(f"{project}/")
        remedy = f"`git restore {folder}` brings the committed files back." if one.state == "differs" else one.remedy
        yield one._replace(subject=pages.get(name, f"{folder / ARCHIVE}, {name}"), remedy=remedy)


def _recomputed() -> Iterator[Check]:
    """Check what can be computed again from the records in the working directory."""
    settings, prepared = read_comparison(), read_prepared(PREPARED)
    for name in settings.models:
        run = RunFolder.of(name)
        yield from checked(str(run.scores), partial(scored_replicates, run, prepared))
    for name in settings.baselines:
        run = RunFolder.of(name)
        yield from checked(str(run.scores), partial(scored_baseline, run))
    yield from checked(str(MARKDOWN), partial(written_report, settings, prepared))


def _commits(project: Path) -> Iterator[Check]:
    """Check the recorded commits in the repository of the working directory."""
    settings = read_comparison(project / CONF)
    names = (*settings.models, *settings.baselines)
    runs = [RunFolder(project / RUNS / name, project / NETWORKS / name) for name in names]
    for run in runs[: len(settings.models)]:
        records = read_json(run.replicates, "replicates")["replicates"]
        patches = {one["replicate"]: run.result(one["replicate"]).patch for one in records}
        yield code_check(str(run.replicates), records, patches)
    yield from report_commit(project / MARKDOWN, runs)
