"""A logistic regression of digits, its reference, and digits that it has never seen."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from pipeline.data.pixel_file import image_digests
from pipeline.data.sources.mnist_sample import load
from pipeline.deployment.drift.new_pictures import Batch, new_pictures
from pipeline.deployment.reference import make_reference

CLASSES = tuple("0123456789")


@pytest.fixture(scope="session")
def digits():
    """Pixels and labels of 5,000 digits in random order: training (2,000), validation, test and new (1,000 each)."""
    images = load()
    order = np.random.default_rng(0).permutation(5000)
    return np.asarray(images.pixels[:])[order], images.labels[order]


@pytest.fixture(scope="session")
def probabilities(digits):
    """From pixels to probabilities."""
    pixels, labels = digits
    model = LogisticRegression(C=1e-2, max_iter=300).fit(pixels[:2000].reshape(2000, -1) / 255, labels[:2000])
    return lambda some: model.predict_proba(some.reshape(len(some), -1) / 255)


@pytest.fixture(scope="session")
def reference(digits, probabilities):
    pixels, labels = digits
    prepared = SimpleNamespace(
        pixels=pixels, labels=labels, digests=image_digests(pixels), manifest={"classes": list(CLASSES)}
    )
    validation, test = (
        (np.arange(start, start + 1000), probabilities(pixels[start : start + 1000])) for start in (2000, 3000)
    )
    return make_reference(prepared, np.arange(2000), validation, test)


@pytest.fixture(scope="session")
def seen(probabilities, reference):
    """From pixels to what is known of new pictures."""

    def seen(pixels, unreadable=()):
        found = probabilities(pixels)
        names = [f"{number}.png" for number in range(len(pixels))]
        batch = Batch(names, pixels, found.argmax(axis=1), found.max(axis=1), unreadable)
        return new_pictures([batch], reference)

    return seen
