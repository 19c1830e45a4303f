"""The answers of studies that README quotes."""

import re
from pathlib import Path

from pipeline.reporting.study_answer import read_answer

ROW = re.compile(r"^\| \[(\w+)\]\((reports/\w+/report\.md)\) \| (.+) \|$", re.MULTILINE)
NUMBER = re.compile(r"\d+\.\d+")


def test_every_number_that_readme_quotes_is_in_the_answer_of_the_study():
    quoted = ROW.findall(Path("README.md").read_text(encoding="utf-8"))
    assert len(quoted) == 8
    for name, report, text in quoted:
        assert report == f"reports/{name}/report.md"
        answer = read_answer(Path(report)).answer
        assert set(NUMBER.findall(text)) <= set(NUMBER.findall(answer)), name
