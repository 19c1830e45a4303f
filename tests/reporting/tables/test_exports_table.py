"""The table and the file of exports agree, also for a format that failed."""

import csv

from pipeline.deployment.export_measurements import Exported, Measured
from pipeline.reporting.tables.exports_table import exports_csv, exports_table, measured_values

EXPORTS = {
    "keras": Exported("TensorFlow", 484_000, Measured(0.98, 0.0, 0, {1: 0.0017, 64: 0.0087})),
    "litert": Exported("LiteRT", 397_756, Measured(0.9787, 1.5e-6, 1, {1: 0.00026, 64: 0.0019})),
    "onnx": Exported("ONNX Runtime", problem='no "Erfc"'),
}


def test_the_table_has_units_and_marks_a_format_without_measurements():
    table = exports_table(EXPORTS, "Exports.")
    assert table.header[-3:] == ("time of 1 image", "time of 64 images", "size")
    assert table.rows[1] == ("litert", "LiteRT", "0.9787", "1.5e-06", "1", "260 µs", "1.90 ms", "398 kB")
    assert table.rows[2] == ("onnx", "ONNX Runtime", *["–"] * 6)


def test_the_file_has_the_same_values_unrounded_and_the_problem():
    rows = list(csv.DictReader(exports_csv(EXPORTS).splitlines()))
    assert [row["format"] for row in rows] == list(EXPORTS)
    assert {name: float(rows[1][name]) for name in measured_values(EXPORTS["litert"])} == measured_values(
        EXPORTS["litert"]
    )
    assert (rows[2]["problem"], rows[2]["accuracy"]) == ('no "Erfc"', "")
    assert measured_values(EXPORTS["onnx"]) == {}
