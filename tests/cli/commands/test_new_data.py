"""`convtrack new-data` describes images and writes their configuration."""

import os
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from PIL import Image

from pipeline.cli.commands import new_data
from pipeline.cli.composing import composed
from pipeline.config.reading import read_comparison
from pipeline.errors import UserError
from pipeline.storage.folders import WATCHED

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    folder = tmp_path / "project"
    shutil.copytree(ROOT / "conf", folder / "conf")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def photos(tmp_path):
    for name in ("ok", "defect"):
        (tmp_path / "Photos 2024" / name).mkdir(parents=True)
        for number in range(6):
            pixels = np.random.default_rng(number).integers(0, 256, (9, 9, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "Photos 2024" / name / f"{number}.png")
    return tmp_path / "Photos 2024"


def test_without_compare_the_comparison_is_unchanged_and_the_next_step_is_shown(photos, capsys):
    before = Path("conf/comparison.yaml").read_bytes()
    new_data.main([str(photos)])
    assert Path("conf/comparison.yaml").read_bytes() == before
    printed = capsys.readouterr().out
    assert "conf/data/photos_2024.yaml" in printed
    assert "data: photos_2024" in printed


def test_with_compare_the_comparison_uses_the_data_and_models_that_were_not_tuned_on_other_images(photos):
    new_data.main([str(photos), "boards", "--compare"])
    comparison = read_comparison()
    assert (comparison.data, comparison.split) == ("boards", "kfold")
    for model in comparison.models:
        # A recipe sets other sections than the model.
        assert set(yaml.safe_load(Path(f"conf/model/{model}.yaml").read_text())) <= {"architecture", "options"}
    data = composed("prepare", [])["data"]
    assert (data.name, data.groups, data.options["positive"]) == ("boards", "auto", "defect")
    assert yaml.safe_load(WATCHED.read_text())["watched"]["path"] == str(photos)


def test_a_stated_test_set_is_compared_with_the_split_that_keeps_it(tmp_path):
    arrays = {f"{part}_images": np.zeros((6, 8, 8), np.uint8) for part in ("train", "val", "test")}
    arrays |= {f"{part}_labels": np.arange(6) % 2 for part in ("train", "val", "test")}
    np.savez(tmp_path / "lungs.npz", **arrays)
    new_data.main([str(tmp_path / "lungs.npz"), "--compare"])
    assert (read_comparison().data, read_comparison().split) == ("lungs", "group")


def test_an_existing_configuration_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(UserError, match=r"conf/data/digits.yaml exists: .* choose another name"):
        new_data.main([str(tmp_path / "missing"), "digits"])


@pytest.mark.parametrize("name", ["2024", "a b", "null", "../x"])
def test_an_invalid_name_is_refused(photos, name):
    with pytest.raises(UserError, match="Start it with a letter"):
        new_data.main([str(photos), name])


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("Solar cells (2024)", "solar_cells_2024"),
        ("2024", "images_2024"),
        ("写真", "images"),
        ("no", "images_no"),
        ("v1.5", "v1_5"),
    ],
)
def test_a_name_is_derived_from_the_folder(tmp_path, photos, path, name, capsys):
    photos.rename(tmp_path / path)
    new_data.main([str(tmp_path / path)])
    assert Path(f"conf/data/{name}.yaml").is_file()


def test_outside_of_a_project_nothing_is_written(photos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="folder of the project"):
        new_data.main([str(photos)])


@pytest.mark.parametrize("path", [".", "..", "runs", "data/prepared", "reports/x"])
def test_the_folder_of_the_project_and_its_results_are_refused(path):
    for name in ("ok", "defect"):
        picture = Path(path) / name / "a.png"
        picture.parent.mkdir(parents=True)
        Image.new("L", (4, 4)).save(picture)
    with pytest.raises(UserError, match="contains files that this project writes, or is one of them: move the images"):
        new_data.main([path, "mine"])
    assert not Path("conf/data/mine.yaml").exists()


def test_a_table_beside_the_results_of_the_project_is_refused(photos):
    shutil.copytree(photos, "photos")
    names = [path.as_posix() for path in Path("photos").rglob("*.png")]
    Path("labels.csv").write_text("path,label\n" + "".join(f"{name},{name[7:9]}\n" for name in names))
    with pytest.raises(UserError, match=r"^'\.' contains files that this project writes"):
        new_data.main(["labels.csv"])


def test_nested_columns_and_very_long_paths_in_a_table_are_no_faults(photos, capsys):
    names = [path.relative_to(photos).as_posix() for path in photos.rglob("*.png")]
    nested = {"meta": [{"a": 1}] * 13, "list": [[1, 2]] * 13}
    table = {"path": [*names, "x" * 5000 + ".png"], "label": [*(name[:2] for name in names), "ok"]}
    pq.write_table(pa.table(table | nested), photos / "t.parquet")
    new_data.main([str(photos / "t.parquet")])
    assert "12 images in 2 classes" in capsys.readouterr().out


def test_pipes_are_named_because_dvc_waits_for_them(photos, capsys):
    os.mkfifo(photos / "ok" / "pipe.png")
    new_data.main([str(photos)])
    assert "remove or rename 'ok/pipe.png' before `make repro`" in " ".join(capsys.readouterr().out.split())


def test_a_folder_that_holds_only_a_link_to_itself_is_opened_once(tmp_path, capsys):
    (tmp_path / "chain").mkdir()
    (tmp_path / "chain" / "again").symlink_to(".")
    with pytest.raises(UserError, match=r"/chain' must contain at least two class folders"):
        new_data.main([str(tmp_path / "chain")])
    assert "again" not in capsys.readouterr().out
