"""`dvc exp run --queue` and `--temp`: DVC runs experiments in temporary folders, which it deletes.

They take minutes, because DVC starts about twenty stages and commands, each of which imports TensorFlow or MLflow.
`tests/storage/test_home.py` and the tests of data and tracking check the parts without DVC.
"""

import os
import sys
import time

import numpy as np
import pytest
from PIL import Image

from pipeline.storage.home import EXPERIMENTS
from tests.conftest import mlflow_client

pytestmark = [
    pytest.mark.timeout(1800),
    pytest.mark.skipif(
        "CONVTRACK_DVC_EXPERIMENTS" not in os.environ, reason="takes ten minutes; `make test-experiments` runs it"
    ),
]


def runs(project):
    """All runs of the project's store."""
    client = mlflow_client(project.folder / "mlflow.db")
    return client.search_runs([one.experiment_id for one in client.search_experiments()])


def compared(project):
    return {run.info.run_id for run in runs(project) if run.data.tags.get("convtrack.compared") == "true"}


def looks(folder):
    (file,) = folder.glob("*.looks.csv")
    return len(file.read_text().splitlines()) - 1


def wait_for_queue(project):
    for _ in range(300):
        shown = project.run("dvc", "queue", "status")
        if "Running" not in shown and "Queued" not in shown:
            return shown
        time.sleep(1)
    raise TimeoutError(shown)


def test_two_queued_experiments_at_once_keep_their_trainings_and_leave_the_comparison_alone(project):
    project.run(sys.executable, "-m", "pipeline", "publish")
    before, trained = compared(project), len(list((project.folder / ".convtrack/results").iterdir()))
    for name, setting in (("longer", "epochs=2"), ("smaller", "batch_size=16")):
        setting = f"conf/training/lecture.yaml:{setting}"
        project.run("dvc", "exp", "run", "--queue", "--name", name, "-S", setting, "evaluate@fully_connected")
    try:
        project.run("dvc", "queue", "start", "--jobs", "2")
        assert wait_for_queue(project).count("Success") == 2
    finally:
        project.run("dvc", "queue", "stop", "--kill")
    assert not list((project.folder / EXPERIMENTS).glob("tmp*"))
    assert project.run("git", "status", "--porcelain") == ""
    assert len(list((project.folder / ".convtrack/results").iterdir())) == trained + 4
    for name in ("longer", "smaller"):
        own = [run.info for run in runs(project) if run.data.tags.get("convtrack.dvc_experiment") == name]
        assert sorted(one.run_name for one in own) == [
            "fully_connected",
            "fully_connected replicate 1",
            "fully_connected replicate 2",
        ]
        assert {one.status for one in own} == {"FINISHED"}
        assert all(one.artifact_uri.startswith(f"{project.folder.as_uri()}/mlartifacts/") for one in own)
    assert compared(project) == before

    project.run("dvc", "exp", "apply", "longer")
    assert project.repro("evaluate@fully_connected") == set()
    assert looks(project.folder / "data/test_sets") == 3
    published = project.run(sys.executable, "-m", "pipeline", "publish")
    assert "data/test_sets/digits.looks.csv lacked 1 use" in published
    assert looks(project.folder / "data/test_sets") == 4
    assert len(compared(project) & before) == len(before) - 1


def test_the_report_and_the_champion_of_an_experiment_are_published_after_it_is_applied(project):
    settings = ("-S", "conf/champion.yaml:model=lecture_cnn", "-S", "conf/champion.yaml:why=tried")
    shown = project.run("dvc", "exp", "run", "--temp", "--name", "chosen", *settings)
    advice = "`dvc exp apply chosen`, then `convtrack publish`"
    assert f"To show this one: {advice}" in shown and f"To register this one: {advice}" in shown
    client = mlflow_client(project.folder / "mlflow.db")
    assert {run.info.run_name.split(" replicate")[0] for run in runs(project)} == {
        "fully_connected",
        "lecture_cnn",
        "grey_levels",
    }
    assert compared(project) == set() and client.search_registered_models() == []
    project.run("dvc", "exp", "apply", "chosen")
    project.run(sys.executable, "-m", "pipeline", "publish")
    assert len(compared(project)) == 4
    assert client.get_model_version_by_alias("digits", "champion").version == 1


@pytest.fixture
def untracked_images(project):
    """The project with its own images, which git ignores, as the data `own`; it compares others."""
    for number in range(40):
        file = project.folder / f"data/images/{'ab'[number % 2]}/{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8), 6 * number, np.uint8)).save(file)
    own = project.folder / "conf/data/own.yaml"
    own.write_text((project.folder / "conf/data/folder.yaml").read_text())
    project.change("conf/data/own.yaml", options__size=8, options__channels=1, options__path="data/images")
    project.commit()
    return project


def test_an_experiment_with_other_data_reads_untracked_images_of_the_project(untracked_images):
    project = untracked_images
    shown = project.run(
        "dvc", "exp", "run", "--temp", "--name", "own", "-S", "conf/comparison.yaml:data=own", "prepare"
    )
    assert "own: 40 images" in shown
    assert len(list((project.folder / ".convtrack/pictures").glob("*/pixels.bin"))) == 1
    project.run("dvc", "exp", "apply", "own")
    assert "path: data/images" in (project.folder / "data/watched.yaml").read_text()
    # The applied experiment watches the images of the project from now on.
    assert project.repro("prepare") == {"prepare"}
    assert project.repro("prepare") == set()


@pytest.mark.parametrize("how", ["copied", "tracked by DVC", "missing"])
def test_images_that_dvc_watches_are_copied_or_tracked_or_not_needed(untracked_images, how):
    project = untracked_images
    project.change("conf/comparison.yaml", data="own")
    project.run("convtrack", "repair")
    if how == "tracked by DVC":
        project.run("dvc", "add", "--quiet", "data/images")
    project.repro("plan")
    project.commit()
    experiment = ("dvc", "exp", "run", "--temp", "-S")
    if how == "missing":
        shown = project.run(*experiment, "conf/comparison.yaml:margin=0.02", "--allow-missing", "plan")
        assert "Running stage" not in shown
        return
    options = ("--copy-paths", "data/images") if how == "copied" else ()
    shown = project.run(*experiment, "conf/comparison.yaml:replicates=3", *options, "prepare")
    assert "Running stage 'prepare'" in shown and "own: 40 images" in shown
    assert len(list((project.folder / ".convtrack/pictures").glob("*/pixels.bin"))) == 1
