"""The data, split and augmentation configurations, found by listing their folders."""

import subprocess
import sys
from dataclasses import fields
from importlib import import_module
from inspect import signature
from pathlib import Path

import numpy as np
import pytest
import yaml

import pipeline.data
from pipeline.augmentation.augment import augment
from pipeline.augmentation.mixing import mixture
from pipeline.config.options import checked_options
from pipeline.config.schema import AugmentationConfig
from pipeline.data.pictures.picture_options import PictureOptions
from pipeline.data.sources import source_names, watched_files
from pipeline.data.splits import STRATEGIES, replicate_splits

CONF = Path(__file__).parents[2] / "conf"


def files(group):
    return sorted((CONF / group).glob("*.yaml"))


def read(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def test_every_source_has_a_configuration():
    assert {read(path)["source"] for path in files("data")} == set(source_names())
    assert set(source_names()) <= {path.stem for path in files("data")}


@pytest.mark.parametrize("path", files("data"), ids=lambda path: path.stem)
def test_options_of_a_data_configuration_are_those_of_its_source(path):
    content = read(path)
    load = import_module(f"pipeline.data.sources.{content['source']}").load
    assert set(checked_options("data source", load, content["options"])) == set(load.__kwdefaults__ or {}) | set(
        content["options"]
    )
    reads_pictures = any(one.kind is one.VAR_KEYWORD for one in signature(load).parameters.values())
    assert not reads_pictures or set(PictureOptions.__annotations__) <= set(content["options"])
    # A setting that the file does not name cannot be changed on the command line.
    assert "groups" in content or "path" not in content["options"]
    assert path.read_text(encoding="utf-8").startswith("# ")


@pytest.mark.parametrize("path", files("data"), ids=lambda path: path.stem)
def test_the_files_of_every_source_are_watched_with_its_own_options(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for folder in ("data/images", ".keras/datasets", ".keras/datasets/fashion-mnist"):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        for name in ("a.png", "table.csv", "images.npz", "mnist.npz", "train_x.h5", "t10k-labels-idx1-ubyte"):
            (tmp_path / folder / name).write_bytes(b"four")
    content = read(path)
    watched = watched_files(content["source"], content["options"])
    # A source that reads a package has no `watched`, because the files of a package do not change.
    reads_files = hasattr(import_module(f"pipeline.data.sources.{content['source']}"), "watched")
    assert bool(watched) == reads_files
    assert all((size, modified) == (4, Path(file).stat().st_mtime_ns) for file, size, modified in watched)


def test_every_strategy_has_a_configuration_with_the_same_keys():
    assert sorted(path.stem for path in files("split")) == sorted([*STRATEGIES, "kfold_tuned"])
    assert len({tuple(read(path)) for path in files("split")}) == 1


@pytest.mark.parametrize("path", files("split"), ids=lambda path: path.stem)
def test_every_split_configuration_gives_splits(path, few):
    rows = replicate_splits(labels=few.labels, groups=few.groups, strata=few.subgroups, replicates=2, **read(path))
    assert rows.shape == (2, 60)


@pytest.mark.parametrize("path", files("augmentation"), ids=lambda path: path.stem)
def test_every_augmentation_configuration_can_be_applied(path):
    content = read(path)
    mixing = {name: content.pop(name) for name in ("mixup", "cutmix")}
    images = np.zeros((2, 8, 8, 1), np.uint8)
    assert augment(images, np.random.default_rng(0), **content).shape == images.shape
    if any(mixing.values()):
        assert mixture(np.random.default_rng(0), 2, 8, 8, **mixing).inputs(images / 255).shape == images.shape


def test_every_augmentation_configuration_names_all_settings_in_one_order():
    settings = [one.name for one in fields(AugmentationConfig)]
    assert [path.stem for path in files("augmentation") if list(read(path)) != settings] == []


def test_every_augmentation_setting_has_a_configuration_that_uses_it():
    used = {name for path in files("augmentation") for name, value in read(path).items() if value}
    assert used == {one.name for one in fields(AugmentationConfig)}


def test_no_module_of_the_data_package_imports_tensorflow():
    folder = Path(pipeline.data.__file__).parent
    modules = [
        ".".join(("pipeline.data", *path.relative_to(folder).with_suffix("").parts)).removesuffix(".__init__")
        for path in folder.rglob("*.py")
    ]
    assert len(modules) > 10
    code = "import importlib, sys\n" + "".join(f"importlib.import_module({name!r})\n" for name in modules)
    code += "print(*({'tensorflow', 'keras', 'pandas', 'sklearn'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=CONF.parent)
    assert done.stdout.split() == []
