"""Copies and near copies: planted ones are found, different images are not."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from scipy.fft import dctn

from pipeline.data.appearance import empty_appearance, measure_appearance, perceptual_hashes
from pipeline.data.copies import find_copies, joined, sets_of
from pipeline.data.measured import write_measured
from pipeline.data.sources import load_images


def copies(pixels, tmp_path):
    return find_copies(write_measured(tmp_path / "pixels.npy", pixels), pixels)


def recompressed(pixels, quality=75):
    file = BytesIO()
    Image.fromarray(pixels.squeeze()).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file)).reshape(pixels.shape)


def brightened(pixels):
    return (pixels * 0.7).astype(np.uint8)


def cropped(pixels):
    picture = Image.fromarray(pixels.squeeze())
    border = 0.015 * picture.width
    box = (border, border, picture.width - border, picture.height - border)
    return np.asarray(picture.transform(picture.size, Image.Transform.EXTENT, box, Image.Resampling.BILINEAR)).reshape(
        pixels.shape
    )


@pytest.fixture(scope="module")
def digits():
    return load_images("mnist_sample", {}).pixels[::5]


def test_a_perceptual_hash_is_that_of_the_discrete_cosine_transform():
    grey = np.random.default_rng(0).random((5, 20, 30), dtype=np.float32)
    low = dctn(grey.astype(float), axes=(1, 2))[:, :8, :8].reshape(5, 64)
    bits = low > np.median(low, axis=1, keepdims=True)
    assert (np.packbits(bits, axis=1).view(">u8")[:, 0] == perceptual_hashes(grey)).all()


def test_thumbnails_are_area_averages():
    pixels = np.random.default_rng(0).integers(256, size=(40, 24, 16, 3), dtype=np.uint8)
    seen = empty_appearance(40)
    measure_appearance(pixels, seen)
    exact = pixels.astype(float).mean(axis=3).reshape(40, 8, 3, 8, 2).mean(axis=(2, 4)).reshape(40, 64)
    assert np.abs(seen.thumbnails - exact).max() <= 0.51


@pytest.mark.parametrize(("name", "options"), [("mnist_sample", {}), ("digits", {}), ("digits", {"size": 5})])
def test_data_without_copies_have_none(name, options, tmp_path):
    found = copies(load_images(name, options).pixels, tmp_path)
    assert len(found.exact) == len(found.near) == 0


def test_elpv_shows_one_module_twice_and_wafers_cut_next_to_each_other(elpv, tmp_path):
    near = copies(load_images("elpv", {"size": 64}).pixels, tmp_path).near
    torn = near[elpv.groups[near[:, 0]] != elpv.groups[near[:, 1]]]
    assert len(torn) == 4 and set(elpv.groups[torn].ravel()) == {"module-30", "module-39"}
    # The same cell in both pictures of the module: always at the same distance.
    assert set((torn[:, 1] - torn[:, 0]).tolist()) == {542}


@pytest.mark.parametrize(
    ("change", "recall"), [(recompressed, 0.98), (brightened, 0.98), (cropped, 0.6)], ids=["jpeg", "darker", "crop"]
)
def test_planted_near_copies_are_found(digits, change, recall, tmp_path):
    chosen = np.arange(0, 1000, 10)
    changed = np.stack([change(image) for image in digits[chosen]])
    near = copies(np.concatenate([digits, changed]), tmp_path).near
    assert set(map(tuple, near.tolist())) <= {(row, 1000 + place) for place, row in enumerate(chosen.tolist())}
    assert len(near) >= recall * len(chosen)


def test_sets_of_many_near_copies_are_found(digits, tmp_path):
    qualities = (95, 90, 85, 80, 75, 70, 65)
    chosen = digits[:100]
    versions = [np.stack([recompressed(image, quality) for image in chosen]) for quality in qualities]
    near = copies(np.concatenate([chosen, *versions]), tmp_path).near
    # No pair joins different digits.
    assert (near[:, 0] % 100 == near[:, 1] % 100).all()
    assert sum(len(one) for one in sets_of(800, near)) >= 0.95 * 800


def test_identical_images_are_exact_copies_even_if_they_are_blank(tmp_path):
    pixels = np.random.default_rng(0).integers(256, size=(30, 9, 9, 1), dtype=np.uint8)
    pixels[[3, 7, 9]] = 255
    pixels[20] = pixels[4]
    found = copies(pixels, tmp_path)
    assert sorted(found.exact.tolist()) == [[3, 7], [3, 9], [4, 20]] and len(found.near) == 0
    assert [one.tolist() for one in sets_of(30, found.exact)] == [[3, 7, 9], [4, 20]]


def test_pairs_join_groups():
    number = joined(6, np.array([[0, 3]]), np.array([0, 0, 1, 1, 2, 3]))
    assert len(set(number[:4].tolist())) == 1 and len(set(number.tolist())) == 3


class Counted:
    """Pixels that record how many images are read at a time."""

    def __init__(self, pixels):
        self.pixels, self.shape, self.read = pixels, pixels.shape, []

    def __getitem__(self, rows):
        self.read.append(len(rows))
        return self.pixels[rows]


def test_few_large_images_are_read_at_a_time(tmp_path, monkeypatch):
    pixels = np.random.default_rng(0).integers(0, 256, (30, 64, 64, 3), np.uint8)
    pixels[7] = brightened(pixels[3])
    measured = write_measured(tmp_path / "pixels.npy", pixels)
    at_once = find_copies(measured, Counted(pixels))
    monkeypatch.setattr("pipeline.data.copies.BYTES", 4 * 64 * 64 * 3)
    in_parts = Counted(pixels)
    np.testing.assert_array_equal(find_copies(measured, in_parts).near, at_once.near)
    assert at_once.near.tolist() == [[3, 7]] and max(in_parts.read) == 4
