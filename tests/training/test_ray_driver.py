"""The driver of trainings on a cluster, with a stand-in for Ray whose nodes give the replies of a script."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline.errors import UserError
from pipeline.storage.digests import intact, recorded_digests
from pipeline.storage.folders import CheckpointFolder
from pipeline.training import ray_driver
from pipeline.training.ray_node import Finished, Lacking, Unsuitable, Update
from pipeline.training.shipped_files import Damaged, digests
from pipeline.training.task import Progress

RECORD = json.dumps({"commit": "none", "dirty": False, "kept_loss": 0.5}).encode()
RESULT = {"record.json": RECORD, "kept.weights.h5": b"weights", "snapshots/image-0.png": b"png"}
FINISHED = Finished(RESULT, digests(RESULT))


class RayError(Exception):
    pass


class NodeDiedError(RayError):
    pass


class RayTaskError(RayError):
    pass


class Cluster:
    """The parts of Ray that the driver uses. Each order takes the next script: replies, or exceptions to raise."""

    exceptions = SimpleNamespace(RayError=RayError, RayTaskError=RayTaskError)

    def __init__(self, scripts, cpus=(1, 1), busy=0):
        self.scripts = iter(scripts)
        self.busy = busy
        self.cpus = cpus
        self.orders, self.options, self.put_pieces = [], [], []

    def nodes(self):
        return [{"NodeID": str(n), "Alive": True, "Resources": {"CPU": cpu}} for n, cpu in enumerate(self.cpus)]

    def remote(self, **options):
        def remote(order):
            self.options.append(options)
            self.orders.append(order)
            return iter(next(self.scripts))

        return lambda function: SimpleNamespace(remote=remote)

    def available_resources(self):
        return {} if self.busy else {"CPU": sum(self.cpus)}

    def wait(self, replies, *, num_returns, timeout):
        if self.busy:
            self.busy -= 1
            return [], replies
        return replies[:num_returns], replies[num_returns:]

    def put(self, piece):
        self.put_pieces.append(piece)
        return piece

    def get(self, reply):
        if isinstance(reply, Exception):
            raise reply
        return reply


@pytest.fixture
def drive(project, monkeypatch):
    """Train on a stand-in; return it and the progress that was passed on."""

    def driven(tasks, *scripts, **options):
        cluster, passed = Cluster(scripts, **options), []
        monkeypatch.setattr(ray_driver, "_ray", cluster)
        monkeypatch.setattr(ray_driver, "_outbox", SimpleNamespace(put=passed.append))
        ray_driver.train(tasks, predict=True)
        return cluster, passed

    return driven


def update(epochs, *, last=False, files=None, kernels=None):
    history = [{"val/loss": 0.5, "seconds": 1.0} for _ in range(epochs)]
    return Update(Progress(0, history, last=last), kernels, None, files or {})


def test_a_result_is_stored_under_its_fingerprint_with_the_commit_of_the_project(drive, tasks, monkeypatch):
    task = tasks()[0]
    drive([task], [update(1, files={"state.npz": b"state"}), FINISHED])
    assert json.loads(task.result.record.read_bytes())["kept_loss"] == 0.5
    assert task.result.weights.read_bytes() == b"weights"
    assert task.result.snapshots.image(0).read_bytes() == b"png"
    assert not CheckpointFolder.of(task.fingerprint).folder.exists()
    assert intact(task.result.folder) and recorded_digests(task.result.folder).keys() == RESULT.keys()


def test_progress_has_the_pictures_of_the_node(drive, tasks):
    _, (passed, _) = drive(tasks()[:1], [update(1, files={"k.png": b"png"}, kernels="k.png"), update(2), FINISHED])
    assert passed.kernels == CheckpointFolder.of(tasks()[0].fingerprint).folder / "k.png"


def test_a_training_whose_node_dies_starts_again_from_the_checkpoint_that_has_arrived(drive, tasks, capfd):
    files = {"state.npz": b"state"}
    cluster, passed = drive(
        tasks()[:1],
        [update(1), update(2, files=files), update(3), NodeDiedError("gone")],
        [update(3), update(4), FINISHED],
    )
    assert cluster.orders[1].checkpoint == files
    assert [len(one.history) for one in passed] == [1, 2, 3, 4], "no epoch is reported twice"
    assert "replicate 1 starts again on another node (NodeDiedError)" in capfd.readouterr().out


def test_a_training_that_is_killed_again_and_again_is_given_up(drive, tasks):
    deaths = [[NodeDiedError("out of memory")]] * ray_driver.MOST_DEATHS
    with pytest.raises(UserError, match=r"replicate 1 was killed 3 times on the Ray cluster \(out of memory\)"):
        drive(tasks()[:1], *deaths)


def test_a_result_that_arrives_damaged_is_not_stored(drive, tasks):
    damaged = Finished({**RESULT, "kept.weights.h5": b"Weights"}, digests(RESULT))
    drive(tasks()[:1], [damaged], [FINISHED])
    assert tasks()[0].result.weights.read_bytes() == b"weights"


def test_a_training_whose_images_arrive_damaged_starts_again(drive, tasks, capfd):
    class Both(RayTaskError, Damaged):
        cause = Damaged("pixels arrived damaged")

    drive(tasks()[:1], [Both("a traceback")], [FINISHED])
    assert tasks()[0].result.weights.read_bytes() == b"weights"
    assert "replicate 1 starts again on another node (Damaged)" in capfd.readouterr().out


def test_files_that_arrive_damaged_again_and_again_are_reported(drive, tasks):
    with pytest.raises(
        UserError, match=r"^Files of .* replicate 1 arrived damaged 3 times .* \(pixels arrived damaged\)"
    ):
        drive(tasks()[:1], *[[Damaged("pixels arrived damaged")]] * 3)


def test_other_errors_of_a_node_are_not_taken_for_its_death(drive, tasks):
    with pytest.raises(RayTaskError):
        drive(tasks()[:1], [RayTaskError("a bug")])


def test_a_cluster_that_is_busy_is_reported_once(drive, tasks, capfd, monkeypatch):
    monkeypatch.setattr(ray_driver, "LOOK_INTERVAL", 0)
    drive(tasks()[:1], [update(1), FINISHED], busy=3)
    drive(tasks()[1:2], [update(1), FINISHED])
    assert capfd.readouterr().out.count("Waiting for the Ray cluster: it does not have 1 CPU free.") == 1


def test_the_code_is_recorded_when_it_is_sent(monkeypatch):
    order = []
    monkeypatch.setattr(ray_driver, "process_code", lambda: order.append("recorded"))
    monkeypatch.setattr(ray_driver, "connect_to_ray", lambda settings: order.append("sent"))
    monkeypatch.setattr(ray_driver, "_ray", None)
    ray_driver.connect("auto")
    assert order == ["recorded", "sent"]


def test_images_are_put_into_the_object_store_once_and_only_if_a_node_lacks_them(drive, tasks):
    both = tasks()
    cluster, _ = drive(both, [FINISHED], [FINISHED])
    assert cluster.put_pieces == []
    lacking = [Lacking(cluster.orders[0].folders[0].digest)]
    cluster, _ = drive(both, lacking, lacking, [FINISHED], [FINISHED])
    assert sorted(cluster.put_pieces) == sorted(file.read_bytes() for file in both[0].prepared.iterdir())
    assert [bool(order.references) for order in cluster.orders] == [False, False, True, True]


def test_initial_weights_are_sent_as_a_file_of_their_own(drive, tasks, project):
    weights = project / "initial_weights.npz"
    weights.write_bytes(b"initial")
    cluster, _ = drive(tasks(initial_weights=weights)[:1], [FINISHED])
    assert [set(folder.files) for folder in cluster.orders[0].folders[1:]] == [{"initial_weights.npz"}]


def test_a_node_that_would_compute_other_bits_is_left_out(drive, tasks, capfd):
    cluster, _ = drive(tasks()[:1], [Unsuitable("0", "old", "device sse instead of avx2")], [FINISHED])
    assert [options["label_selector"] for options in cluster.options] == [None, {"ray.io/node-id": "!in(0)"}]
    assert "The node old is not used, because its results would differ: device sse" in capfd.readouterr().out


def test_without_a_suitable_node_the_message_lists_all(drive, tasks):
    unsuitable = [[Unsuitable(name, name, "device sse instead of avx2")] for name in "01"]
    with pytest.raises(UserError, match=r"Not used: 0: device sse instead of avx2; 1: device sse"):
        drive(tasks()[:1], *unsuitable, [])


def test_an_error_of_a_training_is_the_same_as_on_this_machine(drive, tasks):
    class Both(RayTaskError, UserError):
        cause = UserError("The training diverged.")

    with pytest.raises(UserError, match=r"^The training diverged\.$"):
        drive(tasks()[:1], [Both("a traceback")])


@pytest.mark.parametrize(("cpus", "threads", "count"), [((1, 1), 1, 2), ((4, 8), 3, 3), ((0, 2), 1, 2)])
def test_the_number_of_parallel_trainings_is_that_of_the_cpus_of_each_node(monkeypatch, cpus, threads, count):
    monkeypatch.setattr(ray_driver, "_ray", Cluster([], cpus))
    assert ray_driver.slots(threads) == count


def test_a_cluster_without_room_for_a_training_is_reported(monkeypatch):
    monkeypatch.setattr(ray_driver, "_ray", Cluster([], (1, 0)))
    with pytest.raises(UserError, match=r"^No node of the Ray cluster has 2 CPUs, which one training needs\."):
        ray_driver.slots(2)


def test_a_running_training_of_the_cluster_is_watched_as_one_of_the_driver(drive, tasks):
    from pipeline.storage.processes import this_process

    files = {"snapshots/training.json": json.dumps({"process": "another machine"}).encode()}
    with pytest.raises(UserError):
        drive(
            tasks()[:1],
            [update(0, files=files), *[NodeDiedError("gone")]],
            [NodeDiedError("gone")],
            [NodeDiedError("")],
        )
    folder = CheckpointFolder.of(tasks()[0].fingerprint)
    assert json.loads(Path(folder.snapshots.training).read_bytes())["process"] == this_process()
