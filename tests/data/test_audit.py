"""The audit: every planted fault is found, and data without faults pass."""

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.config.schema import AuditConfig
from pipeline.data.audit import audit, default_severities, stop_on
from pipeline.data.audit.audited import Audited
from pipeline.data.copies import find_copies
from pipeline.data.images import FileFacts, LabelledImages, Skipped
from pipeline.data.measured import write_measured
from pipeline.data.sources import load_images
from pipeline.data.splits import TEST, TRAIN, VALIDATION, replicate_splits
from pipeline.errors import UserError

COUNT = 240
SETTINGS = AuditConfig(margin=0.1, checks={})


def textures(count=COUNT, size=16, seed=0):
    """Smooth random images, unlike each other."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(256, size=(count, size // 4, size // 4, 3))
    fine = rng.integers(-20, 20, size=(count, size, size, 3))
    return (coarse.repeat(4, axis=1).repeat(4, axis=2) + fine).clip(5, 250).astype(np.uint8)


def images(**changed):
    """240 images of two classes, mixed, each its own group."""
    pixels = changed.pop("pixels", textures())
    names = np.array([f"{'ab'[row % 2]}/{row:04d}.png" for row in range(len(pixels))])
    return LabelledImages(
        **{
            "pixels": pixels,
            "labels": np.random.default_rng(1).permutation(np.arange(len(pixels)) % 2),
            "classes": ("a", "b"),
            "groups": names,
            "subgroups": None,
            "names": names,
            "source": "made",
            "licence": "CC0",
            "attribution": "nobody",
            "notes": (),
        }
        | changed
    )


def files(count=COUNT, **changed):
    rng = np.random.default_rng(2)
    return FileFacts(
        **{
            "bytes": rng.integers(1000, 2000, count),
            "modified": rng.integers(10**15, 10**16, count),
            "width": np.full(count, 64),
            "height": np.full(count, 48),
            "mode": np.full(count, "RGB"),
            "format": np.full(count, "JPEG"),
            "frames": np.ones(count, int),
            "transparent": np.zeros(count, bool),
            "lowest": np.zeros(count),
            "highest": np.full(count, 255.0),
        }
        | changed
    )


@pytest.fixture
def found(tmp_path):
    """Audit images; return the findings by check."""

    def run(data, *, settings=SETTINGS, splits=None, unjoined=None, options=None):
        measured = write_measured(tmp_path / "pixels.npy", data.pixels)
        if splits is None:
            splits = replicate_splits("group", data.labels, data.groups, None, replicates=3, seed=0)
        whole = Audited(
            data, measured, find_copies(measured, data.pixels), splits, unjoined, options or {}, settings.margin
        )
        findings = audit(whole, settings)
        for finding in findings:
            # The page shows the sentences as they are.
            assert "`" not in finding.summary + finding.advice
            assert not re.search(r"\b1 (image|picture|file|set)s\b|\b1 \w+ (are|have)\b", finding.summary)
        return {finding.check: finding for finding in findings}

    return run


def test_data_without_faults_have_no_findings(found):
    assert found(images(files=files())) == {}


def test_skipped_files_are_counted_by_reason(found):
    skipped = (Skipped("a/.x/1.png", "hidden"), Skipped("b.txt", "not a picture (.txt)"), Skipped("c.txt", "hidden"))
    finding = found(images(skipped=skipped))["skipped_files"]
    assert finding.count == 3 and "2 hidden" in finding.summary and "a/.x/1.png: hidden" in finding.names


def split_of(test, validation=()):
    split = np.full((1, COUNT), TRAIN, np.uint8)
    split[0, list(range(200, COUNT))] = TEST
    split[0, list(test)] = TEST
    split[0, list(validation)] = VALIDATION
    return split


def planted(pairs, change=lambda image: image):
    """Textures in which the second image of each pair is a copy of the first."""
    pixels = textures()
    for one, other in pairs:
        pixels[other] = change(pixels[one])
    return pixels


def labels_with(equal, different=()):
    labels = np.random.default_rng(1).permutation(np.arange(COUNT) % 2)
    for one, other in equal:
        labels[other] = labels[one]
    for one, other in different:
        labels[other] = 1 - labels[one]
    return labels


@pytest.mark.parametrize(
    ("prefix", "change"), [("", lambda image: image), ("near_", lambda image: (image * 0.8).astype(np.uint8))]
)
def test_copies_are_found_by_what_they_spoil(found, prefix, change):
    leak, conflict, validation, harmless = [(0, 210), (3, 211)], [(20, 21)], [(30, 31)], [(40, 41)]
    data = images(
        pixels=planted([*leak, *conflict, *validation, *harmless], change),
        labels=labels_with([*leak, *validation, *harmless], conflict),
    )
    findings = found(data, splits=split_of([], validation=[31]))
    assert findings[f"{prefix}copies_with_other_class"].images == ((20, 21),)
    leaking = findings[f"{prefix}copies_of_test_images"]
    assert leaking.images == ((0, 210), (3, 211)) and leaking.severity == "stop"
    assert leaking.values["share_of_test_images"] == 2 / 40
    assert findings["copies_of_validation_images"].images == ((30, 31),)
    assert findings["copies"].severity == "note" and (40, 41) in findings["copies"].images


def test_few_near_copies_of_test_images_only_warn(found):
    data = images(
        pixels=planted([(0, 239)], lambda image: (image * 0.8).astype(np.uint8)), labels=labels_with([(0, 239)])
    )
    split = split_of(range(60, 200))
    finding = found(data, splits=split)["few_near_copies_of_test_images"]
    assert finding.severity == "warn" and finding.values["share_of_test_images"] < 0.01


def test_the_advice_on_a_stated_division_is_not_to_join(found):
    data = images(
        pixels=planted([(0, 210)]), labels=labels_with([(0, 210)]), test=np.arange(COUNT) >= 200, validation=None
    )
    assert "groups: auto" not in found(data, splits=split_of([]))["copies_of_test_images"].advice


def test_tiny_and_unequal_classes(found):
    findings = found(images(labels=(np.arange(COUNT) % 24 == 0).astype(np.int64)))
    assert findings["tiny_classes"].names == ("b: 10",) and findings["imbalance"].values["ratio"] == 23


def test_odd_sizes_aspects_modes_and_frames(found):
    facts = files()
    facts.width[5], facts.height[5] = 640, 480
    facts.width[6], facts.height[6] = 200, 20
    facts.width[7], facts.height[7] = 8, 7
    facts.mode[8] = "L"
    facts.frames[9] = 12
    findings = found(images(files=facts))
    assert findings["odd_sizes"].images == ((5,), (7,))
    assert findings["odd_aspects"].images == ((6,),)
    assert findings["enlarged_pictures"].images == ((7,),)
    assert findings["mixed_modes"].images == ((8,),)
    assert findings["several_frames"].images == ((9,),)


def test_pages_that_are_all_used_are_no_finding(found):
    facts = files(format=np.full(COUNT, "TIFF"), frames=np.full(COUNT, 2))
    assert "several_frames" not in found(images(files=facts), options={"all_pages": True})
    assert "several_frames" in found(images(files=facts))


def test_blank_saturated_and_blurred_images(found):
    pixels = textures()
    pixels[3] = 255
    pixels[4, :, :15] = 255
    pixels[5] = np.linspace(60, 190, 16)[:, None, None]
    labels = images().labels
    findings = found(images(pixels=pixels))
    assert findings["blank_images"].images == ((3,),)
    assert findings["saturated_images"].images == ((4,),)
    assert findings["blurred_images"].images == ((5,),)
    assert findings["blank_images"].summary == f"Images with a single grey level: 1 (1 of class '{'ab'[labels[3]]}')."


@pytest.mark.parametrize("check", ["file_size", "dimensions", "file_time", "file_name"])
def test_a_class_that_files_reveal_is_found(found, check):
    data = images()
    facts = files()
    names = data.names
    if check == "file_size":
        facts.bytes[data.labels == 1] += 800
    elif check == "dimensions":
        facts.width[data.labels == 1] = 65
    elif check == "file_time":
        facts.modified[data.labels == 1] += 10**16
    else:
        names = np.array([f"x/{'IMG' if label else 'DSC'}_{row}.png" for row, label in enumerate(data.labels)])
    assert list(found(replace(data, files=facts, names=names))) == [f"class_from_{check}"]


def test_names_that_repeat_the_class_are_no_finding(found):
    data = images()
    names = np.array([f"{'ab'[label]}/{'AB'[label]}{row}.png" for row, label in enumerate(data.labels)])
    assert found(replace(data, files=files(), names=names)) == {}


def test_times_of_copying_are_no_finding(found):
    data = images()
    facts = files(modified=10**15 + data.labels * 10**10)
    assert found(replace(data, files=facts)) == {}


def test_neighbouring_rows_of_one_object_are_found_unless_grouped(found):
    labels = np.repeat(np.random.default_rng(3).permutation(np.arange(COUNT // 8) % 2), 8)
    objects = np.repeat([f"object-{number}" for number in range(COUNT // 8)], 8)
    ungrouped = images(labels=labels)
    finding = found(ungrouped)["row_order"]
    assert finding.severity == "stop" and finding.values["score"] > 0.8
    assert "row_order" not in found(replace(ungrouped, groups=objects))


def test_images_sorted_by_class_are_no_finding(found):
    assert "row_order" not in found(images(labels=np.repeat([0, 1], COUNT // 2)))


def test_test_images_that_look_different_are_found(found):
    pixels = textures()
    pixels[200:] = pixels[200:] // 2
    assert found(images(pixels=pixels), splits=split_of([]))["test_images_differ"].values["roc_auc"] > 0.9


def test_the_cell_images_of_elpv_need_groups(found):
    data = load_images("elpv", {"size": 64})
    tested = np.isin(data.groups, [f"module-{number:02d}" for number in range(20, 31)])
    by_module = found(data, splits=np.where(tested, TEST, TRAIN)[None].astype(np.uint8))
    assert by_module["few_near_copies_of_test_images"].count == 8
    assert not [one for one in by_module.values() if one.severity == "stop"]
    random = replicate_splits("random", data.labels, data.groups, None, replicates=1, seed=0)
    findings = found(data, splits=random)
    assert findings["row_order"].values["score"] > 0.75
    assert {"row_order", "near_copies_of_test_images"} <= set(findings)


@pytest.mark.parametrize("name", ["mnist_sample", "digits"])
def test_the_digits_pass(found, name):
    assert found(load_images(name, {})) == {}


def test_settings_change_severities(found):
    data = images(labels=(np.arange(COUNT) % 24 == 0).astype(np.int64))
    settings = AuditConfig(margin=0.1, checks={"tiny_classes": "stop", "imbalance": "ignore"})
    findings = found(data, settings=settings)
    assert {name: finding.severity for name, finding in findings.items()} == {"tiny_classes": "stop"}
    with pytest.raises(UserError, match=r"tiny_classes: .* fewer than 30 images\. Add images"):
        stop_on(list(findings.values()), np.array([]))


def test_the_error_names_an_example_and_the_page(found):
    data = images(pixels=planted([(0, 210)]), labels=labels_with([(0, 210)]))
    findings = list(found(data, splits=split_of([])).values())
    with pytest.raises(
        UserError, match=r"See the images in page\.html\.(.|\n)*For example 'a/0000.png' and 'a/0210.png'\."
    ):
        stop_on(findings, data.names, page=Path("page.html"))
    with pytest.raises(UserError) as error:
        stop_on(findings, data.names)
    assert "See the" not in str(error.value)


def test_an_unknown_check_is_an_error(found):
    with pytest.raises(UserError, match="Unknown check of the audit 'copy'"):
        found(images(), settings=AuditConfig(margin=0.1, checks={"copy": "warn"}))


def test_every_check_has_one_severity():
    assert SimpleNamespace(**default_severities()).row_order == "stop"
    assert set(default_severities().values()) == {"stop", "warn", "note"}
