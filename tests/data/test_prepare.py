"""Prepare images once, and keep the test set when images are added."""

import json
from dataclasses import replace

import pytest

from pipeline.config.schema import AuditConfig, DataConfig, SplitConfig
from pipeline.data.prepare import prepare

DATA = DataConfig("digits", "digits", {"size": 4})
SPLIT = SplitConfig("group", "group", test_share=0.25, validation_share=0.15, folds=None, tuning_share=None, seed=0)


@pytest.fixture
def prepared(tmp_path):
    """Prepare the digits and return the lines that report it."""

    def run(**split):
        lines = []
        prepare(
            tmp_path / "p",
            DATA,
            replace(SPLIT, **split),
            replicates=2,
            test_set=tmp_path / "test.json",
            settings=AuditConfig(margin=0.1, checks={}),
            report=lines.append,
        )
        return lines

    return run


def test_the_test_set_is_drawn_once_and_kept(prepared, tmp_path):
    lines = prepared()
    assert lines[0].startswith("digits: 1,797 images of shape 4×4×1, 10 classes, 1,797 groups")
    drawn = (tmp_path / "test.json").read_bytes()
    manifest = json.loads((tmp_path / "p" / "manifest.json").read_text())
    prepared()
    assert (tmp_path / "test.json").read_bytes() == drawn
    assert json.loads((tmp_path / "p" / "manifest.json").read_text()) == manifest


def test_each_replicate_of_a_resampled_split_has_its_own_test_set(prepared, tmp_path):
    prepared(strategy="resampled")
    assert json.loads((tmp_path / "test.json").read_text())["images"] == []
