"""A survey finds what was put into the images, and its data configuration loads them."""

import gzip
import json

import numpy as np
import pytest
import yaml
from PIL import Image

from pipeline.config.reading import read
from pipeline.config.schema import DataConfig
from pipeline.data.sources import load_images
from pipeline.data.survey.data_file import write_data_file
from pipeline.data.survey.layout import survey
from pipeline.data.survey.survey_text import proposed_split, survey_lines
from pipeline.errors import UserError


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    folder = tmp_path / "project"
    (folder / "conf/data").mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


def save(file, pixels=None, **options):
    file.parent.mkdir(parents=True, exist_ok=True)
    if pixels is None:
        pixels = np.random.default_rng(len(str(file))).integers(0, 256, (12, 16, 3), np.uint8)
    Image.fromarray(pixels).save(file, **options)


def surveyed(path):
    return survey(path, report=lambda line: None)


def options(found):
    return {option.name: option.value for option in found.options if not option.suspected}


def written(found, name="mine"):
    """The written data configuration, checked as Hydra's result is checked."""
    content = yaml.safe_load(write_data_file(name, found).read_text(encoding="utf-8"))
    return read(DataConfig, content, "data", given={"name": name})


def class_folders(root):
    for name, count in (("intact", 9), ("cracked", 3)):
        for number in range(count):
            save(root / name / f"{number}.png")
    return root


def split_folders(root):
    for part, count in (("Train", 4), ("val", 2), ("TEST", 3)):
        for name in ("löwe <1>", "a: b"):
            for number in range(count):
                save(root / part / name / f"{number}.png")
    return root


def semicolon_table(root):
    rows = ["\ufeffDatei;Patient-ID;Diagnose;Alter"]
    for number in range(24):
        save(root / "scans" / f"{number}.png")
        rows.append(f"{number}.png;P{number // 4};{'krank' if number % 4 == 0 else 'gesund'};{number}")
    (root / "export.csv").write_text("\r\n".join(rows), encoding="utf-8")
    return root


def medmnist_file(root):
    parts = {"train": 12, "val": 4, "test": 6}
    arrays = {f"{part}_images": np.zeros((count, 8, 8), np.uint8) for part, count in parts.items()}
    arrays |= {f"{part}_labels": np.arange(count)[:, None] % 3 for part, count in parts.items()}
    np.savez(root / "mnist.npz", **arrays)
    return root / "mnist.npz"


def hdf5_folder(root):
    import h5py

    for part in ("train", "valid", "test"):
        with h5py.File(root / f"cam_{part}_x.h5", "w") as x, h5py.File(root / f"cam_{part}_y.h5", "w") as y:
            x["x"] = np.zeros((6, 8, 8, 3), np.uint8)
            y["y"] = (np.arange(6) % 2).reshape(6, 1, 1, 1)
    return root


def idx_folder(root):
    for part, count in (("train", 8), ("t10k", 4)):
        sizes = np.array([count, 5, 5], ">u4").tobytes()
        with gzip.open(root / f"{part}-images-idx3-ubyte.gz", "wb") as stream:
            stream.write(b"\0\0\x08\x03" + sizes + bytes(count * 25))
        (root / f"{part}-labels-idx1-ubyte").write_bytes(
            b"\0\0\x08\x01" + sizes[:4] + bytes(number % 2 for number in range(count))
        )
    return root


LAYOUTS = {
    class_folders: ("folder", {"cracked": 3, "intact": 9}, {}),
    split_folders: ("folder", {"a: b": 9, "löwe <1>": 9}, {"train": 8, "validation": 4, "test": 6}),
    semicolon_table: ("table", {"gesund": 18, "krank": 6}, {}),
    medmnist_file: ("npz", {"0": 8, "1": 7, "2": 7}, {"train": 12, "validation": 4, "test": 6}),
    hdf5_folder: ("hdf5", {"0": 9, "1": 9}, {"train": 6, "validation": 6, "test": 6}),
    idx_folder: ("idx", {"0": 6, "1": 6}, {"train": 8, "test": 4}),
}


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
def test_the_written_configuration_loads_the_images_that_the_survey_found(layout, tmp_path):
    (tmp_path / "data").mkdir()
    found = surveyed(layout(tmp_path / "data"))
    source, classes, parts = LAYOUTS[layout]
    assert (found.source, dict(found.classes), dict(found.parts)) == (source, classes, parts)
    data = written(found)
    images = load_images(data.source, data.options)
    counts = np.bincount(images.labels).tolist()
    assert dict(zip(images.classes, counts, strict=True)) == classes
    assert (images.test is not None) == bool(parts)
    assert images.test is None or images.test.sum() == parts["test"]
    assert proposed_split(found) == ("group" if parts else "kfold")


def test_a_table_shows_which_column_holds_what(tmp_path):
    found = surveyed(semicolon_table(tmp_path))
    columns = {"root": tmp_path / "scans", "picture": "Datei", "label": "Diagnose", "group": "Patient-ID"}
    assert options(found) == columns | {"size": [12, 16], "channels": 3, "positive": "krank", "unreadable": "skip"}
    assert any("Unused columns: 'Alter'" in fact for fact in found.facts)


def test_the_folder_of_absolute_paths_in_a_table_is_found(tmp_path):
    for number in range(6):
        save(tmp_path / "pictures" / "deep" / f"{number}.png")
    rows = [f"{tmp_path}/pictures/deep/{number}.png,{'ab'[number % 2]}" for number in range(6)]
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "t.csv").write_text("\n".join(["file,label", *rows]))
    found = surveyed(tmp_path / "lists" / "t.csv")
    assert found.images == 6 and options(found)["root"] == tmp_path / "pictures" / "deep"
    assert len(load_images("table", written(found).options).labels) == 6


def test_paths_that_lead_out_of_the_folder_of_a_table_are_refused(tmp_path):
    save(tmp_path / "pictures" / "1.png")
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "t.csv").write_text("file,label\n../pictures/1.png,a\n../pictures/1.png,b")
    with pytest.raises(UserError, match=r"without '\.\.'"):
        surveyed(tmp_path / "lists" / "t.csv")


def test_rows_without_picture_or_class_are_listed(tmp_path):
    table = semicolon_table(tmp_path) / "export.csv"
    table.write_text(table.read_text(encoding="utf-8") + "\r\nx.png;P1;krank;3\r\n3.png;P1;;3", encoding="utf-8")
    lines = list(survey_lines(surveyed(table)))
    assert "  1 file does not exist: row 26 (x.png)" in lines
    assert "Not used: 2 rows." in lines


def test_hidden_unreadable_and_other_files_are_counted_with_the_reason(tmp_path):
    data = class_folders(tmp_path / "data")
    (data / "intact/broken.jpg").write_bytes(b"no picture")
    (data / "intact/empty.png").write_bytes(b"")
    (data / "notes.txt").write_text("x")
    save(data / "intact/.thumbnails/1.png")
    lines = "\n".join(survey_lines(surveyed(data)))
    assert "Not used: 4 files." in lines
    for name in ("intact/broken.jpg", "intact/empty.png", "notes.txt", "intact/.thumbnails/"):
        assert name in lines


@pytest.mark.parametrize(
    ("values", "limits"),
    [
        (np.array([[0, 4000]], np.uint16), [0, 4095]),
        (np.array([[0, 60000]], np.uint16), [0, 65535]),
        (np.array([[0.0, 0.5]], np.float32), [0, 1]),
        (np.array([[-1000.0, 3000.0]], np.float32), [-1000, 3000]),
    ],
    ids=["12 bits", "16 bits", "fractions", "Hounsfield units"],
)
def test_the_range_of_deep_pictures_is_stated(tmp_path, values, limits):
    for number in range(4):
        save(tmp_path / "ab"[number % 2] / f"{number}.tif", values + values.dtype.type(0))
    found = surveyed(tmp_path)
    assert (options(found)["value_range"], options(found)["channels"]) == (limits, 1)
    assert load_images("folder", written(found).options).pixels.shape == (4, 1, 2, 1)


def test_white_drawings_on_transparent_pixels_get_a_black_background(tmp_path):
    drawing = np.full((20, 20, 4), 255, np.uint8)
    drawing[5:, :, 3] = 0
    for number in range(4):
        save(tmp_path / "ab"[number % 2] / f"{number}.png", drawing)
    found = surveyed(tmp_path)
    assert options(found)["background"] == "black"
    assert np.ptp(load_images("folder", written(found).options).pixels[0:4]) == 255


def test_grey_photographs_that_are_stored_in_colour_get_one_channel(tmp_path):
    for number in range(4):
        grey = np.random.default_rng(number).integers(0, 256, (30, 30, 1), np.uint8)
        save(tmp_path / "ab"[number % 2] / f"{number}.jpg", grey.repeat(3, axis=2))
    assert options(surveyed(tmp_path))["channels"] == 1


@pytest.mark.parametrize(
    ("shapes", "size", "resize"),
    [
        ([(28, 28)], 28, None),
        ([(300, 300)], 64, None),
        ([(480, 640)], [56, 72], None),
        ([(480, 640), (640, 480)], 64, "stretch"),
    ],
)
def test_the_size_fits_the_shapes_of_the_pictures(tmp_path, shapes, size, resize):
    for number in range(8):
        save(tmp_path / "ab"[number % 2] / f"{number}.png", np.zeros((*shapes[number // 2 % len(shapes)], 3), np.uint8))
    assert (options(surveyed(tmp_path))["size"], options(surveyed(tmp_path)).get("resize")) == (size, resize)


def test_a_suspected_pattern_is_a_comment_that_works_when_it_is_removed(tmp_path):
    for number in range(24):
        save(tmp_path / ("sick" if number < 12 else "well") / f"patient-{number // 3}_{number % 3}.png")
    file = write_data_file("mine", surveyed(tmp_path))
    text = file.read_text(encoding="utf-8")
    assert "group_pattern" not in yaml.safe_load(text)["options"]
    used = yaml.safe_load(text.replace("  # group_pattern", "  group_pattern"))
    assert len(set(load_images("folder", used["options"]).groups)) == 8


def test_a_class_that_is_too_small_for_the_split_is_named(tmp_path):
    assert any("'cracked' (3)" in line for line in survey_lines(surveyed(class_folders(tmp_path))))


def test_files_at_which_dvc_stops_are_named(tmp_path):
    class_folders(tmp_path)
    (tmp_path / "intact/gone.png").symlink_to(tmp_path / "nowhere.png")
    assert any(line.startswith("DVC fails") and "intact/gone.png" in line for line in survey_lines(surveyed(tmp_path)))


def test_a_file_is_never_overwritten(tmp_path, project):
    (project / "conf/data/mine.yaml").write_text("mine")
    with pytest.raises(UserError, match="exists"):
        write_data_file("mine", surveyed(class_folders(tmp_path / "data")))
    assert (project / "conf/data/mine.yaml").read_text() == "mine"


def test_a_path_inside_the_project_is_written_relative_to_it(project):
    found = surveyed(class_folders(project / "data/my images"))
    assert written(found).options["path"] == "data/my images"


def test_a_single_folder_around_the_class_folders_is_opened(tmp_path):
    class_folders(tmp_path / "download" / "images")
    assert surveyed(tmp_path / "download").path == tmp_path / "download" / "images"


def test_a_readme_and_the_folders_of_systems_beside_a_single_folder_do_not_matter(tmp_path):
    class_folders(tmp_path / "download" / "images")
    save(tmp_path / "download" / "__MACOSX" / "images" / "1.png")
    (tmp_path / "download" / "README.txt").touch()
    assert surveyed(tmp_path / "download").path == tmp_path / "download" / "images"


def test_a_table_is_used_if_the_folders_of_a_split_hold_no_classes(tmp_path):
    for number in range(6):
        save(tmp_path / "cells" / "train" / f"{number}.png")
        save(tmp_path / "cells" / "test" / f"{number}.png")
    rows = [f"{number}.png,{'ok' if number % 2 else 'cracked'}" for number in range(6)]
    (tmp_path / "cells" / "train.csv").write_text("\n".join(["id,label", *rows]))
    found = surveyed(tmp_path / "cells")
    assert (found.source, found.images) == ("table", 6)


def test_packed_files_are_named(tmp_path):
    (tmp_path / "cam").mkdir()
    (tmp_path / "cam" / "train_x.h5.gz").touch()
    with pytest.raises(UserError, match=r"such as 'train_x\.h5\.gz': unpack them first"):
        surveyed(tmp_path / "cam")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing", None, "does not exist"),
        ("images.zip", b"PK", "Unpack it first"),
        ("images.docx", b"x", "is not a supported file"),
        ("images.npz", b"x", "must be an .npz file"),
        ("images.csv", b"a,b\n1,2\n", "names picture files that exist"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_sentence(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        surveyed(tmp_path / name)


def test_a_folder_without_classes_is_refused(tmp_path):
    save(tmp_path / "1.png")
    with pytest.raises(UserError, match=f"If '{tmp_path.name}' is a class folder, name the folder above it"):
        surveyed(tmp_path)


def test_classes_of_any_name_are_written_so_that_they_are_read_back(tmp_path):
    for name in ("no", "a\nb", "x" * 200):
        for number in range(3):
            save(tmp_path / name / f"{number}.png")
    found = surveyed(tmp_path)
    assert all("\n" not in line for line in survey_lines(found))
    assert json.dumps(written(found).options)
