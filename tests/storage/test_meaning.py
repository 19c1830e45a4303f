import pytest

from pipeline.storage.meaning import statements

SOURCE = '''
"""A module."""

import numpy as np

from pipeline.errors import UserError

RATE = 0.5
"""The rate."""


def scaled(values: list[float], *, by: float = RATE) -> list[float]:
    """Scale the values."""
    if by < 0:
        raise UserError(f"`by` must be positive. Received {by}.")
    return [value * by + 1 for value in np.sort(values)]
'''


def changed(old, new):
    assert SOURCE.count(old) == 1
    return SOURCE.replace(old, new)


@pytest.mark.parametrize(
    "source",
    [
        SOURCE.replace("\n\n\n", "\n# a comment\n"),
        changed('"""Scale the values."""', '"""Multiply every value."""'),
        changed('    """Scale the values."""\n', ""),
        changed('"""A module."""', ""),
        changed('"""The rate."""', ""),
        changed("by + 1 for", "by  +  (1)\n        for"),
        changed("import numpy as np", "import math\nimport numpy as np"),
        changed("from pipeline.errors import", "from pipeline.other.place import"),
        changed("import numpy as np", "import numpy").replace("np.sort", "numpy.sort"),
        changed("from pipeline.errors import UserError", "from pipeline.errors import UserError as Mistake").replace(
            "raise UserError", "raise Mistake"
        ),
        changed("values: list[float], *", "values, *"),
        changed(" -> list[float]:", ":"),
        changed("must be positive", "is negative"),
        changed('"""A module."""', "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import keras\n"),
    ],
    ids=lambda source: "",
)
def test_text_that_computes_nothing_does_not_change_the_statements(source):
    assert statements(source) == statements(SOURCE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("0.5", "0.25"),
        ("by + 1", "by - 1"),
        ("by + 1", "by + 1.0"),
        ("= RATE", "= 2"),
        ("np.sort", "np.unique"),
        ("import numpy as np", "import jax.numpy as np"),
        ("by < 0", "by <= 0"),
        ("raise UserError", "raise ValueError"),
        ("*, by", "by"),
        ("scaled", "shrunk"),
    ],
)
def test_a_change_of_a_computation_counts(old, new):
    assert statements(changed(old, new)) != statements(SOURCE)


def test_the_last_of_two_assignments_counts_whatever_their_order_in_a_sorted_list():
    assert sorted(statements("x = 1\nx = 2")) != sorted(statements("x = 2\nx = 1"))


def test_a_changed_class_attribute_changes_the_statements():
    assert statements("class A:\n    x = 1") != statements("class A:\n    x = 2")
