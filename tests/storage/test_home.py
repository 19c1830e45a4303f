import pytest

from pipeline.storage.folders import CheckpointFolder, ResultFolder, cache_folder
from pipeline.storage.home import dvc_experiment, home, shared_path, temporary_experiment


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with the temporary folder of an experiment, in which a stage of DVC would run."""
    project = tmp_path / "project"
    temporary = project / ".dvc/tmp/exps/tmp123"
    temporary.mkdir(parents=True)
    monkeypatch.chdir(temporary)
    monkeypatch.setenv("DVC_ROOT", str(project))
    monkeypatch.setenv("DVC_EXP_NAME", "tidy-fox")
    return project


def test_the_home_of_a_stage_in_a_temporary_folder_is_the_project(project):
    assert home() == project
    assert temporary_experiment() == "tidy-fox"


def test_a_temporary_folder_shares_the_results_and_checkpoints_of_the_project(project):
    assert cache_folder() == project / ".convtrack"
    assert ResultFolder.stored("f00d").folder == project / ".convtrack/results/f00d"
    assert CheckpointFolder.of("f00d").folder == project / ".convtrack/checkpoints/f00d"


def test_in_a_project_in_a_subfolder_of_a_repository_the_stage_runs_in_the_same_subfolder(project, monkeypatch):
    subfolder = project / ".dvc/tmp/exps/standalone/tmp123/projects/cells"
    subfolder.mkdir(parents=True)
    monkeypatch.chdir(subfolder)
    assert home() == project
    assert shared_path(subfolder / "data/images") == project / "data/images"


def test_the_temporary_folders_may_be_on_another_disk(project, tmp_path, monkeypatch):
    (project / ".dvc/tmp").rename(tmp_path / "disk")
    (project / ".dvc/tmp").symlink_to(tmp_path / "disk")
    monkeypatch.chdir(project / ".dvc/tmp/exps/tmp123")
    assert home() == project


@pytest.mark.parametrize("folder", ["", ".dvc", "elsewhere"])
def test_in_any_other_folder_the_home_is_the_current_folder(project, folder, monkeypatch):
    (project / folder).mkdir(exist_ok=True)
    monkeypatch.chdir(project / folder)
    assert str(home()) == "." and str(cache_folder()) == ".convtrack"
    assert temporary_experiment() is None and dvc_experiment() == "tidy-fox"
    assert shared_path(project / "data") == project / "data"


def test_another_project_below_the_temporary_folder_of_a_project_is_on_its_own(project, monkeypatch):
    monkeypatch.delenv("DVC_ROOT")
    assert str(home()) == "."
