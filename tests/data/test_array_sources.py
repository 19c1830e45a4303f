"""Sources of arrays on small files in the layouts in which data sets are published."""

import gzip
import io
import pickle
import struct
import zipfile

import h5py
import numpy as np
import pytest

from pipeline.data.images import blocks
from pipeline.data.sources import load_images
from pipeline.data.sources.idx import read_idx
from pipeline.errors import UserError

RNG = np.random.default_rng(0)


def images(count, *shape):
    return RNG.integers(256, size=(count, *shape), dtype=np.uint8)


def message(source, path, **options):
    with pytest.raises(UserError) as caught:
        loaded = load_images(source, {"path": str(path), **options})
        list(blocks(loaded.pixels))
    return str(caught.value)


def medmnist(path, *shape, count=(6, 3, 4), **changes):
    arrays = {}
    for name, number in zip(("train", "val", "test"), count, strict=True):
        arrays[f"{name}_images"] = images(number, *shape)
        arrays[f"{name}_labels"] = np.arange(number, dtype=np.uint8)[:, np.newaxis] % 2
    arrays |= changes
    np.savez_compressed(path, **{name: array for name, array in arrays.items() if array is not None})
    return arrays


@pytest.mark.parametrize("shape", [(28, 28), (28, 28, 3)], ids=["grey", "colour"])
def test_npz_files_of_medmnist_keep_their_division(tmp_path, shape):
    arrays = medmnist(tmp_path / "pneumonia.npz", *shape)
    loaded = load_images("npz", {"path": str(tmp_path / "pneumonia.npz"), "classes": ["normal", "pneumonia"]})
    assert loaded.classes == ("normal", "pneumonia")
    parts = [arrays[f"{name}_images"] for name in ("train", "val", "test")]
    np.testing.assert_array_equal(loaded.pixels[0:13], np.concatenate(parts).reshape(13, 28, 28, -1))
    np.testing.assert_array_equal(loaded.pixels[4:8], np.concatenate(parts).reshape(13, 28, 28, -1)[4:8])
    assert loaded.labels.tolist() == [0, 1] * 3 + [0, 1, 0] + [0, 1] * 2
    assert np.flatnonzero(loaded.validation).tolist() == [6, 7, 8]
    assert np.flatnonzero(loaded.test).tolist() == [9, 10, 11, 12]


def test_npz_files_of_keras_are_read(tmp_path):
    x_train, x_test = images(6, 28, 28), images(4, 28, 28)
    np.savez(tmp_path / "mnist.npz", x_train=x_train, y_train=[0, 1, 2] * 2, x_test=x_test, y_test=[0, 1, 2, 0])
    loaded = load_images("npz", {"path": str(tmp_path / "mnist.npz")})
    assert loaded.classes == ("0", "1", "2") and loaded.validation is None
    assert np.flatnonzero(loaded.test).tolist() == [6, 7, 8, 9]
    np.testing.assert_array_equal(loaded.pixels[6:10][..., 0], x_test)


def test_pickled_objects_in_an_npz_file_are_never_loaded(tmp_path):
    class Evil:
        def __reduce__(self):
            return (tmp_path.joinpath("ran").touch, ())

    objects = np.array([Evil()] * 6, dtype=object)
    medmnist(tmp_path / "a.npz", 4, 4, train_labels=objects)
    assert "Python objects" in message("npz", tmp_path / "a.npz")
    medmnist(tmp_path / "a.npz", 4, 4, train_images=objects)
    assert "Python objects" in message("npz", tmp_path / "a.npz")
    (tmp_path / "b.npz").write_bytes(pickle.dumps(objects))
    assert "must be an .npz file" in message("npz", tmp_path / "b.npz")
    assert not (tmp_path / "ran").exists()


def test_pickles_of_cifar_are_refused_with_the_reason(tmp_path):
    for name in ("data_batch_1", "test_batch", "batches.meta"):
        (tmp_path / name).write_bytes(pickle.dumps({}))
    for source in ("idx", "hdf5"):
        assert "pickle files. They are never loaded" in message(source, tmp_path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"train_images": None}, "layout of data source npz"),
        ({"train_images": RNG.random((6, 4, 4))}, "must be uint8"),
        ({"train_images": images(6, 4, 4, 2)}, "with 1 or 3 channels"),
        ({"train_images": images(6, 5, 4)}, "must have one shape"),
        ({"train_images": images(5, 4, 4)}, "one integer for each of 5 images"),
        ({"train_labels": np.zeros((6, 14), np.uint8)}, "one integer for each of 6 images"),
        ({"train_labels": np.full(6, 0.5)}, "one integer for each of 6 images"),
        ({"train_labels": np.full(6, -1)}, "must lie in 0..1"),
        ({"train_labels": np.full(6, 2)}, "must lie in 0..1"),
        ({"train_images": images(0, 4, 4), "train_labels": np.zeros(0, int)}, "must not be empty"),
        ({"train_images": np.asfortranarray(images(6, 4, 4))}, "Fortran order"),
    ],
)
def test_arrays_of_another_kind_are_refused(tmp_path, changes, words):
    if "train_images" in changes and changes["train_images"] is None:
        changes = {f"{part}_{what}": None for part in ("train", "val", "test") for what in ("images", "labels")} | {
            "a": images(6)
        }
    medmnist(tmp_path / "a.npz", 4, 4, **changes)
    assert words in message("npz", tmp_path / "a.npz", classes=["a", "b"])


def test_one_class_or_a_class_without_images_is_refused(tmp_path):
    medmnist(
        tmp_path / "a.npz",
        4,
        4,
        **{f"{name}_labels": np.ones(n, int) for name, n in zip(("train", "val", "test"), (6, 3, 4), strict=True)},
    )
    assert "at least two classes" in message("npz", tmp_path / "a.npz")
    medmnist(tmp_path / "a.npz", 4, 4)
    assert "Class 'c' of source 'npz' has no image" in message("npz", tmp_path / "a.npz", classes=["a", "b", "c"])
    assert "name twice" in message("npz", tmp_path / "a.npz", classes=["a", "a"])


def test_labels_without_names_may_start_anywhere(tmp_path):
    np.savez(tmp_path / "a.npz", train_images=images(6, 4, 4), train_labels=[3, 7, 10**12] * 2)
    assert load_images("npz", {"path": str(tmp_path / "a.npz")}).classes == ("3", "7", str(10**12))


def test_of_two_classes_the_rarer_or_the_chosen_one_is_positive(tmp_path):
    np.savez(tmp_path / "a.npz", train_images=images(6, 4, 4), train_labels=[0, 1, 1, 1, 1, 0])
    options = {"path": str(tmp_path / "a.npz"), "classes": ["malignant", "normal"]}
    rarer = load_images("npz", options)
    assert rarer.classes == ("normal", "malignant") and rarer.labels.tolist() == [1, 0, 0, 0, 0, 1]
    assert "'malignant' is the positive class, because it is rarer" in rarer.notes[0]
    chosen = load_images("npz", {**options, "positive": "normal"})
    assert chosen.classes == ("malignant", "normal") and chosen.notes == ()
    assert "Unknown class in option 'positive'" in message("npz", tmp_path / "a.npz", positive="x")


def test_resizing_averages_areas(tmp_path):
    arrays = medmnist(tmp_path / "a.npz", 8, 8)
    pixels = load_images("npz", {"path": str(tmp_path / "a.npz"), "size": 4}).pixels
    averages = arrays["train_images"].reshape(6, 4, 2, 4, 2).mean(axis=(2, 4))
    assert np.abs(pixels[0:6][..., 0] - averages).max() <= 1
    assert "Option 'size'" in message("npz", tmp_path / "a.npz", size=0)


def test_an_array_that_states_more_than_it_holds_does_not_fill_the_memory(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (10**9, 1000, 1000)})
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        for name in ("train_images", "train_labels"):
            archive.writestr(f"{name}.npy", header.getvalue() + bytes(100))
    assert "truncated or damaged" in message("npz", tmp_path / "a.npz")


def test_a_damaged_npz_file_is_refused_wherever_the_damage_is(tmp_path):
    medmnist(tmp_path / "whole.npz", 16, 16)
    whole = (tmp_path / "whole.npz").read_bytes()
    for cut in (0, 4, 100, len(whole) // 2, len(whole) - 10):
        (tmp_path / "a.npz").write_bytes(whole[:cut])
        assert "copy it again" in message("npz", tmp_path / "a.npz")
    damaged = bytearray(whole)
    damaged[200:260] = bytes(60)
    (tmp_path / "a.npz").write_bytes(damaged)
    assert "copy it again" in message("npz", tmp_path / "a.npz")


def patch_camelyon(folder, *, names=("train", "valid", "test"), shape=(8, 8, 3)):
    stored = []
    for name, count in zip(names, (6, 3, 4), strict=True):
        stored.append(images(count, *shape))
        with h5py.File(folder / f"camelyonpatch_level_2_split_{name}_x.h5", "w") as file:
            file.create_dataset("x", data=stored[-1], chunks=(1, *shape), compression="gzip")
        with h5py.File(folder / f"camelyonpatch_level_2_split_{name}_y.h5", "w") as file:
            file.create_dataset("y", data=(np.arange(count, dtype=np.uint8) % 2).reshape(count, 1, 1, 1))
    return np.concatenate(stored)


def test_hdf5_files_of_patch_camelyon_keep_their_division(tmp_path):
    stored = patch_camelyon(tmp_path)
    loaded = load_images("hdf5", {"path": str(tmp_path)})
    np.testing.assert_array_equal(np.concatenate(list(blocks(loaded.pixels))), stored)
    assert np.flatnonzero(loaded.validation).tolist() == [6, 7, 8]
    assert np.flatnonzero(loaded.test).tolist() == [9, 10, 11, 12]


def test_damaged_hdf5_files_are_refused(tmp_path):
    patch_camelyon(tmp_path)
    file = tmp_path / "camelyonpatch_level_2_split_train_x.h5"
    whole = file.read_bytes()
    for content in (b"", b"no hdf5", whole[:600], whole[: len(whole) // 2]):
        file.write_bytes(content)
        assert "copy it again" in message("hdf5", tmp_path)
    with h5py.File(file, "w") as other:
        other["z"] = [1]
    assert "must hold an array 'x'" in message("hdf5", tmp_path)
    for one in tmp_path.iterdir():
        one.unlink()
    assert "layout of data source hdf5" in message("hdf5", tmp_path)


def idx(array):
    sizes = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.astype(np.uint8).tobytes()


@pytest.fixture(params=["", ".gz"], ids=["plain", "gzip"])
def mnist(tmp_path, request):
    """A folder with the four files of MNIST, and the digits in them."""
    pack = gzip.compress if request.param else bytes
    digits = images(10, 28, 28)
    for name, rows in (("train", slice(6)), ("t10k", slice(6, 10))):
        labels = np.arange(10)[rows] % 3
        (tmp_path / f"{name}-images-idx3-ubyte{request.param}").write_bytes(pack(idx(digits[rows])))
        (tmp_path / f"{name}-labels-idx1-ubyte{request.param}").write_bytes(pack(idx(labels)))
    return tmp_path, digits


def test_idx_files_of_mnist_keep_their_test_set(mnist):
    folder, digits = mnist
    loaded = load_images("idx", {"path": str(folder)})
    np.testing.assert_array_equal(loaded.pixels[0:10][..., 0], digits)
    assert loaded.labels.tolist() == [0, 1, 2, 0, 1, 2, 0, 1, 2, 0]
    assert np.flatnonzero(loaded.test).tolist() == [6, 7, 8, 9]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\0",
        b"\0\0\x0d\x01\0\0\0\x01\0\0\0\0",
        b"\0\0\x08\x03\0\0",
        idx(images(3, 2, 2))[:-1],
        idx(images(3, 2, 2)) + b"x",
        b"\0\0\x08\x03" + b"\xff" * 12 + bytes(50),
        b"\0\0\x08\xff" + b"\xff" * 12,
    ],
)
@pytest.mark.parametrize("compressed", [False, True])
def test_damaged_idx_files_are_refused(tmp_path, content, compressed):
    file = tmp_path / ("a.gz" if compressed else "a")
    file.write_bytes(gzip.compress(content) if compressed else content)
    with pytest.raises(UserError, match="IDX file"):
        read_idx(file)


def test_a_truncated_gzip_file_is_refused(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress(idx(images(30, 8, 8)))[:-40])
    with pytest.raises(UserError, match="cannot be read"):
        read_idx(tmp_path / "a.gz")


@pytest.mark.parametrize("source", ["npz", "hdf5", "idx"])
def test_a_missing_path_is_reported(tmp_path, source):
    assert "set option 'path'" in message(source, tmp_path / "absent")


def test_a_part_without_its_labels_is_not_left_out_silently(tmp_path):
    medmnist(tmp_path / "m.npz", 4, 4, test_labels=None)
    assert "holds 'test_images' without 'test_labels': add it, or remove" in message("npz", tmp_path / "m.npz")
    (tmp_path / "idx").mkdir()
    (tmp_path / "idx" / "train-labels-idx1-ubyte").write_bytes(b"")
    assert "without 'train-images-idx3-ubyte'" in message("idx", tmp_path / "idx")
    (tmp_path / "h").mkdir()
    (tmp_path / "h" / "a_valid_x.h5").write_bytes(b"")
    assert "holds 'a_valid_x' without 'a_valid_y'" in message("hdf5", tmp_path / "h")


def external_link(file, values):
    file["x"] = h5py.ExternalLink(str(values), "x")


def raw_file(file, values):
    file.create_dataset("x", (4, 2, 2, 3), np.uint8, external=[(str(values), 0, 48)])


def virtual(file, values):
    layout = h5py.VirtualLayout((4, 2, 2, 3), np.uint8)
    layout[:] = h5py.VirtualSource(str(values), "x", (4, 2, 2, 3))
    file.create_virtual_dataset("x", layout)


@pytest.mark.parametrize("write", [external_link, raw_file, virtual])
def test_hdf5_files_must_hold_their_values_themselves(tmp_path, write):
    with h5py.File(tmp_path / "values.h5", "w") as file:
        file["x"] = images(4, 2, 2, 3)
    (tmp_path / "h").mkdir()
    with h5py.File(tmp_path / "h" / "a_train_x.h5", "w") as file:
        write(file, tmp_path / "values.h5")
    with h5py.File(tmp_path / "h" / "a_train_y.h5", "w") as file:
        file["y"] = [0, 1, 0, 1]
    assert "its values may be in another file" in message("hdf5", tmp_path / "h")
