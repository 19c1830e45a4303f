"""The numbers of README against the reports: its table, its answers of studies, and its links."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.counts import number_of
from pipeline.reporting.study_answer import read_answer
from pipeline.storage.files import existing
from pipeline.storage.folders import REPORT
from pipeline.verification.checked_link import Check, checked, names

README = Path("README.md")
NUMBER = re.compile(r"(?:(?<![\w)–−-])[−-])?\d[\d,.]*")
"""A number with its sign. A hyphen or minus after a word, a number or a bracket is none, as in `lenet-5` and `3-4`."""
STUDY_ROW = re.compile(r"^\| \[(\w+)\]\((reports/\w+/report\.md)\) \| (.+) \|$", re.MULTILINE)
QUOTED = re.compile(r"\[([^\]\[]*\d[^\]\[]*)\]\((reports/[\w/]+\.md)\)")
"""A link to a report whose text has a number."""


def quoted_numbers() -> Iterator[Check]:
    """Check the numbers of README: its table, its answers of studies and its links against the reports."""
    if not README.is_file():
        return
    readme = README.read_text(encoding="utf-8")
    yield from checked(str(README), lambda: [_quoted_table(readme)])
    answers = STUDY_ROW.findall(readme)
    if answers:
        yield from checked(str(README), lambda: [_quoted_answers(answers)])
    links = [(text, report) for text, report in QUOTED.findall(readme) if report not in {row[1] for row in answers}]
    if links:
        yield from checked(str(README), lambda: [_quoted_in_links(links)])


def _quoted_answers(answers: Sequence[tuple[str, str, str]]) -> Check:
    """Compare README's answers of studies with those of their reports: the same numbers in the same order."""
    wrong = []
    for name, report, text in answers:
        held = iter(_numbers(read_answer(existing(Path(report))).answer))
        # `in` consumes the iterator, so each number must come after the one before.
        wrong += [f"{name} {number}" for number in _numbers(text) if number not in held][:1]
    if wrong:
        found = f"numbers are not, in this order, in the answers of the studies: {names(wrong)}"
        return Check(str(README), "differs", found, "Copy the answers of the studies.")
    return Check(str(README), "ok", f"its answers of {len(answers)} studies are those of their reports")


def _quoted_in_links(links: Sequence[tuple[str, str]]) -> Check:
    wrong = []
    for text, report in links:
        held = set(_numbers(existing(Path(report)).read_text(encoding="utf-8")))
        wrong += [f"“{text}” is not in {report}" for number in _numbers(text) if number not in held][:1]
    if wrong:
        return Check(str(README), "differs", names(wrong), "Copy the numbers of the reports.")
    return Check(str(README), "ok", f"the numbers of {number_of(len(links), 'link')} are in the reports")


def _quoted_table(readme: str) -> Check:
    """Compare every row of README's table with the row of this model in the report."""
    source = REPORT.with_suffix(".md")
    report = dict(_rows(existing(source).read_text(encoding="utf-8")))
    quoted = list(_rows(readme))
    if not any(name in report for name, _ in quoted):
        return Check(str(README), "unknown", "it does not quote the table of this comparison")
    wrong = [f"{name} is not in {source}" for name, _ in quoted if name not in report]
    wrong += [f"{name} {now}" for name, row in quoted for now in _other(row, report.get(name, ()))]
    if wrong:
        found = f"its table does not quote the report: {names(wrong)}"
        return Check(str(README), "differs", found, "Copy the table of the report.")
    count = sum(len(NUMBER.findall(" ".join(row))) for _, row in quoted)
    return Check(str(README), "ok", f"{number_of(count, 'number')} of its table are those of {source}")


def _rows(text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The names of models and their cells, from the table rows with a tie and a score."""
    for line in text.splitlines():
        name, *cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) > 2 and re.fullmatch(r"[a-z]+( [a-z]+)*", cells[0]) and "±" in cells[1]:
            yield name, tuple(cells)


def _other(one: tuple[str, ...], expected: tuple[str, ...]) -> list[str]:
    return [f"“{now}”, not “{was}”" for now, was in zip(one, expected, strict=False) if now != was]


def _numbers(text: str) -> list[str]:
    return [number.rstrip(".,").replace("−", "-") for number in NUMBER.findall(text)]
