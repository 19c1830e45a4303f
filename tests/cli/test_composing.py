import shutil
from pathlib import Path

import pytest

from pipeline.cli.composing import arguments_of, composed
from pipeline.errors import UserError

ROOT = Path(__file__).parents[2]
SETTINGS = {
    "replicates": 3,
    "models": ["lenet5"],
    "baselines": [],
    "primary_metric": "matthews",
    "margin": 0.01,
    "workers": None,
}


def test_every_registered_metric_can_be_the_primary_one():
    assert arguments_of(["primary_metric"], SETTINGS, {}) == {"primary_metric": "matthews"}


def test_an_unknown_primary_metric_is_rejected_before_any_work():
    with pytest.raises(UserError, match=r"^Unknown metric 'mathews'\. Did you mean 'matthews'\?"):
        arguments_of(["replicates"], SETTINGS | {"primary_metric": "mathews"}, {})


def test_an_unknown_baseline_is_rejected_before_any_work_with_the_list():
    with pytest.raises(UserError) as error:
        arguments_of(["replicates"], SETTINGS | {"baselines": ["grey_level"]}, {})
    assert str(error.value) == (
        "Unknown baseline 'grey_level'. Did you mean 'grey_levels'? Available: grey_levels, most_frequent."
    )


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        (
            "optimizer/sgd.yaml",
            "name: SGD\nlearning_rate: fast\noptions: {}\nschedule: null\n",
            "In conf/optimizer/sgd.yaml: `optimizer.learning_rate`",
        ),
        ("split/group.yaml", "str", "In conf/split/group.yaml: Unknown setting 'split.str'."),
        ("audit.yaml", "", "conf/audit.yaml has no settings. Restore the file"),
        ("config.yaml", "", "In conf/config.yaml: `"),
        (
            "model/lenet5.yaml",
            "# @package _global_\nmodel:\n  architecture: lenet5\ntraining:\n  epochs: 0\n",
            "In conf/model/lenet5.yaml: `training.epochs` must be an integer at least 1",
        ),
        (
            "model/lenet5.yaml",
            "# @package _global_\ntraining:\n  epochs: 1\n",
            "conf/model/lenet5.yaml has no settings `model`",
        ),
        ("sweep/small.yaml", "", "conf/sweep/small.yaml has no settings, or no line `# @package"),
    ],
)
def test_a_fault_in_a_file_names_the_file(tmp_path, monkeypatch, file, text, message):
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    shutil.copy(ROOT / "tests/comparison.yaml", tmp_path / "conf")
    (tmp_path / "conf" / file).write_text(text)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as error:
        composed("experiment", ["model=lenet5", *(["sweep=small"] if "sweep" in file else [])])
    assert message in str(error.value)


def test_a_fault_of_the_command_line_names_no_file():
    with pytest.raises(UserError, match=r"^`training\.epochs` must be"):
        composed("experiment", ["model=lenet5", "training.epochs=0"])
