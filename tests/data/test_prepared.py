import json
from dataclasses import replace

import numpy as np
import pytest

from pipeline.data.measured import write_measured
from pipeline.data.pixel_file import PixelFile
from pipeline.data.prepared import data_digest, read_manifest, read_prepared, write_prepared
from pipeline.data.splits import TEST, TRAIN, VALIDATION, replicate_splits
from pipeline.errors import UserError

ARRAYS = ("pixels", "labels", "splits", "digests")
SETTINGS = {"data": {"source": "few", "options": {"size": 4}}, "split": {"strategy": "group", "seed": 0}}


@pytest.fixture
def splits(few):
    return replicate_splits("group", few.labels, few.groups, few.subgroups, replicates=3, seed=0)


@pytest.fixture
def folder(few, splits, tmp_path):
    write_prepared(tmp_path / "prepared", few, splits, settings=SETTINGS)
    return tmp_path / "prepared"


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_what_is_written_is_read(few, splits, folder):
    prepared = read_prepared(folder)
    for field in ("pixels", "labels", "groups", "subgroups", "names"):
        np.testing.assert_array_equal(getattr(prepared, field), getattr(few, field))
    np.testing.assert_array_equal(prepared.splits, splits)
    assert (prepared.classes, prepared.image_shape) == (("sound", "cracked"), (4, 6, 3))


def test_pixels_stay_on_disk_until_they_are_indexed(few, folder):
    pixels = read_prepared(folder).pixels
    assert isinstance(pixels, PixelFile)
    np.testing.assert_array_equal(pixels[[7, 3, 3]], few.pixels[[7, 3, 3]])


def test_images_without_subgroups_are_read_as_such(few, splits, tmp_path):
    write_prepared(tmp_path / "p", replace(few, subgroups=None), splits, settings={})
    assert read_prepared(tmp_path / "p").subgroups is None


def test_weights_and_numbers_are_written_only_if_there_are_any(few, splits, folder, tmp_path):
    random = np.random.default_rng(0)
    weights, numbers = random.random(len(few.labels), np.float32), random.random((len(few.labels), 2), np.float32)
    changed = replace(few, weights=weights, numbers=numbers, number_names=("age", "warmth"))
    write_prepared(tmp_path / "p", changed, splits, settings=SETTINGS)
    prepared = read_prepared(tmp_path / "p")
    np.testing.assert_array_equal(prepared.weights, weights)
    np.testing.assert_array_equal(prepared.numbers, numbers)
    assert prepared.manifest["numbers"] == ["age", "warmth"]
    without = read_prepared(folder)
    assert without.weights is without.numbers is None
    assert set(content(tmp_path / "p")) - set(content(folder)) == {"weights.npy", "numbers.npy"}
    assert "numbers" not in without.manifest


def test_the_same_images_have_the_same_bytes(few, splits, folder, tmp_path):
    write_prepared(tmp_path / "again", few, splits, settings=SETTINGS)
    assert content(folder) == content(tmp_path / "again")


def test_writing_again_replaces_everything_and_leaves_no_temporary_folder(few, splits, folder):
    (folder / "stale").write_text("from an earlier version")
    (folder.parent / ".prepared-0a1b2c3d").mkdir()  # of a killed process: nobody has locked it
    write_prepared(folder, few, splits[:1], settings={})
    assert "stale" not in content(folder)
    assert len(read_prepared(folder).splits) == 1
    assert [path.name for path in folder.parent.iterdir()] == ["prepared"]


def test_a_failed_write_keeps_the_earlier_folder(few, splits, folder):
    before = content(folder)
    with pytest.raises(TypeError):
        write_prepared(folder, few, splits, settings={"no": object()})
    assert content(folder) == before


def test_the_manifest_states_the_source_of_the_images(folder):
    manifest = read_manifest(folder)
    assert {key: manifest[key] for key in ("name", "source", "licence", "attribution", "notes", "settings")} == {
        "name": "few",
        "source": "few",
        "licence": "CC0",
        "attribution": "nobody",
        "notes": ["made up"],
        "settings": SETTINGS,
    }
    assert (manifest["images"], manifest["groups"], manifest["image_shape"]) == (60, 10, [4, 6, 3])


def test_counts_add_up_to_the_images(few, splits, folder):
    for split, replicate in zip(splits, read_manifest(folder)["replicates"], strict=True):
        for part, name in ((TRAIN, "train"), (VALIDATION, "validation"), (TEST, "test")):
            assert list(replicate["counts"][name].values()) == np.bincount(few.labels[split == part]).tolist()
            assert replicate["balance"][name]["images"] == (split == part).sum()


def test_mean_and_deviation_are_numpys_over_training_pixels_only(few, splits, folder):
    for split, replicate in zip(splits, read_manifest(folder)["replicates"], strict=True):
        pixels = few.pixels[split == TRAIN].astype(float)
        np.testing.assert_allclose(replicate["mean"], pixels.mean(axis=(0, 1, 2)), rtol=1e-12)
        np.testing.assert_allclose(replicate["standard_deviation"], pixels.std(axis=(0, 1, 2)), rtol=1e-12)


def test_constant_images_have_deviation_zero(few, splits, tmp_path):
    write_prepared(tmp_path / "p", replace(few, pixels=np.full_like(few.pixels, 201)), splits, settings={})
    assert read_manifest(tmp_path / "p")["replicates"][0]["standard_deviation"] == [0, 0, 0]


@pytest.fixture
def digest_of(tmp_path):
    return lambda images: data_digest(images, write_measured(tmp_path / "pixels.npy", images.pixels).pixel_digest)


@pytest.mark.parametrize("field", ["pixels", "labels", "groups", "classes"])
def test_the_data_digest_changes_with_every_part_of_the_data(few, digest_of, field):
    values = getattr(few, field)
    changed = values[::-1] if isinstance(values, tuple) else np.roll(values, 1, axis=0)
    assert digest_of(replace(few, **{field: changed})) != digest_of(few)


def test_the_data_digest_does_not_depend_on_the_names_of_images(few, digest_of):
    assert digest_of(replace(few, names=few.names[::-1], notes=())) == digest_of(few)


def test_indices_are_those_of_the_split(splits, folder):
    prepared = read_prepared(folder)
    parts = [prepared.indices(1, part) for part in (TRAIN, VALIDATION, TEST)]
    assert sorted(np.concatenate(parts).tolist()) == list(range(60))
    assert (splits[1, parts[2]] == TEST).all()
    with pytest.raises(ValueError, match="one of the 3"):
        prepared.indices(3, TEST)


def test_missing_data_is_reported_with_the_command_that_makes_it(tmp_path):
    with pytest.raises(UserError, match="make it with `convtrack prepare`"):
        read_prepared(tmp_path / "absent")


@pytest.mark.parametrize(
    "file", ["manifest.json", "images.json", "pixels.npy", "labels.npy", "splits.npy", "digests.npy"]
)
@pytest.mark.parametrize("share", [0, 0.5])
def test_a_truncated_file_raises_an_error_with_the_remedy(folder, file, share):
    content = (folder / file).read_bytes()
    (folder / file).write_bytes(content[: int(share * len(content))])
    with pytest.raises(UserError, match=rf"{file} is damaged or .* Delete it and run `dvc repro`"):
        _ = read_prepared(folder).names


def test_a_manifest_of_another_version_raises_an_error_with_the_remedy(folder):
    manifest = folder / "manifest.json"
    manifest.write_text(json.dumps({"name": "few", "settings": {"data": {}}}))
    (folder / "digests.json").unlink()
    for keys in (["subgroups"], ["settings", "split"]):
        values = read_manifest(folder)
        with pytest.raises(UserError, match=r"manifest\.json is damaged or comes from another version\. Delete it"):
            for key in keys:
                values = values[key]


def test_the_manifest_is_indented_json(folder):
    assert json.loads((folder / "manifest.json").read_text())["classes"] == ["sound", "cracked"]
    assert (folder / "manifest.json").read_text().count("\n") > 60
