"""The answer that the report of a study states in its first paragraph."""

import re
from pathlib import Path
from typing import NamedTuple

from pipeline.errors import UserError

MARK = "**Answer.**"


class Answer(NamedTuple):
    """The title of a study's report and its answer, Markdown."""

    title: str
    answer: str


def read_answer(report: Path) -> Answer:
    """Read the title of a report, and the paragraph that begins with "Answer"; empty if there is none.

    Raises:
        UserError: the report is not a UTF-8 text.
    """
    try:
        text = report.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UserError(
            f"{report} is damaged. Restore it from version control, or write it again with "
            f"`convtrack study {report.parent.name}`."
        ) from None
    title, *paragraphs = re.split(r"\n\s*\n", text.strip())
    answer = next((one.removeprefix(MARK) for one in paragraphs if one.startswith(MARK)), "")
    return Answer(title.removeprefix("# "), " ".join(answer.split()))
