from pathlib import Path

from pipeline.cli.commands.study import study_names
from pipeline.storage.imports import ROOT
from pipeline.studies.study_index import INDEX, read_answer, write_study_index


def test_the_committed_index_states_the_answers_of_the_committed_reports(tmp_path, monkeypatch):
    committed = (ROOT / INDEX).read_text(encoding="utf-8")
    (tmp_path / "reports").mkdir()
    for name in study_names():
        (tmp_path / "reports" / name).symlink_to(ROOT / "reports" / name)
    monkeypatch.chdir(tmp_path)
    write_study_index(study_names())
    assert INDEX.read_text(encoding="utf-8") == committed


def test_a_report_without_an_answer_is_represented_by_its_first_paragraph(tmp_path):
    report: Path = tmp_path / "report.md"
    report.write_text("# Title\n\nFirst\nparagraph.\n\nSecond.\n")
    assert read_answer(report) == ("Title", "First paragraph.")
    report.write_text("# Title\n\n**Answer.** Yes:\n12 %.\n\nSecond.\n")
    assert read_answer(report) == ("Title", "Yes: 12 %.")
