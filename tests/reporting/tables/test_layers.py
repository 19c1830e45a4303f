from dataclasses import replace
from math import prod

from pipeline.arithmetic.table import LayerRow
from pipeline.reporting.tables.layers import layer_lines, total_lines


def row(name, kind, *inputs, shape, sees="window", **numbers):
    slides = (3, 5) if sees == "window" else None
    return LayerRow(
        name=name,
        kind=kind,
        inputs=inputs,
        output_shape=shape,
        parameters=numbers.get("parameters", 0),
        connections=numbers.get("connections", 0),
        multiply_accumulates=numbers.get("multiply_accumulates", 0),
        activations=prod(shape),
        sees=sees,
        receptive_field=slides or ((8, 9) if sees == "image" else None),
        stride=slides,
        padding=slides,
        use=numbers.get("use", 1),
    )


ROWS = (
    row("image", "InputLayer", shape=(8, 9, 1)),
    row("conv", "Conv2D", "image", shape=(6, 7, 4), parameters=1_234_567, connections=2_345_678),
    row("up", "UpSampling2D", "conv", shape=(12, 14, 4), sees="undefined"),
    row("conv (use 2)", "Conv2D", "image", shape=(6, 7, 4), use=2),
    row("flat", "Flatten", "conv", shape=(168,), sees="image"),
    row("type", "InputLayer", shape=(3,), sees="nothing"),
)


def cells(name):
    return next(line.split() for line in layer_lines(ROWS) if line.startswith(f"{name} "))


def test_a_line_shows_the_values_of_a_layer_with_digits_grouped():
    assert cells("conv")[:9] == ["conv", "Conv2D", "6×7×4", "1,234,567", "2,345,678", "0", "3×5", "3×5", "3×5"]


def test_whole_image_undefined_and_no_image_are_distinguished():
    assert cells("flat")[6:9] == ["all", "–", "–"]
    assert cells("up")[6:9] == ["undefined", "–", "–"]
    assert cells("type")[6:9] == ["–", "–", "–"]


def test_inputs_are_named_if_they_are_not_the_preceding_line():
    assert layer_lines(ROWS)[2].endswith("3×5")
    assert layer_lines(ROWS)[4].endswith("  image")
    many = replace(ROWS[4], inputs=("a", "b", "c", "d", "e"))
    assert layer_lines([many])[1].endswith("a, b, c, … (5)")


def test_columns_are_aligned():
    lines = layer_lines(ROWS)
    edge = lines[0].index("parameters") + len("parameters")
    assert all(line[edge - 1] != " " and line[edge : edge + 2] == "  " for line in lines)


def test_the_totals_show_shared_parameters_and_sizes():
    # The peak is at `flat`: its output, `conv`, and `up` and `conv (use 2)`, which no layer reads; 4 · 1176.
    assert total_lines(ROWS) == (
        "6 layers, 1 of them used again",
        "1,234,567 parameters, 4.7 MiB in float32",
        "2,345,678 connections, including biases",
        "0 multiply–accumulates per image",
        "1,251 activations per image, 4.9 KiB in float32; at most 4.6 KiB are needed at the same time",
    )
