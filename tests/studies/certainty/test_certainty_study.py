from pipeline.studies.certainty import certainty_study, error_rates, fold_errors


def test_the_study_writes_its_report_with_all_numbers_and_figures(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(certainty_study, "SIMULATIONS", 2)
    monkeypatch.setattr(error_rates, "REPEATED", 4)
    monkeypatch.setattr(fold_errors, "REPEATED", 4)
    monkeypatch.setattr(error_rates, "SIZES", {"accuracy": ((3, 6), (5, 11))})
    monkeypatch.setattr(fold_errors, "GROUPS", {"accuracy": (11,)})
    certainty_study.main()
    report = (tmp_path / "reports/certainty/report.md").read_text(encoding="utf-8")
    cells = " ".join(report.split())
    assert "| replicates vary | accuracy | 3 | 0.0% (" in cells
    assert "| resampled splits | accuracy | 30 | – | " in cells
    for picture in ("false-alarms.png", "verdicts.png", "designs.png"):
        assert f"({picture})" in report
        assert (tmp_path / "reports/certainty" / picture).stat().st_size > 5_000
