"""The reports against the run folders they are made of: each page is made again and compared line by line."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from html import unescape
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.comparison.choice_file import usable_networks, write_choice
from pipeline.comparison.choosing import with_champion
from pipeline.comparison.gather import gather_comparison
from pipeline.config.champion_file import read_champion
from pipeline.config.schema import ComparisonConfig
from pipeline.counts import number_of
from pipeline.data.looks import test_set_digest
from pipeline.data.prepared import Prepared
from pipeline.reporting import page
from pipeline.reporting.content import Comparison
from pipeline.reporting.sections import document
from pipeline.storage.files import existing, read_json
from pipeline.storage.folders import CARD, CARD_FIGURES, CHAMPION, CHOICE, FIGURES, REPORT, RunFolder
from pipeline.storage.provenance import commit_exists, contains_commit
from pipeline.verification.checked_link import Check, names
from pipeline.verification.quoted_numbers import MARKDOWN, NUMBER
from pipeline.verification.scored_replicates import differences

COMMIT = re.compile(r"^- \*\*Commit:\*\* (\w+)$", re.MULTILINE)
LINK = re.compile(r"^\[Open the runs in MLflow\]\(<?([^>)]+)>?\)$", re.MULTILINE)
VERSIONS = re.compile(r"^Versions\n\n(?:\|.*\n)+", re.MULTILINE)
ROW = re.compile(r"^\| (\S+) +\| +(\S+) \|$", re.MULTILINE)
WIDTH = 60
"""Characters of a differing line that are shown before and after the first difference."""


def written_report(settings: ComparisonConfig, prepared: Prepared) -> Iterator[Check]:
    """Check every line of the comparison's report, in Markdown and HTML, and the choice of the champion."""
    held = existing(MARKDOWN).read_text(encoding="utf-8")
    comparison = recorded_comparison(settings, prepared, held)
    report = document(comparison)
    yield _compared(MARKDOWN, held, page.markdown_text(report, FIGURES.name))
    yield _compared(REPORT, _text(existing(REPORT).read_text(encoding="utf-8")), _text(page.html(report)))
    with TemporaryDirectory() as scratch:
        write_choice(Path(scratch) / CHOICE.name, comparison)
        changed = list(differences(read_json(Path(scratch) / CHOICE.name), read_json(CHOICE)))
    if changed:
        yield Check(str(CHOICE), "differs", f"{names(changed)}", "Run `dvc repro report`.")
    else:
        model = comparison.champion.model if comparison.champion else None
        yield Check(str(CHOICE), "ok", f"the champion is the one that the report chooses ({model or 'none'})")


def recorded_comparison(settings: ComparisonConfig, prepared: Prepared, report: str) -> Comparison:
    """The comparison in the run folders, with the commit, versions and link that its Markdown report names."""
    comparison = gather_comparison(
        [*settings.models, *settings.baselines],
        prepared.manifest,
        test_set=test_set_digest(prepared),
        primary_metric=settings.primary_metric,
        margin=settings.margin,
        tracking_link=_first(LINK, report),
    )
    versions = VERSIONS.search(report)
    comparison = replace(
        comparison,
        commit=_first(COMMIT, report) or comparison.commit,
        dirty="uncommitted changes" in report,
        versions=dict(ROW.findall(versions[0])[1:]) if versions else comparison.versions,
    )
    return with_champion(comparison, read_champion(), usable_networks(settings.models))


def report_commit(report: Path, runs: Sequence[RunFolder]) -> Iterator[Check]:
    """Check that a Markdown report is not older than the trainings: its commit must contain those that they record."""
    commit = _first(COMMIT, existing(report).read_text(encoding="utf-8"))
    if commit in (None, "none"):
        return
    if not commit_exists(commit):
        found = f"the report names commit {commit[:12]}, which is not in this repository"
        yield Check(str(report), "unknown", found, "Fetch it: `git fetch --all --unshallow`.")
        return
    other = sorted({_training_commit(run) for run in runs} - {"none"})
    other = [one for one in other if commit_exists(one) and not contains_commit(commit, one)]
    if other:
        found = f"the report names commit {commit[:12]}, which does not contain that of trainings ({names(other)})"
        remedy = "They were trained on another branch, or the report is older: run `dvc repro --force report`."
        yield Check(str(report), "unknown", found, remedy)
    else:
        yield Check(str(report), "ok", f"its commit {commit[:12]} contains those of the trainings")


def _training_commit(run: RunFolder) -> str:
    """The commit that the first replicate of a model records."""
    if run.baseline.is_file():
        return str(read_json(run.baseline, "commit")["commit"])
    return str(read_json(run.replicates, "replicates")["replicates"][0]["commit"])


def _first(pattern: re.Pattern[str], text: str) -> str | None:
    found = pattern.search(text)
    return found[1] if found else None


def _text(html: str) -> str:
    """The texts of a page, figures included, one per line."""
    texts = re.split(r"<style.*?</style>|<script.*?</script>|<[^>]*>", html, flags=re.DOTALL)
    return "\n".join(unescape(" ".join(one.split())) for one in texts if one.strip())


def _compared(file: Path, held: str, expected: str) -> Check:
    numbers = number_of(len(NUMBER.findall(expected)), "number")
    if held == expected:
        return Check(str(file), "ok", f"{numbers}, all of which match the run folders")
    lines, own = expected.splitlines(), held.splitlines()
    changed = [number for number, (line, now) in enumerate(zip(lines, own, strict=False)) if line != now]
    if not changed:
        found = f"it has {len(own)} lines, and the run folders give {len(lines)}"
    else:
        was, now = _around(lines[changed[0]], own[changed[0]])
        found = (
            f"{number_of(len(changed), 'line')} do not follow from the run folders; the first says “{now}”, not “{was}”"
        )
    return Check(str(file), "differs", found, "Run `dvc repro --force report` to write it again.")


def _around(one: str, other: str) -> tuple[str, str]:
    """The parts of two lines around their first difference."""
    first = next((place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), 0)
    start = max(0, first - WIDTH // 2)
    return one[start : first + WIDTH].strip(), other[start : first + WIDTH].strip()


def written_card(prepared: Prepared) -> Iterator[Check]:
    """Check that the model card is that of the packaged network, and that this one is made of the trainings here."""
    if not (CHAMPION / CARD.name).is_file():
        return
    pairs = [(CARD.parent / name, CHAMPION / name) for name in (CARD.name, CARD.with_suffix(".md").name)]
    pairs += [(CARD_FIGURES / one.name, one) for one in sorted((CHAMPION / CARD_FIGURES.name).iterdir())]
    other = [one for one, source in pairs if not one.is_file() or one.read_bytes() != source.read_bytes()]
    if other:
        yield Check(str(CARD), "differs", f"{names(other)} differ from the files in {CHAMPION}/", PACKAGE)
    choice, packaged = read_json(CHOICE, "model", "trained"), read_json(CHAMPION / CHOICE.name, "model", "trained")
    if packaged["model"] is None:
        return
    run = RunFolder.of(packaged["model"])
    trained = read_json(run.replicates, "model_fingerprint", "replicates")
    own = [trained["replicates"][one]["fingerprint"] for one in packaged["replicates"]]
    text = (CHAMPION / CARD.with_suffix(".md").name).read_text(encoding="utf-8")
    facts = {
        "the packaged trainings": packaged["trained"] == choice["trained"] == own,
        "the fingerprint of the model": trained["model_fingerprint"] in text,
        "the digest of the data": prepared.manifest["digest"] in text,
    }
    wrong = [name for name, right in facts.items() if not right]
    if wrong:
        yield Check(str(CARD), "differs", f"{names(wrong)} is not that of {run.train}", PACKAGE)
    elif not other:
        yield Check(str(CARD), "ok", f"it describes the network in {CHAMPION}/, trained as {run.train} records")


PACKAGE = "Run `dvc repro --force package`."
