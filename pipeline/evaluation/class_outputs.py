"""From the outputs of a network to the probability of each class."""

import numpy as np
import numpy.typing as npt


def class_probabilities(outputs: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Convert outputs (n, 1) of a sigmoid or (n, classes) of a softmax to probabilities (n, classes).

    >>> class_probabilities(np.array([[0.25]])).tolist()
    [[0.75, 0.25]]
    """
    outputs = np.asarray(outputs, np.float64)
    if outputs.shape[1] == 1:
        return np.hstack([1 - outputs, outputs])
    return np.asarray(outputs / outputs.sum(axis=1, keepdims=True))
