import numpy as np
import pytest

from pipeline.reporting.figures.confusion import confusion, confusion_figure


def test_shares_are_those_of_the_true_class():
    matrix = confusion(("a", "b"), np.array([[90, 10], [30, 70]]))
    np.testing.assert_allclose(matrix.shares, [[0.9, 0.1], [0.3, 0.7]])


def test_a_class_without_images_has_no_shares():
    matrix = confusion(("a", "b"), np.array([[5, 5], [0, 0]]))
    assert np.isnan(matrix.shares[1]).all()
    confusion_figure("empty", matrix)


def test_a_matrix_of_another_size_than_the_classes_is_refused():
    with pytest.raises(ValueError, match=r"must have shape \(3, 3\), one row a class. Received \(2, 2\)"):
        confusion(("a", "b", "c"), np.zeros((2, 2)))


def test_counts_are_written_where_they_can_be_read():
    few = confusion_figure("few", confusion(tuple("abcdefgh"), np.full((8, 8), 1200)))
    assert {text.get_text() for text in few.axes[0].texts} == {"1,200"}
    many = confusion_figure("many", confusion(tuple(map(str, range(40))), np.ones((40, 40), int)))
    assert not many.axes[0].texts
