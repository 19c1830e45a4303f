"""The positive one of two classes, as a survey guesses it."""

import pytest

from pipeline.data.survey.surveyed import positive_option


@pytest.mark.parametrize(
    ("classes", "positive"),
    [
        ({"ok": 5, "scratch": 50}, "scratch"),
        ({"No_Crack": 5, "Crack": 50}, "Crack"),
        ({"0": 3, "1": 90}, "1"),
        ({"cat": 30, "dog": 20}, "dog"),
        ({"dog": 20, "cat": 30}, "dog"),
        ({"cat": 20, "dog": 20}, "dog"),
    ],
)
def test_the_positive_class_is_guessed_from_names_and_then_from_counts(classes, positive):
    assert positive_option(classes).value == positive


def test_several_classes_have_no_positive_one():
    assert positive_option({"a": 1, "b": 2, "c": 3}) is None
