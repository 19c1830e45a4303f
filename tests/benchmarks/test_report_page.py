from dataclasses import replace

from benchmarks.measurements import Measurement
from benchmarks.ratio_figure import Ratio, ratio_figure, ratios
from benchmarks.report_page import page, write_page

ROWS = [
    Measurement(
        "step", "lenet5, against Keras", 0.5, goal=0.65, ours="8 ms", peer="16 ms", low=0.4, high=0.6, rounds=3
    ),
    Measurement("step", "resnet8, against Keras", 0.9, goal=0.45),
    Measurement("step", "against PyTorch", None, note="PyTorch is not installed"),
    Measurement("share", "lenet5", 0.5, unit="%", goal=0.45, higher_is_better=True),
    Measurement("share", "unshared weights, against Conv2D", 2.3),
]


def test_the_page_has_a_row_per_measurement_with_its_goal(machine):
    text = page([replace(row, machine=machine) for row in ROWS], {"step": "A step", "share": "Share", "empty": "None"})
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    assert ["lenet5, against Keras", "8 ms", "16 ms", "0.50 ×", "0.40 × to 0.60 ×", "≤ 0.65 ×", "yes"] in rows
    assert ["resnet8, against Keras", "", "", "0.90 ×", "", "≤ 0.45 ×", "**no**"] in rows
    assert ["against PyTorch", "", "", "PyTorch is not installed", "", "", ""] in rows
    assert ["lenet5", "", "", "50.0 %", "", "≥ 45.0 %", "yes"] in rows
    assert "2 of 3 goals are met" in text
    assert "## None" not in text
    assert text.count("Measured on 2026-01-01, commit c0ffee: 2 cores of EPYC (x86_64 avx2), 8 GiB") == 2


def test_the_figure_shows_ratios_with_a_goal():
    assert ratios(ROWS) == [
        Ratio("lenet5, against Keras", 0.5, 0.4, 0.6, 0.65),
        Ratio("resnet8, against Keras", 0.9, 0.9, 0.9, 0.45),
    ]


def test_the_figure_names_every_ratio():
    (axes,) = ratio_figure(ratios(ROWS)).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == [row.name for row in ROWS[:2]]


def test_page_and_figure_are_written_even_without_results(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_page([], {})
    assert (tmp_path / "reports/benchmarks/ratios.svg").read_text(encoding="utf-8").startswith("<svg")
    assert "0 of 0 goals" in (tmp_path / "reports/benchmarks/report.md").read_text(encoding="utf-8")
