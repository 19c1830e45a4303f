import numpy as np
import pytest

from pipeline.data.images import LabelledImages
from pipeline.data.sources import load_images


@pytest.fixture(autouse=True)
def empty_cache(tmp_path_factory, monkeypatch):
    """The cache of decoded pictures is below the working directory."""
    monkeypatch.chdir(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="session")
def elpv():
    return load_images("elpv", {"size": 50})


@pytest.fixture
def few():
    """Sixty images of 4×6 pixels in RGB: ten groups, two classes, two subgroups."""
    rng = np.random.default_rng(0)
    return LabelledImages(
        pixels=rng.integers(256, size=(60, 4, 6, 3), dtype=np.uint8),
        labels=np.arange(60) % 2,
        classes=("sound", "cracked"),
        groups=np.repeat([f"module-{number}" for number in range(10)], 6),
        subgroups=np.repeat(["mono", "poly"], 30),
        names=np.array([f"cell-{row}" for row in range(60)]),
        source="few",
        licence="CC0",
        attribution="nobody",
        notes=("made up",),
    )
