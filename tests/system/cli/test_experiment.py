"""An experiment from the command line: it runs to its end, and finished trainings are reused."""

import pytest


@pytest.fixture(scope="module")
def project(new_project):
    """One project for all runs, so that the second run finds the results of the first."""
    return new_project()


@pytest.fixture(scope="module")
def debugged(project):
    """The output of the first run of the experiment `debug`."""
    return project.run("experiment", "experiment=debug").output()


def test_the_experiment_debug_trains_one_replicate_for_two_epochs(debugged):
    assert "epoch  2/2" in debugged
    assert debugged.splitlines()[-1].startswith("lecture_cnn on digits: validation loss ")


def test_the_second_run_reuses_the_first(project, debugged):
    before = project.files()
    output = project.run("experiment", "experiment=debug").output()
    assert output.splitlines() == [
        "lecture_cnn: reusing 1 of 1 replicates, which are already trained",
        debugged.splitlines()[-1],
    ]
    assert project.files() == before


def test_one_model_and_one_replicate_are_in_the_store(project, debugged):
    assert sorted(run.info.run_name for run in project.runs()) == ["lecture_cnn", "lecture_cnn replicate 1"]
    assert {run.info.status for run in project.runs()} == {"FINISHED"}


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        (
            "model.options.filters=[4,4,4,4]",
            "Layer 'pool4' (MaxPooling2D, 2×2) does not fit its 1×1 input. Architecture lecture_cnn needs images "
            "larger than 8×8, or other options.",
        ),
        (
            "optimizer.name=SDG",
            "Unknown optimizer 'SDG'. Did you mean 'SGD'? Available: Adadelta, Adafactor, Adagrad, A",
        ),
        (
            "model=two_inputs",
            "Architecture two_inputs needs images with at least 2 subgroups, such as the types of solar modules of "
            "`data: elpv`. Received 0.",
        ),
        (
            "model=siamese training.class_weights=balanced",
            "`training.class_weights: balanced` needs a network that predicts the class of an image, but this one "
            "predicts 'same'. Set it to none.",
        ),
    ],
)
def test_an_error_that_only_keras_detects_leaves_no_run(project, debugged, override, sentence):
    before, known = project.files(), len(project.runs())
    assert project.run("experiment", "experiment=debug", *override.split()).error_message().startswith(sentence)
    assert project.files() == before
    assert len(project.runs()) == known


def test_finished_trainings_survive_a_full_disk(new_project, tmp_path):
    # Only root could fill a disk, so the fifth checkpoint raises the error of a full disk.
    (tmp_path / "sitecustomize.py").write_text(
        "import errno, pathlib\n"
        "move, seen = pathlib.Path.replace, []\n"
        "def replace(self, target):\n"
        "    seen.extend([target] if pathlib.Path(target).name == 'state.npz' else [])\n"
        "    if len(seen) == 5:\n"
        "        raise OSError(errno.ENOSPC, 'No space left on device', str(target))\n"
        "    return move(self, target)\n"
        "pathlib.Path.replace = replace\n"
    )
    project = new_project()
    command = ("experiment", "model=fully_connected", "data=digits", "training.epochs=3", "replicates=2")
    path = f"{tmp_path}:{project.variables['PYTHONPATH']}"
    sentence = project.run(*command, python=(), PYTHONPATH=path).error_message()
    assert sentence.startswith("The disk is full: no space left to write .convtrack/checkpoints/")
    assert sentence.endswith("state.npz. Free some space and run the same command again; finished work is kept.")
    assert {run.info.run_name: run.info.status for run in project.runs()} == {
        "fully_connected": "FAILED",
        "fully_connected replicate 1": "FAILED",
        "fully_connected replicate 2": "FAILED",
    }

    output = project.run(*command).output()
    assert "fully_connected: reusing 1 of 2 replicates, which are already trained" in output
    assert "replicate 2/2  epoch  2/3" in output
    assert {run.info.status for run in project.runs()} == {"FINISHED"}


def test_a_job_that_changes_its_folder_still_works_in_the_project(new_project):
    project = new_project()
    command = ("experiment", "model=fully_connected", "data=digits", "training.epochs=1", "hydra.job.chdir=true")
    project.run(*command).output()
    assert (project.folder / "mlflow.db").is_file()
    assert not list((project.folder / "outputs").rglob("mlflow.db"))
    assert not list((project.folder / "outputs").rglob(".convtrack"))


def test_a_model_outside_the_project_is_reached_by_name_and_by_pattern(new_project, tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "mine.yaml").write_text("architecture: fully_connected\n")
    project = new_project()
    options = ("data=digits", "training.epochs=1", "--config-dir", str(tmp_path))
    assert "mine on digits" in project.run("experiment", "model=mine", *options).output()
    result = project.run("experiment", "-m", "model=glob(min*)", *options)
    assert result.code == 0, result.stderr
