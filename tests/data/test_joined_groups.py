"""`groups: auto`: copies join groups before the split."""

import json
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from pipeline.config.schema import AuditConfig, DataConfig, SplitConfig
from pipeline.data.prepare import prepare
from pipeline.data.prepared import read_prepared
from pipeline.errors import UserError

OWN = 60


def save(file, picture, **options):
    file.parent.mkdir(parents=True, exist_ok=True)
    picture.save(file, **options)


def picture(rng):
    return Image.fromarray(rng.integers(256, size=(6, 6, 3), dtype=np.uint8)).resize((48, 48), Image.Resampling.BICUBIC)


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    """A folder with 60 pictures of each class; 20 of each have a copy as JPEG, and 20 an identical one."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for name in ("ok", "defect"):
        for number in range(OWN):
            one = picture(rng)
            save(tmp_path / "images" / name / f"{number:03d}.png", one)
            if number < 20:
                save(tmp_path / "images" / name / f"copy-{number:03d}.jpg", one, quality=95, subsampling=0)
            elif number < 40:
                save(tmp_path / "images" / name / f"same-{number:03d}.png", one)
    return tmp_path / "images"


def prepared(tmp_path, path, *, groups, strategy="group", replicates=1):
    """The findings by check, and the prepared folder."""
    split = SplitConfig(strategy, strategy, test_share=0.25, validation_share=0.15, folds=4, tuning_share=None, seed=0)
    findings = prepare(
        tmp_path / "prepared",
        DataConfig("mine", "folder", {"path": str(path), "size": 24}, groups),
        split,
        replicates=replicates,
        test_set=tmp_path / "test.json",
        settings=AuditConfig(margin=0.1, checks={}),
        report=lambda line: None,
    )
    return {finding.check: finding for finding in findings}, read_prepared(tmp_path / "prepared")


def test_without_joining_copies_are_on_both_sides_and_the_test_set_is_not_kept(tmp_path, pictures):
    findings, _ = prepared(tmp_path, pictures, groups="stated")
    assert findings["copies_of_test_images"].severity == findings["near_copies_of_test_images"].severity == "stop"
    assert not (tmp_path / "test.json").exists()


@pytest.mark.parametrize("strategy", ["group", "kfold"])
def test_joined_groups_keep_copies_together(tmp_path, pictures, strategy):
    findings, data = prepared(tmp_path, pictures, groups="auto", strategy=strategy)
    assert data.manifest["groups"] == 2 * OWN
    part = dict(zip(data.names.tolist(), data.splits[0].tolist(), strict=True))
    for name in ("ok", "defect"):
        for number in range(40):
            copy = f"copy-{number:03d}.jpg" if number < 20 else f"same-{number:03d}.png"
            assert part[f"{name}/{number:03d}.png"] == part[f"{name}/{copy}"]
    assert {finding.severity for finding in findings.values()} == {"note"}
    assert json.loads((tmp_path / "test.json").read_text())["seed"] == 0


def test_the_score_without_copies_is_lower(tmp_path, pictures):
    findings, _ = prepared(tmp_path, pictures, groups="auto")
    values = findings["joined_groups"].values
    # The classes are random, so chance is right without copies.
    assert values["after"] < 0.65 < values["before"] - 0.1


def test_a_picture_added_later_joins_the_test_set_of_its_copy(tmp_path, pictures):
    _, before = prepared(tmp_path, pictures, groups="auto")
    tested = next(name for name, part in zip(before.names, before.splits[0], strict=True) if part == 2)
    with Image.open(pictures / tested) as one:
        save(pictures / "ok" / "later.jpg", one.convert("RGB"), quality=95, subsampling=0)
    findings, after = prepared(tmp_path, pictures, groups="auto")
    assert after.splits[0][after.names.tolist().index("ok/later.jpg")] == 2
    assert "near_copies_of_test_images" not in findings


def test_copies_across_a_stated_division_are_a_finding(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for part, count in (("train", 40), ("test", 20)):
        for name in ("ok", "defect"):
            for number in range(count):
                save(tmp_path / "images" / part / name / f"{part}{number}.png", picture(rng))
    file = BytesIO((tmp_path / "images/test/ok/test0.png").read_bytes())
    save(tmp_path / "images/train/ok/copy.png", Image.open(file))
    findings, data = prepared(tmp_path, tmp_path / "images", groups="auto")
    assert "remove the copies" in findings["copies_of_test_images"].advice
    assert data.splits[0][data.names.tolist().index("train/ok/copy.png")] != 2


def test_a_split_that_ignores_groups_is_refused(tmp_path, pictures):
    with pytest.raises(UserError, match="`groups: auto` requires a split that keeps groups together"):
        prepared(tmp_path, pictures, groups="auto", strategy="random")
