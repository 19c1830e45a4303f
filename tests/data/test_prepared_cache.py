"""Prepared data of experiments: the same images and split are prepared once."""

import os
from dataclasses import replace

import numpy as np
import pytest

from pipeline.config.schema import AuditConfig, DataConfig, SplitConfig
from pipeline.data.prepared import read_manifest, read_prepared
from pipeline.data.prepared_cache import prepared_folder
from pipeline.errors import UserError

DIGITS = DataConfig(name="digits", source="digits", options={})
SPLIT = SplitConfig(
    name="random", strategy="random", test_share=0.25, validation_share=0.15, folds=None, tuning_share=None, seed=0
)

AUDIT = AuditConfig(margin=0.1, checks={})


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_the_same_data_and_split_are_prepared_once():
    lines = []
    first = prepared_folder(DIGITS, SPLIT, AUDIT, 1, report=lines.append)
    assert read_manifest(first)["images"] == 1797
    assert lines[0].startswith("digits: 1,797 images")
    lines.clear()
    assert prepared_folder(DIGITS, SPLIT, AUDIT, 1, report=lines.append) == first
    assert lines == []


@pytest.mark.parametrize(("file", "size"), [("labels.npy", None), ("pixels.npy", 100), ("digests.json", 0)])
def test_damaged_or_missing_files_are_prepared_again(file, size):
    folder = prepared_folder(DIGITS, SPLIT, AUDIT, 1)
    before = {one.name: one.read_bytes() for one in folder.iterdir()}
    if size is None:
        (folder / file).unlink()
    else:
        os.truncate(folder / file, size)
    assert prepared_folder(DIGITS, SPLIT, AUDIT, 1) == folder
    assert {one.name: one.read_bytes() for one in folder.iterdir()} == before


def test_a_changed_pixel_is_named_and_what_the_message_says_restores_it():
    folder = prepared_folder(DIGITS, SPLIT, AUDIT, 1)
    pixels = np.asarray(read_prepared(folder).pixels)
    content = bytearray((folder / "pixels.npy").read_bytes())
    content[-5] ^= 1
    (folder / "pixels.npy").write_bytes(content)
    damaged = read_prepared(prepared_folder(DIGITS, SPLIT, AUDIT, 1))
    assert np.array_equal(damaged.pixels[:-1], pixels[:-1])
    for rows in (-1, [3, len(pixels) - 1], slice(None)):
        with pytest.raises(UserError, match=rf"{folder}/pixels\.npy is damaged .* Delete it and run the same command"):
            damaged.pixels[rows]
    (folder / "pixels.npy").unlink()
    assert np.array_equal(read_prepared(prepared_folder(DIGITS, SPLIT, AUDIT, 1)).pixels, pixels)


def test_another_split_or_number_of_replicates_is_prepared_again():
    folders = {
        prepared_folder(DIGITS, SPLIT, AUDIT, 1),
        prepared_folder(DIGITS, SPLIT, AUDIT, 2),
        prepared_folder(DIGITS, replace(SPLIT, validation_share=0.2), AUDIT, 1),
    }
    assert len(folders) == 3


def test_images_are_prepared_again_when_heic_pictures_can_be_read(monkeypatch):
    monkeypatch.setattr("pipeline.data.prepared_cache.reads_heif", lambda: False)
    folder = prepared_folder(DIGITS, SPLIT, AUDIT, 1)
    monkeypatch.setattr("pipeline.data.prepared_cache.reads_heif", lambda: True)
    assert prepared_folder(DIGITS, SPLIT, AUDIT, 1) != folder


def test_no_unfinished_folder_remains():
    folder = prepared_folder(DIGITS, SPLIT, AUDIT, 1)
    assert sorted(file.name for file in folder.parent.iterdir()) == sorted([folder.name, "lock"])
