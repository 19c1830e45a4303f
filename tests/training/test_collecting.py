import json

import pytest

from pipeline.storage.folders import ResultFolder, RunFolder
from pipeline.training.collecting import collect
from pipeline.training.outputs import write_outputs


@pytest.fixture
def trained(project, tasks):
    """The tasks of two replicates with results as a training writes them; the second has the lower loss."""
    both = tasks(epochs=1)
    for task, loss in zip(both, (0.5, 0.25), strict=True):
        task.result.folder.mkdir(parents=True)
        task.result.history.write_text("epoch,train/loss,val/loss,train/accuracy,val/accuracy\n1,1,1,0,0\n")
        task.result.record.write_text(json.dumps({"kept_loss": loss}))
        for file in (task.result.weights, task.result.network):
            file.write_bytes(b"0")
    return both


def test_only_the_best_network_is_collected_and_no_temporary_file(trained):
    (trained[1].result.folder / ".123-network.keras").write_bytes(b"0")
    run = RunFolder.of("tiny")
    collect(run, "tiny", trained, {})
    results = [run.result(replicate) for replicate in (0, 1)]
    assert [result.network.exists() for result in results] == [False, True]
    assert all(result.weights.exists() for result in results)
    assert not list(run.train.rglob(".*"))


@pytest.mark.parametrize("content", [b"", b"garbage", None])
def test_a_damaged_file_of_a_result_is_computed_again(tmp_path, content):
    result = ResultFolder(tmp_path)
    write_outputs(result.network, {1: [[[0.5]]], 2: [[[0.25]]]})
    result.latency.write_text('{"seconds_per_image": 0.5}')
    assert result.exported and result.timed
    if content is None:
        content = bytearray(result.network.read_bytes())
        content[150] ^= 255
    result.network.write_bytes(content)
    result.latency.write_bytes(b"{}" if content else b"")
    assert not result.exported and not result.timed
