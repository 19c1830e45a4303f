"""The numbers of README against the reports: its table, its answers of studies, and its links."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.config.reading import read_comparison
from pipeline.counts import number_of
from pipeline.reporting.study_answer import read_answer
from pipeline.storage.files import existing
from pipeline.storage.folders import REPORT
from pipeline.verification.checked_link import Check, checked, names

README = Path("README.md")
MARKDOWN = REPORT.with_suffix(".md")
NUMBER = re.compile(r"(?:(?<![\w)–−-])[−-])?\d+(?:[.,]\d+)*")
"""A number with its sign. A hyphen or minus after a word, a number or a bracket is none, as in `lenet-5` and `3-4`."""
MEASURE = re.compile(NUMBER.pattern + r"(?:\s+[\w%×]+)?")
"""A number with its sign and, if there is one, the word behind it."""
STUDY_ROW = re.compile(r"^\| *\[(\w+)\]\((reports/\w+/report\.md)\) *\| *(.+?) *\|$", re.MULTILINE)
LINK = re.compile(r"\[([^\]\[]*\d[^\]\[]*)\]\((reports/[\w/-]+\.md)(?:#[^)]*)?\)")
"""A link to a report whose text has a number."""
CONCLUSION = re.compile(r"^\*\*(.+)\*\*$", re.MULTILINE)
"""A bold line. The first one of a report states which model to use."""


def quoted_numbers() -> Iterator[Check]:
    """Check the numbers of README against the reports: its table, its answers of studies and its links."""
    if not README.is_file():
        return
    readme = README.read_text(encoding="utf-8")
    comparison = list(checked(str(README), lambda: _quoted_comparison(readme)))
    yield from comparison
    yield from quoted_answers(readme)
    links = LINK.findall(STUDY_ROW.sub("", readme))
    if any(one.state == "unknown" for one in comparison):
        links = [(text, report) for text, report in links if Path(report) != MARKDOWN]
    yield from _quoted_in_links(links)


def _quoted_comparison(readme: str) -> Iterator[Check]:
    """Compare README's table with the rows of the report, and its sentence in bold that begins with "Use"."""
    report = existing(MARKDOWN).read_text(encoding="utf-8")
    quoted, held, baselines = list(_rows(readme)), dict(_rows(report)), read_comparison().baselines
    if not {name for name, _ in quoted} & set(held) - set(baselines):
        yield Check(str(README), "unknown", "it does not quote the table of this comparison")
        return
    wrong = [one for name, row in quoted for one in _other(name, row, held.get(name))]
    advice = CONCLUSION.search(report)
    given = [one for one in CONCLUSION.findall(readme) if one.startswith("Use ")]
    if advice and any(one != advice[1] for one in given):
        wrong.append(f"README does not have the sentence “{advice[1]}”")
    if wrong:
        yield Check(str(README), "differs", names(wrong), f"Copy the lines from {MARKDOWN} into {README}.")
    else:
        count = sum(len(NUMBER.findall(" ".join(row))) for _, row in quoted)
        yield Check(str(README), "ok", f"{number_of(count, 'number')} in its table match {MARKDOWN}")


def _rows(text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The names of models and their cells, from the table rows with a tie and a score."""
    for line in text.splitlines():
        name, *cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) > 1 and re.fullmatch(r"[a-z]+( [a-z]+)*", cells[0]) and "±" in cells[1]:
            yield name, tuple(cells)


def _other(name: str, row: Sequence[str], expected: Sequence[str] | None) -> list[str]:
    """The cells of a row that differ from those of the report."""
    if expected is None:
        return [f"{name} is not in {MARKDOWN}"]
    if len(row) != len(expected):
        return [f"{name} has {len(row)} values, in the report {len(expected)}"]
    return [f"{name}: README has “{a}”, the report “{b}”" for a, b in zip(row, expected, strict=True) if a != b]


def quoted_answers(readme: str) -> Iterator[Check]:
    """Compare README's answers of studies with those of their reports: the same numbers in the same order."""
    wrong, answers = [], STUDY_ROW.findall(readme)
    for name, report, text in answers:
        if not Path(report).is_file():
            yield Check(str(README), "differs", f"{report} is missing", f"Run `convtrack study {name}`.")
            continue
        held = iter(_numbers(read_answer(Path(report)).answer))
        # `in` consumes the iterator, so each number must come after the one before.
        missing = [number for number in _numbers(text) if number not in held]
        wrong += [f"the answer of {report} does not have {number} at this place" for number in missing[:1]]
    if wrong:
        yield Check(str(README), "differs", names(wrong), f"Correct {README}, with the numbers in the same order.")
    elif answers:
        yield Check(
            str(README),
            "ok",
            f"the quoted answers of {number_of(len(answers), 'study', 'studies')} match their reports",
        )


def _quoted_in_links(links: Sequence[tuple[str, str]]) -> Iterator[Check]:
    """Search each number in the text of a link, with the word behind it, in the report that the link opens."""
    wrong = []
    for text, report in links:
        if not Path(report).is_file():
            wrong.append(f"{report} is missing")
            continue
        page = Path(report).read_text(encoding="utf-8")
        held = {*_measures(page), *_numbers(page)}
        wrong += [f"{report} does not have “{measure}”" for measure in _measures(text) if measure not in held]
    if wrong:
        yield Check(str(README), "differs", names(wrong), f"Correct the links in {README}, or restore the reports.")
    elif links:
        yield Check(str(README), "ok", f"the numbers in {number_of(len(links), 'link')} are in the reports")


def _numbers(text: str) -> list[str]:
    return [number.replace("−", "-") for number in NUMBER.findall(text)]


def _measures(text: str) -> list[str]:
    return [" ".join(measure.split()).replace("−", "-") for measure in MEASURE.findall(text)]
