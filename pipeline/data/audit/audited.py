"""The data set that the checks of the audit look at."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.data.images import LabelledImages
from pipeline.data.measured import Measured


@dataclass(frozen=True, eq=False)
class Audited:
    """Images with what was measured of them, and how they are split.

    `splits` has shape (replicates, n). `stated_groups` are the groups before duplicates were joined.
    """

    images: LabelledImages
    measured: Measured
    splits: NDArray[np.uint8]
    stated_groups: NDArray[np.str_]
    margin: float
