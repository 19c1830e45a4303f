"""The data set that the checks of the audit look at."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.data.copies import Copies
from pipeline.data.images import LabelledImages
from pipeline.data.measured import Measured


@dataclass(frozen=True, eq=False)
class Audited:
    """Images with what was measured of them, and how they are split.

    Args:
        images: n images.
        measured: of these images.
        copies: among these images.
        splits: replicates × n.
        unjoined: the split of the first replicate, n, as it would be if `groups: auto` had not joined copies; None if
            no group was joined.
        options: those of the source.
        margin: how much better than chance a prediction without pixels may be.
    """

    images: LabelledImages
    measured: Measured
    copies: Copies
    splits: NDArray[np.uint8]
    unjoined: NDArray[np.uint8] | None
    options: Mapping[str, Any]
    margin: float
