"""A page quotes the answer of a study from its report, and shows a study without a report by its command."""

import re
from html import unescape

import pytest
from PIL import Image

from pipeline.lecture import study_answers
from pipeline.lecture.material import Material, highlighted
from pipeline.lecture.study_answers import study_answer


@pytest.fixture
def material(tmp_path, monkeypatch):
    monkeypatch.setattr(study_answers, "available", lambda: ["depth", "pooling"])
    return Material(trained=None, reports=tmp_path)


def test_the_answer_and_the_first_figure_come_from_the_report(material, tmp_path):
    (tmp_path / "depth").mkdir()
    (tmp_path / "depth" / "report.md").write_text(
        "# How deep?\n\n**Answer.** Deep enough: `r` > 8\nhelps by **2 %**.\n\nMore.\n\n![Curve](curve.png)\n"
    )
    Image.new("L", (7, 5)).save(tmp_path / "depth" / "curve.png")
    found = study_answer(material, "depth")
    assert (found.title, found.command) == ("How deep?", "convtrack study depth")
    assert found.answer == "Deep enough: <code>r</code> &gt; 8 helps by <strong>2 %</strong>."
    assert material.files["study-depth.png"] == (tmp_path / "depth" / "curve.png").read_bytes()
    assert 'width="7" height="5"' in found.picture


def test_the_figure_of_the_result_is_preferred_to_one_of_the_data(material, tmp_path):
    (tmp_path / "depth").mkdir()
    (tmp_path / "depth" / "report.md").write_text(
        "# How deep?\n\n![Digits](digits.png)\n\n## Result\n\n![Curve](curve.png)\n\n![Other](digits.png)\n"
    )
    for name, width in (("digits", 3), ("curve", 7)):
        Image.new("L", (width, 5)).save(tmp_path / "depth" / f"{name}.png")
    assert 'alt="Curve" width="7"' in study_answer(material, "depth").picture


def test_a_study_without_a_report_has_its_question_and_its_command(material):
    found = study_answer(material, "pooling")
    assert (found.answer, found.report, found.picture) == ("", "", "")
    assert found.question and found.command == "convtrack study pooling"


def test_a_study_that_does_not_exist_is_not_shown(material):
    assert study_answer(material, "unknown") is None


def test_marked_code_is_the_code():
    code = 'def f(x: int) -> str:\n    # why\n    return f\'{x} <b>\' if x < 3 else """two\nlines"""\n'
    assert unescape(re.sub(r"</?(?:b|i|em)>", "", str(highlighted(code)))) == code.strip()
