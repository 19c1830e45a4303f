"""The study judges changed test images of a packaged network, and writes the real accuracy beside the verdict."""

from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.data.pixel_file import image_digests
from pipeline.deployment.picture_model import PictureModel
from pipeline.deployment.reference import make_reference
from pipeline.errors import UserError
from pipeline.studies.shifts.judged_pictures import HeldOutImages
from pipeline.studies.shifts.shifts_report import changes_table, samples_table, shifts_text

SETTINGS = {
    "data": "shades",
    "model": "mean",
    "replicates": [0],
    "classes": ["dark", "light"],
    "decoding": {"height": 8, "width": 8, "channels": 1},
    "flag_colour": False,
    "temperature": 1.0,
}


def mean_grey_level(pixels):
    """A network with one output, the probability of `light`."""
    return 1 / (1 + np.exp((128 - pixels.mean(axis=(1, 2, 3), dtype=np.float32)[:, None]) / 10))


@pytest.fixture(scope="module")
def images():
    random = np.random.default_rng(0)
    levels = random.integers(30, 226, (600, 1, 1, 1))
    pixels = (levels + random.integers(-30, 30, (600, 8, 8, 1))).astype(np.uint8)
    labels = (pixels.mean(axis=(1, 2, 3)) > 128).astype(np.int64)
    prepared = SimpleNamespace(
        pixels=pixels,
        labels=labels,
        digests=image_digests(pixels),
        manifest={"classes": ["dark", "light"]},
        indices=lambda replicate, part: np.arange(300, 600),
    )
    light = mean_grey_level(pixels)
    probabilities = np.concatenate([1 - light, light], axis=1)
    parts = ((rows, probabilities[rows]) for rows in (np.arange(200, 300), np.arange(300, 600)))
    reference = make_reference(prepared, np.arange(200), *parts)
    return HeldOutImages.of(PictureModel(SETTINGS, mean_grey_level), reference, prepared)


def test_unchanged_samples_are_as_expected_and_inverted_ones_lose_all_accuracy(images):
    judged = {one.name: one for one in images.known_changes()}
    assert judged["unchanged"].accuracy == 1
    assert judged["unchanged"].drift.verdict == "as expected"
    assert judged["inverted"].accuracy < 0.1
    samples = {60: tuple(images.samples(60, seeds=3))}
    assert samples_table(samples).rows[0][:3] == ("60", "3", "3")
    table = changes_table(tuple(judged.values()))
    assert table.rows[0][:4] == ("unchanged", "150", "1.000", "+0.000")
    text = shifts_text(tuple(judged.values()), samples, SETTINGS)
    assert "The champion is mean, replicate 1, on shades." in text
    assert "changes cost more than 0.05 of the accuracy" in text


def test_the_halves_share_no_image(images):
    scored, others = images.halves(1)
    assert sorted([*scored, *others]) == list(range(300))
    assert len(images.scored_on(scored).test.labels) == 150


def test_an_ensemble_without_test_images_is_refused():
    model = SimpleNamespace(settings={"replicates": [0, 1]})
    with pytest.raises(UserError, match=r"must be a single replicate\. Received 2 replicates"):
        HeldOutImages.of(model, None, None)
