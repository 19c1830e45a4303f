import pytest


@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning")
def test_the_study_writes_its_report_with_all_numbers_and_figures(tmp_path, monkeypatch):
    from pipeline.studies.connectivity import connectivity_study

    monkeypatch.chdir(tmp_path)
    connectivity_study.main()
    report = (tmp_path / "reports/connectivity/report.md").read_text(encoding="utf-8")
    cells = " ".join(report.split())
    assert "| 64 × 64 | 16,777,216 | 36,864 | 9 | 1,864,135 |" in cells
    assert "| Keras: Conv1D with kernel w | (17, 31, 20) |" in cells
    for picture in ("five-pixels.png", "growth.png"):
        assert f"({picture})" in report
        assert (tmp_path / "reports/connectivity" / picture).stat().st_size > 5_000
