import json

import numpy as np
import pytest
from PIL import Image

from pipeline.storage.folders import InterpretationFolder
from pipeline.tracking.names import COMPARED, INTERPRETATION
from pipeline.tracking.publish.interpretation import publish_interpretation
from pipeline.tracking.publish.model_runs import ModelRuns
from pipeline.tracking.tracker import Tracker
from tests.tracking.conftest import Counting, child, parent


@pytest.fixture
def model_runs(tracker):
    above = parent(tracker)
    children = {number: child(tracker, above, f"beef{number}", number) for number in (0, 1)}
    return ModelRuns(tracker, above, lambda number: children[number], children)


@pytest.fixture
def folder(project):
    """Two replicates that were measured, and one picture."""
    written = InterpretationFolder.of("lenet5")
    written.folder.mkdir(parents=True)
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(written.folder / "1-kernels.png")
    rewrite(written, digest="1", consistencies=(0.5, 0.75))
    return written


def rewrite(folder, *, digest, consistencies):
    measured = [{"replicate": number, "shift_consistency": value} for number, value in enumerate(consistencies)]
    folder.shifts.write_text(json.dumps({"replicates": measured}))
    folder.record.write_text(json.dumps({"digest": digest, "sizes": folder.sizes()}))


def metrics(runs, run):
    return dict(runs.tracker.client.get_run(run).data.metrics)


def files(runs):
    return {file.path for file in runs.tracker.client.list_artifacts(runs.parent, INTERPRETATION)}


def test_every_replicate_gets_its_measurements_and_the_parent_their_mean_and_the_pictures(model_runs, folder):
    publish_interpretation(model_runs, folder)
    assert metrics(model_runs, model_runs.children[1]) == {"test/shift_consistency": 0.75}
    assert metrics(model_runs, model_runs.parent) == {"test/shift_consistency": 0.625}
    assert files(model_runs) == {"interpretation/1-kernels.png", "interpretation/shifts.json"}


def test_a_number_that_is_undefined_for_a_replicate_does_not_count(model_runs, folder):
    rewrite(folder, digest="1", consistencies=(None, 0.75))
    publish_interpretation(model_runs, folder)
    assert metrics(model_runs, model_runs.children[0]) == {}
    assert metrics(model_runs, model_runs.parent) == {"test/shift_consistency": 0.75}


def test_an_interpretation_is_logged_once_and_a_new_one_replaces_it(model_runs, folder):
    publish_interpretation(model_runs, folder)
    counting = Counting(model_runs.tracker.client)
    again = ModelRuns(
        Tracker(counting, model_runs.tracker.experiment),
        model_runs.parent,
        model_runs.create_child,
        model_runs.children,
    )
    publish_interpretation(again, folder)
    assert set(counting.calls) == {"get_run"}
    (folder.folder / "1-kernels.png").rename(folder.folder / "2-maps.png")
    rewrite(folder, digest="2", consistencies=(1.0, 1.0))
    publish_interpretation(again, folder)
    assert metrics(again, again.parent) == {"test/shift_consistency": 1.0}
    assert files(again) == {"interpretation/2-maps.png", "interpretation/shifts.json"}


def test_a_model_without_interpretation_is_left_alone(model_runs, project):
    publish_interpretation(model_runs, InterpretationFolder.of("lenet5"))
    assert metrics(model_runs, model_runs.parent) == {}


def test_an_experiment_in_a_temporary_folder_logs_the_replicates_but_not_the_means_of_the_comparison(
    model_runs, folder, project, temporary_folder
):
    model_runs.tracker.tag(model_runs.parent, {COMPARED: "true"})
    publish_interpretation(model_runs, InterpretationFolder(project / folder.folder))
    assert metrics(model_runs, model_runs.children[1]) == {"test/shift_consistency": 0.75}
    assert metrics(model_runs, model_runs.parent) == {} and files(model_runs) == set()
