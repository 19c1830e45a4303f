"""Every check of the comparison in this folder, from the images to README."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from pipeline.config.reading import read_comparison
from pipeline.counts import number_of
from pipeline.data.prepared import read_prepared
from pipeline.errors import UserError
from pipeline.storage.digests import DIGESTS, intact, recorded_digests
from pipeline.storage.folders import CHAMPION, PREPARED, REPORT, REPORTS, RunFolder
from pipeline.tracking.address import shown_address
from pipeline.verification.archived_comparison import archived_comparison
from pipeline.verification.archived_records import ARCHIVE
from pipeline.verification.checked_link import Check, State, checked
from pipeline.verification.locked_files import (
    LOCK,
    Digest,
    LockedStage,
    locked_dependencies,
    locked_outputs,
    locked_settings,
    read_lock,
    remembered_digests,
)
from pipeline.verification.prepared_images import prepared_images
from pipeline.verification.quoted_numbers import MARKDOWN, quoted_numbers
from pipeline.verification.scored_replicates import scored_baseline, scored_replicates
from pipeline.verification.trained_replicates import trained_replicates
from pipeline.verification.written_reports import report_commit, written_card, written_report

RESULTS = (str(PREPARED), str(CHAMPION))
"""Outputs of the comparison that a study can read."""


def comparison_checks() -> Iterator[Check]:
    """Yield the checks one by one. A file that is missing or damaged is a difference; the others are checked."""
    settings = read_comparison()
    yield from checked(str(PREPARED), partial(prepared_images, PREPARED))
    try:
        prepared = read_prepared(PREPARED)
    except UserError:
        found = "the images are missing, so no score and no run is checked"
        yield Check("results", "unknown", found, "`dvc pull` brings them; without a remote, run `dvc repro`.")
        yield from _pages()
        return
    networks = {name: RunFolder.of(name) for name in settings.models}
    baselines = {name: RunFolder.of(name) for name in settings.baselines}
    for run in networks.values():
        yield from checked(str(run.train), partial(trained_replicates, run))
        yield from checked(str(run.scores), partial(scored_replicates, run, prepared))
    for run in baselines.values():
        yield from checked(str(run.scores), partial(scored_baseline, run))
    runs = [*networks.values(), *baselines.values()]
    yield from _stored(runs, prepared.manifest["name"], prepared.manifest["digest"])
    digest = remembered_digests()
    yield from checked(str(LOCK), partial(_locked, settings.models, settings.baselines, digest))
    yield from checked("studies", partial(_locked_studies, digest))
    yield from checked(str(REPORT), partial(written_report, settings, prepared))
    if MARKDOWN.is_file():
        yield from checked(str(MARKDOWN), partial(report_commit, MARKDOWN, runs))
    yield from checked("model card", partial(written_card, prepared))
    yield from _pages()


def _pages() -> Iterator[Check]:
    """README, and the reports that no stage of the comparison writes."""
    yield from checked("README.md", quoted_numbers)
    for report in sorted(REPORTS.glob("*/*.md")):
        if not (report.parent / LOCK.name).is_file() and report.parent != REPORT.with_suffix(""):
            yield _recorded_report(report)
    for archive in sorted(REPORTS.glob(f"*/{ARCHIVE}")):
        yield from checked(str(archive), partial(archived_comparison, archive.parent))


def _stored(runs: Sequence[RunFolder], data: str, data_digest: str) -> Iterator[Check]:
    # Imported here, because importing MLflow takes seconds, in which the checks above already print their lines.
    from pipeline.tracking.read_only import DamagedStore
    from pipeline.tracking.store import Store
    from pipeline.verification.logged_runs import logged_report, logged_runs, own_part

    try:
        store = Store.open()
        part = own_part(store, data)
    except UserError as problem:
        state: State = "differs" if isinstance(problem, DamagedStore) else "unknown"
        yield Check(shown_address(), state, str(problem).rstrip("."), "`convtrack publish` fills a new store.")
        return
    for run in runs:
        yield from checked(str(run.folder), partial(logged_runs, store, part, run, data_digest))
    yield from checked(str(REPORT), lambda: [logged_report(store, part)])


def _locked(models: Sequence[str], baselines: Sequence[str], digest: Digest) -> Iterator[Check]:
    """The stages of the comparison."""
    stages = read_lock()
    wanted = ["prepare", "plan", "build", *(f"{name}@{one}" for one in models for name in ("train", "evaluate"))]
    wanted += [*(f"baseline@{one}" for one in baselines), "interpret", "report", "package"]
    own = {name: stages[name] for name in wanted if name in stages}
    for name in [name for name in wanted if name not in stages]:
        yield Check(str(LOCK), "differs", f"the stage {name} is not recorded", f"Run `dvc repro {name}`.")
    yield from locked_outputs(list(own.values()), digest)
    yield locked_dependencies(own, digest, str(LOCK))
    yield from checked(f"{LOCK}, settings", lambda: [locked_settings(list(own.values()))])


def _locked_studies(digest: Digest) -> Iterator[Check]:
    """The outputs of each study, and what they have read."""
    studies: dict[str, LockedStage] = {}

    def outputs(lock: Path) -> Iterator[Check]:
        held = read_lock(lock)
        if not held:
            yield Check(str(lock), "differs", "it records no stage", f"Restore it: `git restore {lock}`.")
            return
        studies[lock.parent.name] = next(iter(held.values()))
        yield from locked_outputs(list(held.values()), digest, lock=lock)

    for lock in sorted(REPORTS.glob(f"*/{LOCK.name}")):
        yield from checked(str(lock), partial(outputs, lock))
    if studies:
        yield from _read_by_studies(studies, digest)


def _read_by_studies(studies: Mapping[str, LockedStage], digest: Digest) -> Iterator[Check]:
    """Check what the studies have read. One that was made with the results of another comparison is not wrong."""
    for name, study in studies.items():
        other = [one.path for one in study.deps if one.path in RESULTS and digest(one.path) != one.digest]
        if other:
            found = f"it was made with other contents of {' and '.join(other)}"
            yield Check(str(REPORTS / name), "unknown", found, f"`dvc repro {REPORTS / name}/dvc.yaml` makes it again.")
    sources = {
        name: study._replace(deps=tuple(one for one in study.deps if one.path not in RESULTS))
        for name, study in studies.items()
    }
    remedy = f"`dvc repro {REPORTS}/NAME/dvc.yaml` makes a study again."
    yield locked_dependencies(sources, digest, "studies", remedy=remedy)


def _recorded_report(report: Path) -> Check:
    """A page that a tool has written outside of DVC, such as `make bench`: whether its files are unchanged."""
    remedy = f"`git restore {report.parent}` brings the committed page back."
    try:
        recorded = recorded_digests(report.parent)
    except (OSError, ValueError):
        return Check(str(report), "differs", f"{report.parent / DIGESTS} is damaged", remedy)
    if report.name not in recorded:
        return Check(str(report), "unknown", f"neither {LOCK.name} nor {DIGESTS} records what it was made of")
    if not intact(report.parent):
        found = f"a file of the page was changed after it was written: {report.parent / DIGESTS} has other digests"
        return Check(str(report), "differs", found, remedy)
    return Check(str(report), "ok", f"{number_of(len(recorded), 'file')} of the page are as they were written")
