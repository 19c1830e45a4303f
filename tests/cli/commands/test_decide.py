"""`convtrack decide`: how it estimates the time of the next step."""

import json

import pytest

from pipeline.cli.commands import decide
from pipeline.storage.folders import RunFolder


@pytest.mark.parametrize(("workers", "seconds"), [(1, 100.0), (2, 50.0), (10, 10.0)])
def test_the_estimate_uses_the_configured_number_of_parallel_processes(project, monkeypatch, workers, seconds):
    """Ten trainings of 10 seconds each, as `workers` in conf/config.yaml lets them run side by side."""
    monkeypatch.chdir(project.folder)
    project.edit("conf/comparison.yaml", "replicates: 4", "replicates: auto")
    project.edit("conf/config.yaml", "workers: null", f"workers: {workers}")
    run = RunFolder.of("lenet5")
    for file, content in (
        (run.replicates, {"configuration": {"training": {"threads": 1}}}),
        (run.scores, {"replicates": [{"train_seconds": 10.0}]}),
    ):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content))
    estimated = []
    monkeypatch.setattr(decide, "decide", lambda *, seconds, **_: estimated.append(seconds({"lenet5": 10})))
    decide.main([])
    assert estimated == [seconds]


def test_a_search_that_can_call_no_model_better_is_warned_of_before_anything_is_trained(project, monkeypatch, capsys):
    monkeypatch.chdir(project.folder)
    project.edit("conf/comparison.yaml", "replicates: 4", "replicates: auto")
    project.edit("conf/comparison.yaml", "greatest: 20", "greatest: 3")
    project.edit("conf/comparison.yaml", "least: 10", "least: 2")
    monkeypatch.setattr(decide, "decide", lambda **_: None)
    decide.main([])
    assert capsys.readouterr().out.startswith("Warning: with 2 looks at ")
