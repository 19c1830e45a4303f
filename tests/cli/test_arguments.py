from pathlib import Path

import pytest

from pipeline.cli.arguments import check_arguments, config_folders, is_search
from pipeline.cli.help import help_template
from pipeline.errors import UserError


def error_message(*arguments):
    with pytest.raises(UserError) as caught:
        check_arguments(arguments)
    return str(caught.value)


@pytest.fixture
def own_folder(tmp_path):
    """A folder of configuration files outside the project, with one model."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "mine.yaml").write_text("architecture: lenet5\n")
    return tmp_path


def test_a_sweep_needs_the_option_m():
    assert error_message("sweep=small") == "`sweep=…` runs many trials, which needs `-m`: add `-m`."
    for option in ("-m", "--multirun", "--help", "--cfg"):
        check_arguments(["sweep=small", option])


def test_a_sweep_needs_its_own_sweeper():
    assert "remove `hydra/sweeper=basic`" in error_message("-m", "sweep=small", "hydra/sweeper=basic")
    check_arguments(["-m", "sweep=small", "hydra/sweeper=convtrack_optuna"])


def test_only_an_override_of_the_group_makes_a_sweep():
    assert is_search(["-m", "sweep=small"])
    assert not is_search(["-m", "model=lenet5,resnet8"])


def test_a_pattern_without_a_match_is_rejected_with_the_available_names():
    assert error_message("split=glob(nothing*)") == (
        "No split matches 'nothing*'. Available: group, kfold, kfold_tuned, random, resampled, tuning."
    )
    check_arguments(["model=glob(lenet*)", "split=glob('k*')", "model=lenet5"])


@pytest.mark.parametrize("form", [["--config-dir", "{}"], ["--config-dir={}"], ["-cd", "{}"]])
def test_a_pattern_may_match_a_users_own_file(own_folder, form):
    option = [part.format(own_folder) for part in form]
    assert config_folders(option) == [Path("conf"), own_folder]
    check_arguments(["model=glob(min*)", *option])
    assert "Available: convnext" in error_message("model=glob(none*)", *option)
    assert "mine" in error_message("model=glob(none*)", *option)


@pytest.mark.parametrize("arguments", [[], ["-c", "job"], ["--cfg", "job"], ["-m", "model=a,b"]])
def test_other_options_do_not_set_the_configuration_folder(arguments):
    assert config_folders(arguments) == [Path("conf")]


def test_help_lists_the_users_own_files(own_folder):
    assert "mine" in help_template("build", [Path("conf"), own_folder])
    assert "mine" not in help_template("build", [Path("conf")])
