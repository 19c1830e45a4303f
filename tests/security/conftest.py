"""The settings of a packaged network."""

from dataclasses import asdict

import numpy as np
import pytest

from pipeline.data.pictures.decode import Decoding
from pipeline.deployment.picture_features import picture_features
from pipeline.deployment.picture_model import FORMAT
from pipeline.deployment.unusual import limits


@pytest.fixture
def settings():
    """The contents of `model.json` of a network for 8×8 grey images of two classes."""
    pixels = np.random.default_rng(0).integers(0, 256, (50, 8, 8, 1), np.uint8)
    return {
        "format": FORMAT,
        "data": "digits",
        "model": "small",
        "replicates": [0],
        "classes": ["a", "b"],
        "decoding": asdict(Decoding(8, 8, 1)),
        "flag_colour": False,
        "limits": limits(picture_features(pixels)),
        "modules": [],
        "temperature": 1.0,
        "thresholds": [],
    }
