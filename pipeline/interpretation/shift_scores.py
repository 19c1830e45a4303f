"""How a model reacts to shifts of its images."""

from typing import Any

import numpy as np

from pipeline.interpretation.subject import Subject


def measure_shifts(subject: Subject) -> dict[str, Any]:
    """The consistency of each replicate: the share of test images that keep their class when shifted by one pixel."""
    measured = []
    for one in subject.replicates():
        classes = [
            one.network.predict_on_batch(one.standardise(np.roll(one.pixels, shift, axis=2))) for shift in (0, 1)
        ]
        first, second = (part.argmax(axis=1) if part.shape[1] > 1 else part[:, 0] > 0.5 for part in classes)
        measured.append({"replicate": one.number, "shift_consistency": float((first == second).mean())})
    return {"replicates": measured}
