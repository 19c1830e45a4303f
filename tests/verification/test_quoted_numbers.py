"""Numbers that README quotes from the report and from the reports of studies."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline.storage import provenance
from pipeline.storage.files import write_json
from pipeline.storage.folders import RunFolder
from pipeline.verification import quoted_numbers as module
from pipeline.verification import written_reports
from pipeline.verification.quoted_numbers import NUMBER, quoted_numbers

REPORT = """\
| model  | tied | accuracy      | cost |
| ------ | ---- | ------------- | ---- |
| lenet5 |    a | 0.980 ± 0.003 | −1.5 |
| vgg    |  a b | 0.900 ± 0.010 | 2.0  |
"""
STUDY = "| [depth](reports/depth/report.md) | {} |\n"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "read_comparison", lambda: SimpleNamespace(baselines=["most_frequent"]))
    (tmp_path / "reports/depth").mkdir(parents=True)
    Path("reports/comparison.md").write_text(REPORT)
    Path("reports/depth/report.md").write_text(
        "# Depth\n\n**Answer.** From 51.2 to 78.6, a difference of −0.5 or 3-4 points.\n\nOther text with 99.9."
    )


def quoted(text):
    Path("README.md").write_text(text)
    return [(check.state, check.found) for check in quoted_numbers()]


def test_a_table_of_the_same_rows_agrees():
    assert quoted(REPORT) == [("ok", "6 numbers in its table match reports/comparison.md")]


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("| vgg ", "| vgg16 ", "vgg16 is not in reports/comparison.md"),
        ("0.900", "0.990", "vgg: README has “0.990 ± 0.010”, the report “0.900 ± 0.010”"),
        ("−1.5", "1.5", "lenet5: README has “1.5”, the report “−1.5”"),
        (
            "| vgg",
            "| lenet5 | a | 0.999 ± 0.003 | −1.5 |\n| vgg",
            "lenet5: README has “0.999 ± 0.003”, the report “0.980 ± 0.003”",
        ),
    ],
)
def test_a_row_that_the_report_does_not_have_differs(old, new, found):
    assert quoted(REPORT.replace(old, new)) == [("differs", found)]


def test_the_table_of_another_comparison_is_unknown_even_with_the_same_baselines():
    baseline = "| most_frequent | c | 0.100 ± 0.000 | 0 |\n"
    with Path("reports/comparison.md").open("a") as report:
        report.write(baseline)
    assert quoted(REPORT.replace("lenet5", "a").replace("vgg", "b") + baseline)[0][0] == "unknown"


def test_a_row_with_fewer_cells_differs():
    assert quoted(REPORT.replace(" | 2.0  |", " |")) == [("differs", "vgg has 2 values, in the report 3")]


def test_the_sentence_that_names_the_model_to_use_is_that_of_the_report():
    Path("reports/comparison.md").write_text(f"# Comparison\n\n**Use vgg: it is better.**\n\n{REPORT}")
    assert quoted(f"{REPORT}\n**Use vgg: it is better.**\n")[0][0] == "ok"
    found = "README does not have the sentence “Use vgg: it is better.”"
    assert quoted(f"{REPORT}\n**Use lenet5.**\n") == [("differs", found)]


def test_each_of_two_rows_of_a_model_is_compared():
    wrong = "| vgg | a b | 0.999 ± 0.010 | 2.0 |\n"
    assert quoted(wrong + REPORT) == [("differs", "vgg: README has “0.999 ± 0.010”, the report “0.900 ± 0.010”")]


def test_links_to_the_report_of_another_comparison_are_not_checked():
    links = "[12 images](reports/comparison.md) and [78.6](reports/depth/report.md)"
    assert quoted(REPORT.replace("lenet5", "a").replace("vgg", "b") + links)[1:] == [
        ("ok", "the numbers in 1 link are in the reports")
    ]


@pytest.mark.parametrize("text", ["From 51.2 to 78.6.", "A difference of -0.5.", "Of 3-4 points.", "A change of −0.5"])
def test_numbers_of_a_study_are_in_its_answer_in_the_same_order(text):
    assert quoted(REPORT + STUDY.format(text))[1][0] == "ok"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("From 51.3", "51.3"),
        ("A difference of 0.5.", "0.5"),
        ("−51.2", "-51.2"),
        ("From 78.6 to 51.2.", "51.2"),
        ("A number outside the answer: 99.9.", "99.9"),
    ],
)
def test_a_number_a_sign_or_an_order_that_is_not_in_the_answer_differs(text, number):
    found = quoted(REPORT + STUDY.format(text))[1]
    assert found == (
        "differs",
        f"the answer of reports/depth/report.md does not have {number} at this place",
    )


@pytest.mark.parametrize(
    ("text", "state", "found"),
    [
        ("[0.980 ±](reports/comparison.md#models)", "ok", "the numbers in 1 link are in the reports"),
        ("[78.6](reports/depth/report.md)", "ok", "the numbers in 1 link are in the reports"),
        ("[3-4\npoints](reports/depth/report.md)", "ok", "the numbers in 1 link are in the reports"),
        ("[78.6 points](reports/depth/report.md)", "differs", "reports/depth/report.md does not have “78.6 points”"),
        ("[391 s](reports/comparison.md)", "differs", "reports/comparison.md does not have “391 s”"),
        ("[0.980 s](reports/comparison.md)", "differs", "reports/comparison.md does not have “0.980 s”"),
        ("[391 s](reports/absent.md)", "differs", "reports/absent.md is missing"),
    ],
)
def test_a_number_in_a_link_is_in_the_report(text, state, found):
    assert quoted(f"{REPORT}\nIt takes {text}.\n")[1] == (state, found)


def test_a_link_outside_the_table_of_studies_is_checked_although_the_table_names_its_report():
    text = REPORT + STUDY.format("From 51.2.") + "\nIt reaches [12.3 %](reports/depth/report.md).\n"
    assert quoted(text)[1:] == [
        ("ok", "the quoted answers of 1 study match their reports"),
        ("differs", "reports/depth/report.md does not have “12.3 %”"),
    ]


def test_a_missing_study_does_not_hide_the_others():
    row = STUDY.format("From 51.3.")
    assert [found for _, found in quoted(REPORT + row + row.replace("depth", "pooling"))[1:]] == [
        "reports/pooling/report.md is missing",
        "the answer of reports/depth/report.md does not have 51.3 at this place",
    ]


def test_a_report_that_is_missing_is_a_line():
    Path("reports/comparison.md").unlink()
    assert quoted(REPORT)[0] == ("differs", "reports/comparison.md is missing. Run `dvc repro` to create it")


def test_signs_are_part_of_a_number_but_hyphens_are_not():
    assert NUMBER.findall("lenet-5 (-0.5) 3-4 1–2 −7, 1e-3 10−3") == [
        *("5", "-0.5", "3", "4", "1", "2", "−7", "1", "3", "10", "3")
    ]


@pytest.mark.parametrize(
    ("trained", "state", "found"),
    [
        ("aaaa", "ok", "its commit bbbb contains those of the trainings"),
        ("cccc", "unknown", "the report names commit bbbb, which does not contain that of trainings (cccc)"),
        ("none", "ok", "its commit bbbb contains those of the trainings"),
    ],
)
def test_the_commit_of_the_report_is_compared_with_those_of_the_trainings(tmp_path, monkeypatch, trained, state, found):
    monkeypatch.setattr(written_reports, "commit_exists", lambda commit: True)
    monkeypatch.setattr(written_reports, "contains_commit", lambda commit, earlier: earlier < commit)
    report, run = tmp_path / "comparison.md", RunFolder(tmp_path, tmp_path)
    report.write_text("- **Commit:** bbbb\n")
    write_json(run.replicates, {"replicates": [{"commit": trained}]})
    (check,) = written_reports.report_commit(report, [run])
    assert (check.state, check.found) == (state, found)


@pytest.mark.parametrize("line", ["- **Commit:** none\n", ""])
def test_a_report_that_was_written_outside_of_a_repository_has_no_commit_to_check(tmp_path, line):
    (tmp_path / "comparison.md").write_text(line)
    assert list(written_reports.report_commit(tmp_path / "comparison.md", [])) == []


def test_a_commit_contains_itself_and_its_history(monkeypatch):
    monkeypatch.setattr(provenance, "_run_git", lambda *arguments: b"" if arguments[2:] == ("a", "b") else None)
    assert provenance.contains_commit("b", "a") and not provenance.contains_commit("a", "b")
