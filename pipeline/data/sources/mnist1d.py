"""MNIST-1D (Greydanus & Kobak 2020, arXiv 2011.14439): signals of 40 values in ten classes, made by a program.

A signal is one of ten templates, stretched, scaled, moved, sheared and covered with noise. As an image it has
1 × 40 × 1 pixels. The package makes float signals with mean 0 and standard deviation 1; here they have 256 grey levels,
from −`LIMIT` to `LIMIT`. A grey level is 0.043 standard deviations, which adds a rounding error of 0.012. This is a
tenth of the white noise in the signals, 0.13.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pipeline.data.images import LabelledImages

REQUIREMENT = "mnist1d"

SEED = 42
"""The seed of the published data."""
VALIDATION_SEED = 43
TEST, VALIDATION = 1000, 1000
"""Numbers of test and of validation signals."""
LIMIT = 5.5
"""Standard deviations; the largest value of 51,000 signals is 5.48."""

Count = Annotated[int, Field(ge=100, le=100_000, multiple_of=10)]


def load(*, training: Count = 4000, shuffled: bool = False) -> LabelledImages:
    """Load training, validation and test signals as images of 1 × 40 × 1.

    With 4,000 training signals, training and test signals are the published ones. For other numbers they are made with
    the same seed, as in the package's own study of pooling. The validation signals have another seed.

    Args:
        training: the number of training signals.
        shuffled: whether the 40 positions are shuffled, with one permutation for all signals.
    """
    made, labels = _signals(training + TEST, SEED)
    other, other_labels = _signals(VALIDATION, VALIDATION_SEED)
    pixels = _grey_levels(np.concatenate([made, other]))
    if shuffled:
        pixels = pixels[:, np.random.default_rng(SEED).permutation(pixels.shape[1])]
    place = np.arange(len(pixels))
    names = np.array([f"signal-{number:05d}" for number in place])
    return LabelledImages(
        pixels=pixels[:, np.newaxis, :, np.newaxis],
        labels=np.concatenate([labels, other_labels]),
        classes=tuple("0123456789"),
        groups=names,
        subgroups=None,
        names=names,
        source="mnist1d",
        licence="Apache 2.0",
        attribution="MNIST-1D: S. Greydanus and D. Kobak, arXiv 2011.14439, Apache 2.0",
        notes=(f"The signals are rounded to 256 grey levels of {2 * LIMIT / 255:.3f} standard deviations.",),
        test=(place >= training) & (place < training + TEST),
        validation=place >= training + TEST,
    )


def _signals(count: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Signals (count, 40) with mean 0 and standard deviation 1, and their classes, in the order of the package."""
    from mnist1d.data import get_dataset_args, make_dataset  # takes a second

    settings = get_dataset_args()
    settings.num_samples, settings.seed = count, seed
    with _random_state_kept():
        made = make_dataset(settings)
    signals, labels = (np.concatenate([made[name], made[f"{name}_test"]]) for name in ("x", "y"))
    return signals, labels.astype(np.int64)


@contextmanager
def _random_state_kept() -> Iterator[None]:
    """Restore the global random numbers, which the package seeds."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002


def _grey_levels(signals: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Round −`LIMIT` to `LIMIT` to 0 to 255."""
    return np.rint((signals + LIMIT) * (255 / (2 * LIMIT))).clip(0, 255).astype(np.uint8)
