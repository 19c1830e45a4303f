from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import AfterValidator, Field

from pipeline.config.options import checked_options
from pipeline.errors import UserError

Positive = Annotated[int, Field(gt=0)]


def odd(value: int) -> int:
    if value % 2 == 0:
        raise ValueError("an even kernel has no centre")
    return value


def build(
    input_shape: tuple[int, ...],
    classes: int,
    *,
    units: Positive = 30,
    widths: tuple[Positive, ...] = (6, 16),
    kernel: tuple[int, int] = (3, 3),
    pooling: Literal["max", "average"] = "max",
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0,
    size: int | None = None,
    bias: bool = True,
    odd_kernel: Annotated[int, AfterValidator(odd)] = 3,
    anything=None,
    seed: int = 0,
) -> None: ...


def message(function=build, /, **options: Any) -> str:
    with pytest.raises(UserError) as caught:
        checked_options("architecture fully_connected", function, options, given=["seed"])
    return str(caught.value)


def test_valid_options_are_returned_with_their_annotated_types():
    options = {"units": 4, "widths": [1, 2], "kernel": [5, 5], "pooling": "average", "dropout": 0, "size": None}
    checked = checked_options("architecture x", build, options)
    assert checked == options | {"widths": (1, 2), "kernel": (5, 5)}
    assert list(checked) == list(options)


def test_an_option_that_is_not_set_keeps_the_functions_default():
    assert checked_options("architecture x", build, {}) == {}


def test_a_value_out_of_range_is_reported_in_one_sentence_with_the_rule_and_the_value():
    assert message(units=-1) == (
        "Option 'units' of architecture fully_connected must be an integer greater than 0. Received -1."
    )


@pytest.mark.parametrize(
    ("option", "value", "rule"),
    [
        ("units", True, "an integer greater than 0"),
        ("units", "3", "an integer greater than 0"),
        ("units", 3.0, "an integer greater than 0"),
        ("units", None, "an integer greater than 0"),
        ("widths", [3, 0], "a list of values, each an integer greater than 0"),
        ("widths", 3, "a list of values, each an integer greater than 0"),
        ("kernel", [3], "a list of an integer, then an integer"),
        ("pooling", "min", "one of 'max', 'average'"),
        ("dropout", 1, "a number at least 0 and less than 1"),
        ("dropout", True, "a number at least 0 and less than 1"),
        ("size", "big", "an integer or null"),
        ("bias", 1, "true or false"),
        ("odd_kernel", 4, "an integer (Value error, an even kernel has no centre)"),
    ],
)
def test_types_are_strict(option, value, rule):
    assert message(**{option: value}) == (
        f"Option '{option}' of architecture fully_connected must be {rule}. Received {value!r}."
    )


def test_an_unknown_option_is_reported_with_the_nearest_one():
    assert message(unit=3).startswith(
        "Unknown option of architecture fully_connected 'unit'. Did you mean 'units'? Available: anything, bias,"
    )


def test_positional_parameters_and_those_given_by_the_caller_are_not_options():
    assert "Unknown option" in message(seed=3)
    assert "Unknown option" in message(classes=3)


def test_a_function_without_options_is_reported():
    def load() -> None: ...

    assert message(load, size=3) == "Unknown option 'size': architecture fully_connected has no options. Remove it."


def test_an_option_without_default_must_be_set():
    def load(*, path: Path) -> None: ...

    assert message(load) == (
        "Option 'path' of architecture fully_connected is missing and has no default: set it to a string."
    )
    assert checked_options("data source folder", load, {"path": "a/b"}) == {"path": Path("a/b")}


def test_a_parameter_without_annotation_takes_anything():
    assert checked_options("architecture x", build, {"anything": [1, "two"]}) == {"anything": [1, "two"]}


def test_annotations_written_as_strings_are_understood():
    def load(*, size: "int" = 3) -> None: ...

    assert "an integer" in message(load, size="x")
