"""Pages that tools outside of DVC write: unchanged, changed, and without a record."""

import pytest

from pipeline.storage.digests import DIGESTS, forget, write_digests
from pipeline.verification.comparison_checks import _recorded_report


@pytest.fixture
def page(tmp_path, monkeypatch):
    """The page of a tool, with a record of its files."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "reports" / "benchmarks"
    folder.mkdir(parents=True)
    (folder / "report.md").write_text("391 s")
    (folder / "results.json").write_text("[391]")
    write_digests(folder)
    yield folder / "report.md"
    forget()


def test_an_unchanged_page_agrees_with_its_record(page):
    assert _recorded_report(page)[1:3] == ("ok", "2 files of the page are as they were written")


@pytest.mark.parametrize("name", ["report.md", "results.json", DIGESTS])
def test_a_change_of_any_of_its_files_differs(page, name):
    file = page.with_name(name)
    file.write_text(file.read_text().replace("9", "8"))
    check = _recorded_report(page)
    assert (check.state, "git restore" in check.remedy) == ("differs", True)


def test_a_page_without_a_record_is_unknown(page):
    page.with_name(DIGESTS).unlink()
    assert _recorded_report(page).state == "unknown"
