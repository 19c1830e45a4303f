"""The index of all studies, `reports/README.md`: the question of each and its answer, as its report states them."""

import re
from pathlib import Path
from typing import NamedTuple

from pipeline.errors import UserError
from pipeline.storage.files import replacing
from pipeline.storage.folders import REPORTS

INDEX = REPORTS / "README.md"
HEAD = """\
# Reports

- [comparison.md](comparison.md) and comparison.html: the comparison that `make repro` runs, with
  [the model card](model_card.md) of its champion and the audit of its images (audit.html)
- [elpv/comparison.md](elpv/comparison.md): the comparison on images of solar cells
- [benchmarks/report.md](benchmarks/report.md): speed, measured by `make bench`
- [recipes/report.md](recipes/report.md): the searches that found the settings of the compared models

## Studies

Each study asks a question and answers it with an experiment. `convtrack study NAME` runs one; `dvc repro
reports/NAME/dvc.yaml` runs it only if something that it depends on has changed.
"""

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


def write_study_index(names: list[str]) -> None:
    """Write the index of the studies with these names that have a report."""
    entries = []
    for name in names:
        report = REPORTS / name / "report.md"
        if report.is_file():
            title, answer = read_answer(report)
            entries.append(f"### [{title}]({name}/report.md)\n\n`convtrack study {name}`\n\n{answer}\n")
    with replacing(INDEX) as unfinished:
        unfinished.write_text("\n".join([HEAD, *entries]), encoding="utf-8")
