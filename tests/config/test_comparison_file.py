"""Editing conf/comparison.yaml keeps its comments and all other values."""

import shutil
from pathlib import Path

import pytest
import yaml

from pipeline.config import comparison_file
from pipeline.config.reading import read_comparison
from pipeline.errors import UserError

CONF = Path(__file__).parents[2] / "conf"
COMPARISON = Path(__file__).parents[1] / "comparison.yaml"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The folder of a project, as working directory."""
    shutil.copytree(CONF, tmp_path / "conf")
    shutil.copy(COMPARISON, tmp_path / "conf")
    monkeypatch.chdir(tmp_path)


COMPARISONS = {
    "as it is": COMPARISON.read_text(),
    "in one line": "models: [lenet5, resnet8] # two\n",
    "with comments": "models:\n  # small\n  - lenet5 # 1998\n\n  - resnet8 # deep\n  # and more\nmargin: 0.01\n",
    "without indentation": "models:\n- lenet5\n- 'resnet8'\n# the end\n",
    "on a line of its own": "models:\n  -\n    lenet5\n  -\n    resnet8\nmargin: 0.01\n",
    "without an end": "models:\n  - lenet5\n  - resnet8",
    "with the ends of lines of Windows": "# both\r\nmodels:\r\n  - lenet5\r\n  - resnet8\r\nmargin: 0.01\r\n",
}


@pytest.mark.parametrize("written", COMPARISONS)
def test_a_model_is_added_after_the_last_and_every_comment_stays(written):
    before = COMPARISONS[written]
    after = comparison_file.with_model(before, "best")
    values = yaml.safe_load(before)
    assert yaml.safe_load(after) == {**values, "models": [*values["models"], "best"]}
    assert after.replace(", best", "").replace("- best", "").split() == before.split()
    if "\n" in before.replace("\r\n", ""):
        assert "\r" not in after
    else:
        assert "\n" not in after.replace("\r\n", "")
    if written != "in one line":
        lines = after.splitlines()
        assert lines[next(place for place, line in enumerate(lines) if "resnet8" in line) + 1].strip() == "- best"


def test_a_model_is_added_to_the_comparison_once():
    shutil.copy("conf/model/lenet5.yaml", "conf/model/best.yaml")
    before = read_comparison()
    assert comparison_file.add_to_comparison("best")
    once = Path("conf/comparison.yaml").read_bytes()
    assert read_comparison().models == (*before.models, "best")
    assert not comparison_file.add_to_comparison("best")
    assert Path("conf/comparison.yaml").read_bytes() == once


def test_a_comparison_that_cannot_be_edited_is_not_changed(monkeypatch):
    shutil.copy("conf/model/lenet5.yaml", "conf/model/best.yaml")
    before = Path("conf/comparison.yaml").read_bytes()
    monkeypatch.setattr(comparison_file, "with_model", lambda text, name: text + "margin: 1.0\n")
    with pytest.raises(UserError, match="add best to its models by hand"):
        comparison_file.add_to_comparison("best")
    assert Path("conf/comparison.yaml").read_bytes() == before


@pytest.mark.parametrize("written", [name for name in COMPARISONS if name != "as it is"])
def test_data_split_and_models_are_replaced_and_other_lines_stay(written):
    before = "data: elpv # cells\nsplit: group\n" + COMPARISONS[written].replace("\r\n", "\n")
    before = before if "\r" not in COMPARISONS[written] else before.replace("\n", "\r\n")
    after = comparison_file.with_data(before, "photos", "kfold", ["vgg_bn", "resnet10"])
    changed = {"data": "photos", "split": "kfold", "models": ["vgg_bn", "resnet10"]}
    assert yaml.safe_load(after) == yaml.safe_load(before) | changed
    assert [line for line in before.splitlines() if line.startswith(("#", "margin"))] == [
        line for line in after.splitlines() if line.startswith(("#", "margin"))
    ]


def test_the_projects_own_comparison_can_use_other_data():
    shutil.copy(CONF / "comparison.yaml", "conf")
    comments = Path("conf/comparison.yaml").read_text().count("\n#")
    comparison_file.compare_data("digits", "kfold", ["lenet5"])
    compared = read_comparison()
    assert (compared.data, compared.split, compared.models) == ("digits", "kfold", ("lenet5",))
    text = Path("conf/comparison.yaml").read_text()
    assert text.count("\n#") == comments
    assert "recipe" not in text, "a comment about the earlier models stays"
