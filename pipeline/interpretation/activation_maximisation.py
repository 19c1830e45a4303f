"""Images that excite a unit most (Erhan et al. 2009), found by gradient ascent with regularisation.

The ascent starts from noise around the mean grey level. A step moves each image along the gradient of its unit, divided
by the root mean square of the gradient over the pixels that the unit depends on; the steps become shorter. Three
regularisations keep the images simple (Yosinski et al. 2015, Olah et al. 2017): before each step the images are shifted
by a few pixels at random (jitter), after it they are pulled towards the mean grey level (L2 decay), and gradients and
images are blurred, at first more, so that large structures form before small ones. Grey levels stay between 0 and 255.
"""

from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

Floats = NDArray[np.float32]

NOISE = 0.4
RATE = 0.1
"""Deviation of the initial noise, and length of the first step, as shares of the range of grey levels."""
DECAY = 0.01
"""Share of the distance to the mean grey level that each step takes away."""
BLUR = 0.1
"""Weight of the mean over 3×3 pixels, by which the first steps replace a pixel in part."""
FINE = 0.7
"""Share of the gradient that is not blurred in the last step; in the first step, all of it is blurred."""
SMOOTHED = 5
"""Least receptive field that is smoothed: a kernel of 3×3 weights is all detail."""
JITTERED, JITTER = 8, 3
"""An image is shifted by at most a pixel per `JITTERED` pixels of the receptive field, and by at most `JITTER`."""


class Range(NamedTuple):
    """The standardised images that are black and white: the limits of the search, (height, width, channels) each."""

    black: Floats
    white: Floats


def maximising_images(
    units: keras.Model,
    targets: NDArray[np.int64],
    signs: Floats,
    limits: Range,
    *,
    field: int,
    steps: int,
    seed: int,
) -> Floats:
    """Return one standardised image per unit that makes it large, all computed as one batch.

    Args:
        units: from standardised images to the values of units before their activation function, of shape (n, units) or
            (n, rows, columns, units). Of maps, the unit in the middle counts.
        targets: index of the unit or map of each image.
        signs: 1 to make the unit large, -1 to make it small.
        limits: the darkest and the lightest image.
        field: the larger side of the receptive field in pixels, which decides about jitter and blur.
        steps: number of steps.
        seed: of the noise and the shifts.

    Returns:
        Images of shape (targets, height, width, channels). Of maps, only the receptive field of the middle unit has a
        meaning.
    """
    rng = np.random.default_rng(seed)
    spread = float((limits.white - limits.black).mean())
    noise = rng.standard_normal((len(targets), *limits.black.shape), np.float32)
    jitter = min(field // JITTERED, JITTER)
    shifts = rng.integers(-jitter, jitter + 1, (steps, 2)).astype(np.int32)
    found = _ascended(
        tf.constant(np.clip(NOISE * spread * noise, limits.black, limits.white)),
        tf.constant(shifts),
        units=units,
        targets=targets,
        signs=signs,
        limits=limits,
        rate=RATE * spread,
        smooth=field >= SMOOTHED,
    )
    return np.asarray(found)


def central(values: Any) -> Any:
    """The values (n, units) of the units in the middle of maps (n, rows, columns, units); (n, units) stays as it is."""
    return values if len(values.shape) == 2 else values[:, values.shape[1] // 2, values.shape[2] // 2]


def _ascended(
    images: Any,
    shifts: Any,
    *,
    units: keras.Model,
    targets: NDArray[np.int64],
    signs: Floats,
    limits: Range,
    rate: float,
    smooth: bool,
) -> Any:
    chosen = tf.one_hot(targets, units.output.shape[-1]) * signs[:, np.newaxis]

    @tf.function  # type: ignore[untyped-decorator]
    def ascended(images: Any, shifts: Any) -> Any:
        for step in tf.range(tf.shape(shifts)[0]):
            moved = tf.roll(images, shifts[step], (1, 2))
            with tf.GradientTape() as tape:
                tape.watch(moved)
                score = tf.reduce_sum(central(units(moved, training=False)) * chosen)
            gradient = tf.roll(tape.gradient(score, moved), -shifts[step], (1, 2))
            left = 1 - tf.cast(step, tf.float32) / tf.cast(tf.shape(shifts)[0], tf.float32)
            if smooth:
                coarse = 1 - FINE * (1 - left)
                gradient = coarse * _blurred(_blurred(gradient)) + (1 - coarse) * gradient
                images += BLUR * coarse * (_blurred(images) - images)
            images = (images + rate * left * _normalised(gradient)) * (1 - DECAY)
            images = tf.clip_by_value(images, limits.black, limits.white)
        return images

    return ascended(images, shifts)


def _blurred(images: Any) -> Any:
    """Means over 3×3 pixels; beyond the border there are none."""
    return tf.nn.avg_pool2d(images, 3, 1, "SAME")


def _normalised(gradient: Any) -> Any:
    """The gradient divided by its root mean square over the pixels where it is not zero."""
    squares = tf.reduce_sum(gradient**2, (1, 2, 3), keepdims=True)
    count = tf.math.count_nonzero(gradient, (1, 2, 3), keepdims=True, dtype=tf.float32)
    return gradient * tf.math.rsqrt(squares / tf.maximum(count, 1) + 1e-12)
