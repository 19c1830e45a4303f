"""The index of all studies, `reports/README.md`: the question of each and its answer, as its report states them."""

from pipeline.reporting.study_answer import read_answer
from pipeline.storage.files import replacing
from pipeline.storage.folders import REPORTS

INDEX = REPORTS / "README.md"
HEAD = """\
# Reports

- [comparison.md](comparison.md) and comparison.html: the comparison that `make repro` runs, with
  [the model card](model_card.md) of its champion and the audit of its images (audit.html)
- [elpv/comparison.md](elpv/comparison.md): the comparison on images of solar cells
- [benchmarks/report.md](benchmarks/report.md): speed, measured by `make bench`
- [torture/report.md](torture/report.md): commands that are killed or disturbed, tested by `make torture`

## Studies

Each study asks a question and answers it with an experiment. `convtrack study NAME` runs one; `dvc repro
reports/NAME/dvc.yaml` runs it only if something that it depends on has changed.
"""


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
