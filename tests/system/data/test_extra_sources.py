"""Sources and formats that need an extra: data sets of TFDS on disk, made by TFDS itself, and HEIC pictures."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from pipeline.data.pictures.decode import Decoding, decode
from pipeline.data.sources import load_images
from pipeline.errors import UserError

MAKE = """
import sys
import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

def part(first, last):
    values = np.arange(first, last, dtype=np.uint8)
    pictures = np.tile(values[:, None, None, None], (1, 8, 6, 3))
    return tf.data.Dataset.from_tensor_slices({"image": pictures, "label": values % 2, "id": values})

features = tfds.features.FeaturesDict({
    "image": tfds.features.Image(shape=(8, 6, 3)),
    "label": tfds.features.ClassLabel(names=["ok", "crack"]),
    "id": tfds.features.Scalar(tf.uint8),
})
parts = {"train": part(0, 11), "validation": part(11, 15), "test": part(15, 20), "extra": part(20, 22)}
tfds.dataset_builders.store_as_tfds_dataset(
    "cells", "1.0.0", features=features, split_datasets=parts, data_dir=sys.argv[1]
)
"""


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    pytest.importorskip("tensorflow_datasets")
    folder = tmp_path_factory.mktemp("tfds")
    subprocess.run([sys.executable, "-c", MAKE, str(folder)], check=True, capture_output=True)
    return folder / "cells" / "1.0.0"


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def load(folder, **options):
    return load_images("tfds", {"path": str(folder), "size": [8, 6], **options})


def test_a_data_set_of_tfds_keeps_its_division_and_values(cells):
    images = load(cells)
    assert images.classes == ("ok", "crack") and images.pixels.shape == (20, 8, 6, 3)
    values = images.pixels[0:20][:, 0, 0, 0].astype(int)  # TFDS has shuffled them when it stored them
    assert sorted(values.tolist()) == list(range(20))
    np.testing.assert_array_equal(images.labels, values % 2)
    np.testing.assert_array_equal(images.test, values >= 15)
    np.testing.assert_array_equal(images.validation, (values >= 11) & (values < 15))
    assert "Splits 'extra' are not used." in images.notes
    assert images.names[0] == "train-000000" and len(set(images.names.tolist())) == 20
    assert load(cells, positive="ok").classes == ("crack", "ok")


def test_pictures_are_decoded_with_the_options_of_files(cells):
    assert load(cells, size=4, channels=1).pixels.shape == (20, 4, 4, 1)
    with pytest.raises(UserError, match="20 of 20 pictures"):
        load(cells, largest=10)


def test_other_features_and_folders_are_refused(cells, tmp_path):
    with pytest.raises(UserError, match="must have a feature 'id' of type ClassLabel"):
        load(cells, label="id")
    with pytest.raises(UserError, match="must be a version of a TFDS data set"):
        load(cells.parent)


@pytest.mark.parametrize(
    "key", ["pythonClassName", "python_class_name", "pythonClassN\\u0061me"], ids=["usual", "other spelling", "escape"]
)
def test_a_module_that_the_data_set_names_is_never_imported(key, cells, tmp_path):
    for file in cells.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    features = (tmp_path / "features.json").read_text().lstrip()
    assert features.startswith("{")
    (tmp_path / "features.json").write_text(f'{{"{key}": "antigravity.Features", {features[1:]}')
    with pytest.raises(UserError, match=r"features of TFDS only. Found 'antigravity.Features'"):
        load(tmp_path)
    assert "antigravity" not in sys.modules


def test_damaged_data_sets_are_refused(cells, tmp_path):
    for name in ("cells-train.tfrecord-00000-of-00001", "dataset_info.json", "features.json"):
        for file in cells.iterdir():
            (tmp_path / file.name).write_bytes(file.read_bytes())
        whole = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(whole[: len(whole) // 2])
        with pytest.raises(UserError, match="cannot be read"):
            load(tmp_path)
        (tmp_path / name).write_bytes(whole)
    (tmp_path / "label.labels.txt").write_text("ok\n")
    with pytest.raises(UserError, match=r"is damaged: it names 1 classes, but has labels 0 to 1"):
        load(tmp_path)


@pytest.mark.parametrize("orientation", [1, 6])
def test_heic_pictures_are_read_upright(tmp_path, orientation):
    heif = pytest.importorskip("pillow_heif")
    picture = Image.fromarray(np.repeat([[0, 255]], 64, axis=0).astype(np.uint8).repeat(48, axis=1)).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = orientation
    heif.from_pillow(picture).save(tmp_path / "a.heic", exif=exif.tobytes(), quality=95)
    pixels, facts = decode(tmp_path / "a.heic", Decoding(2, 2, 1))
    assert facts.format == "HEIF"
    upright = (96, 64) if orientation == 1 else (64, 96)
    assert (facts.width, facts.height) == upright
    expected = [[0, 255], [0, 255]] if orientation == 1 else [[0, 0], [255, 255]]
    assert np.abs(pixels[..., 0].astype(int) - expected).max() < 8
