"""A packaged network without a trained one: the class is the brightest quarter of the image."""

from dataclasses import asdict

import numpy as np
import pytest

from pipeline.data.pictures.decode import Decoding
from pipeline.deployment.picture_features import picture_features
from pipeline.deployment.picture_model import FORMAT
from pipeline.deployment.unusual import limits


def _brightest_quarter(pixels):
    """From images (n, height, width, channels) to a softmax of the mean grey level of each quarter, (n, 4)."""
    height, width = pixels.shape[1] // 2, pixels.shape[2] // 2
    quarters = [
        pixels[:, :height, :width],
        pixels[:, :height, width:],
        pixels[:, height:, :width],
        pixels[:, height:, width:],
    ]
    means = np.stack([one.mean(axis=(1, 2, 3)) for one in quarters], axis=1) / 16
    powers = np.exp(means - means.max(axis=1, keepdims=True))
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def training_pixels():
    """Grey images of 8×8 pixels with one bright quarter, uint8 (200, 8, 8, 1)."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 60, (200, 8, 8, 1))
    for number, image in enumerate(pixels):
        row, column = divmod(number % 4, 2)
        image[4 * row : 4 * row + 4, 4 * column : 4 * column + 4] += 120
    return pixels.astype(np.uint8)


@pytest.fixture
def settings(training_pixels):
    """The contents of `model.json`."""
    return {
        "format": FORMAT,
        "data": "quarters",
        "model": "brightest",
        "replicates": [0],
        "classes": ["upper left", "upper right", "lower left", "lower right"],
        "decoding": asdict(Decoding(8, 8, 1)),
        "flag_colour": True,
        "limits": limits(picture_features(training_pixels)),
        "modules": [],
        "temperature": 2.0,
        "thresholds": [
            {"error_rate": 0.01, "confidence": 0.9, "coverage": 0.5, "measured": 0.0},
            {"error_rate": 0.1, "confidence": 0.5, "coverage": 0.9, "measured": 0.1},
        ],
    }


@pytest.fixture
def brightest_quarter():
    """The network, as a function."""
    return _brightest_quarter
