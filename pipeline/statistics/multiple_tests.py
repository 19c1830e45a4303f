"""The correction of p-values for the number of tests."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def holm(p_values: Sequence[float]) -> npt.NDArray[np.float64]:
    """Holm's adjusted p-values of several tests, in the same order.

    If every hypothesis with an adjusted p-value of at most α is rejected, the probability of any false rejection is at
    most α, for any dependence between the tests (Holm 1979, *A simple sequentially rejective multiple test procedure*).
    NaN remains NaN and counts as a test.

    >>> holm([0.04, 0.01, 0.03]).tolist()
    [0.06, 0.03, 0.06]
    """
    # Not with `multipletests` of statsmodels: it calls `gc.collect`, which takes seconds in a process with TensorFlow.
    values = np.asarray(p_values, np.float64)
    order = np.argsort(values)
    adjusted = np.empty_like(values)
    adjusted[order] = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1)).clip(max=1)
    return adjusted
