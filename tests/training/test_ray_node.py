"""The work of a node, in this process and without Ray."""

import tempfile
from dataclasses import replace

import pytest

from pipeline.errors import UserError
from pipeline.storage.folders import ResultFolder
from pipeline.training import ray_node, runtime
from pipeline.training.ray_node import Finished, Lacking, Order, Unsuitable, Update, train_on_node
from pipeline.training.shipped_files import SentFolder, digests, unpack
from pipeline.training.task import computing

# Keras' variables do not implement the `copy` argument of `__array__`, which NumPy 2 expects.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)


@pytest.fixture
def node(tmp_path, monkeypatch, tensorflow):
    """Let a node do its work in an empty folder for temporary files, and collect its replies."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(runtime, "start_tensorflow", lambda threads: tensorflow)
    monkeypatch.setattr(ray_node, "_node", lambda: "6f")
    monkeypatch.setattr(ray_node, "_fetched", lambda content: content)

    def replies(order, *, name="node"):
        (tmp_path / name).mkdir(exist_ok=True)
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / name))
        return list(train_on_node(order))

    return replies


def order_of(task, **changes):
    sent = SentFolder.of(task.prepared)
    return replace(Order(task, (sent,), {}, {}, computing(task.architecture), predict=True), **changes)


def elsewhere(sent, tmp_path):
    """These files, as a node without a shared file system sees them."""
    return replace(sent, place=tmp_path / "elsewhere")


@pytest.fixture
def outcome_of(tmp_path, outcome):
    """The outcome of a result that was received as bytes."""

    def of(finished):
        assert digests(finished.files) == finished.digests
        folder = tmp_path / f"received-{len(list(tmp_path.iterdir()))}"
        unpack(finished.files, folder)
        return outcome(ResultFolder(folder))

    return of


def test_a_node_reports_every_epoch_and_then_the_result(node, tasks, tmp_path):
    *updates, finished = node(order_of(tasks(epochs=3)[0]))
    assert [len(update.progress.history) for update in updates] == [0, 1, 2, 3]
    assert updates[0].kernels in updates[0].files
    assert {"kept.weights.h5", "history.csv", "record.json", "outputs.npz"} <= set(finished.files)
    assert not list(tmp_path.glob("node/*/.convtrack/results/*")), "the result is the driver's"


def test_a_result_has_no_outputs_unless_they_are_needed(node, tasks):
    *_, finished = node(order_of(tasks(epochs=1)[0], predict=False))
    assert "outputs.npz" not in finished.files


def test_a_node_without_the_images_reports_that_and_trains_once_they_are_sent(node, tasks, tmp_path, outcome_of):
    order = order_of(tasks(epochs=2)[0])
    *_, expected = node(order)
    sent = elsewhere(order.folders[0], tmp_path)
    order = replace(order, folders=(sent,))
    assert node(order) == [Lacking(sent.digest)]
    contents = {name: [(order.task.prepared / name).read_bytes()] for name in sent.files}
    *_, finished = node(replace(order, references={sent.digest: contents}))
    assert outcome_of(finished) == outcome_of(expected)
    assert isinstance(node(order)[-1], Finished), "the node keeps the images"


def test_a_training_resumes_on_another_node_from_a_checkpoint_that_was_sent(node, tasks, monkeypatch, outcome_of):
    monkeypatch.setattr(ray_node, "CHECKPOINT_INTERVAL", 0)
    order = order_of(tasks(epochs=6, keep="best")[0])
    *updates, expected = node(order)
    checkpoint = {}
    for update in updates[:4]:
        checkpoint |= update.files
    assert "state.npz" in checkpoint
    *rest, finished = node(replace(order, checkpoint=checkpoint), name="another")
    assert [len(update.progress.history) for update in rest] == [4, 5, 6]
    assert outcome_of(finished) == outcome_of(expected)


def test_a_large_checkpoint_stays_on_its_node(node, tasks, monkeypatch):
    monkeypatch.setattr(ray_node, "CHECKPOINT_INTERVAL", 0)
    monkeypatch.setattr(ray_node, "LARGEST_CHECKPOINT", 10)
    replies = node(order_of(tasks(epochs=2)[0]))
    assert not any("state.npz" in reply.files for reply in replies if isinstance(reply, Update))


def test_a_node_that_would_compute_other_bits_does_not_train(node, tasks):
    order = order_of(tasks(epochs=2)[0])
    (reply,) = node(replace(order, computing={**order.computing, "device": "x86_64 sse"}))
    assert isinstance(reply, Unsuitable) and reply.node == "6f"
    assert reply.difference.endswith(" instead of x86_64 sse")


def test_an_error_of_a_training_is_raised_by_the_node(node, tasks):
    with pytest.raises(UserError, match=r"`training\.batch_size` must be at most"):
        node(order_of(tasks(batch_size=43)[0]))


def test_a_full_disk_of_a_node_is_reported_with_its_name(node, tasks, monkeypatch):
    def full(*arguments, **options):
        raise OSError(28, "No space left on device", "state.npz")

    monkeypatch.setattr(ray_node, "_train", full)
    with pytest.raises(UserError, match=r"^The node \S+ cannot read or write state\.npz \(No space left on device\)\."):
        node(order_of(tasks()[0]))
