from pathlib import Path

from pipeline.cli.commands.study import study_names
from pipeline.reporting.study_answer import read_answer
from pipeline.storage.imports import ROOT
from pipeline.studies.study_index import INDEX, write_study_index


def test_the_committed_index_states_the_answers_of_the_committed_reports(tmp_path, monkeypatch):
    committed = (ROOT / INDEX).read_text(encoding="utf-8")
    (tmp_path / "reports").mkdir()
    for name in study_names():
        (tmp_path / "reports" / name).symlink_to(ROOT / "reports" / name)
    monkeypatch.chdir(tmp_path)
    write_study_index(study_names())
    assert INDEX.read_text(encoding="utf-8") == committed


def test_every_committed_report_states_its_answer():
    reports = [ROOT / "reports" / name / "report.md" for name in study_names()]
    assert [report.parent.name for report in reports if not read_answer(report).answer] == []


def test_the_answer_is_the_paragraph_with_its_mark(tmp_path):
    report: Path = tmp_path / "report.md"
    report.write_text("# Title\n\nFirst.\n\n**Answer.** Yes:\n12 %.\n\nLast.\n")
    assert read_answer(report) == ("Title", "Yes: 12 %.")
