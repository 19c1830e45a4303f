from itertools import pairwise

import numpy as np
import pytest

from pipeline.reporting.figures.confusion_matrix import confusion_figure, confusion_matrix


def test_each_row_is_normalised_by_its_true_class():
    matrix = confusion_matrix(("a", "b"), np.array([[90, 10], [30, 70]]))
    np.testing.assert_allclose(matrix.shares, [[0.9, 0.1], [0.3, 0.7]])


def test_the_shares_of_a_class_without_images_are_nan():
    matrix = confusion_matrix(("a", "b"), np.array([[5, 5], [0, 0]]))
    assert np.isnan(matrix.shares[1]).all()
    confusion_figure({"empty": matrix})


def test_a_matrix_must_have_one_row_and_column_per_class():
    with pytest.raises(ValueError, match=r"must have shape \(3, 3\), .* Received \(2, 2\)"):
        confusion_matrix(("a", "b", "c"), np.zeros((2, 2)))


def test_matrices_of_few_classes_show_counts_and_larger_ones_do_not():
    few = confusion_figure({"few": confusion_matrix(tuple("abcdefgh"), np.full((8, 8), 1200))})
    assert {text.get_text() for text in few.axes[0].texts} == {"1,200"}
    many = confusion_figure({"many": confusion_matrix(tuple(map(str, range(40))), np.ones((40, 40), int))})
    assert not many.axes[0].texts


@pytest.mark.parametrize("classes", [("functional", "defective"), tuple(f"class number {n}" for n in range(10))])
def test_labels_of_classes_do_not_overlap(classes):
    n = len(classes)
    figure = confusion_figure({"a": confusion_matrix(classes, np.ones((n, n), int))})
    figure.draw_without_rendering()
    (axes,) = figure.axes
    for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
        boxes = [label.get_window_extent() for label in labels]
        assert not any(one.overlaps(other) for one, other in pairwise(boxes))


def test_rare_confusions_of_many_classes_are_visible_and_long_names_keep_their_size():
    counts = np.full((10, 10), 1) + 90 * np.eye(10, dtype=int)
    (axes,) = confusion_figure({"fully_connected_mnist": confusion_matrix(tuple("0123456789"), counts)}).axes
    assert min(square.get_alpha() for square in axes.patches) == pytest.approx(0.1)
    assert axes.title.get_fontsize() == 9.5


@pytest.mark.parametrize("name", ["é" * 300, "line\nbreak", "a/b" * 30])
def test_a_long_class_name_is_shortened_so_that_the_matrix_keeps_its_place(name):
    classes = (name, *"bcdefgh")
    figure = confusion_figure({"a": confusion_matrix(classes, np.ones((8, 8), int))})
    figure.draw_without_rendering()
    (axes,) = figure.axes
    assert all(label.get_window_extent().x0 >= 0 for label in axes.get_yticklabels())
    assert axes.get_window_extent().width > 0.4 * figure.bbox.width
    assert "\n" not in axes.get_yticklabels()[0].get_text()
