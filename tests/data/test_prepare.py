"""Prepare images once, and keep the test set when images are added."""

import json

import pytest

from pipeline.data import prepare as preparing
from pipeline.data.prepare import prepare

DATA = {"name": "digits", "source": "digits", "options": {"size": 4}}
SPLIT = {
    "name": "group",
    "strategy": "group",
    "test_share": 0.25,
    "validation_share": 0.15,
    "folds": None,
    "seed": 0,
}


@pytest.fixture
def prepared(tmp_path):
    """Prepare the digits and return the lines that report it."""

    def run(**split):
        return list(prepare(tmp_path / "p", DATA, SPLIT | split, replicates=2, test_set=tmp_path / "test.json"))

    return run


def test_pixels_are_hashed_once(prepared, monkeypatch):
    calls, digests_of = [], preparing.image_digests

    def counted(pixels):
        calls.append(len(pixels))
        return digests_of(pixels)

    for module in ("prepare", "prepared"):
        monkeypatch.setattr(f"pipeline.data.{module}.image_digests", counted)
    prepared()
    assert calls == [1797]


def test_the_test_set_is_drawn_once_and_kept(prepared, tmp_path):
    lines = prepared()
    assert lines[0].startswith("digits: 1797 images of 4×4×1, 10 classes, 1797 groups")
    drawn = (tmp_path / "test.json").read_bytes()
    manifest = json.loads((tmp_path / "p" / "manifest.json").read_text())
    prepared()
    assert (tmp_path / "test.json").read_bytes() == drawn
    assert json.loads((tmp_path / "p" / "manifest.json").read_text()) == manifest


def test_each_replicate_of_a_resampled_split_has_its_own_test_set(prepared, tmp_path):
    prepared(strategy="resampled")
    assert json.loads((tmp_path / "test.json").read_text())["images"] == []
