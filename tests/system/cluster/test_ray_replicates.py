"""`workers: ray`: replicates on a Ray cluster whose nodes do not see the project's folder, one of which is killed.

Two minutes on two idle cores, because two clusters start, and every node imports TensorFlow.
"""

import importlib.util
import shutil
import signal
import subprocess
import sys
from collections import Counter
from typing import NamedTuple

import h5py
import numpy as np
import pandas as pd
import psutil
import pytest

from pipeline.storage.files import read_json
from pipeline.storage.folders import ResultFolder, RunFolder
from tests.conftest import Project
from tests.system.sweeping.servers import (
    RAY,
    WITHOUT_FOLDER,
    ending,
    kill_tree,
    ray_cluster,
    run_states,
    tree,
    until,
)

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None or not RAY.exists(), reason="Ray is not installed: the extra `ray`"
)

MODEL, REPLICATES, EPOCHS = "lecture_cnn", 6, 12
TRAIN = ("train", f"model={MODEL}", f"training.epochs={EPOCHS}")


def can_hide(folder):
    """Whether this machine lets a process have file systems of its own."""
    return subprocess.run([*WITHOUT_FOLDER, str(folder), "true"], capture_output=True, check=False).returncode == 0


def started(project, *arguments):
    """Start a command of the project."""
    return subprocess.Popen(
        [sys.executable, "-m", "pipeline", *arguments],
        cwd=project.folder,
        env=project.variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def on_cluster(project, folder, cluster):
    """A copy of a project whose replicates train on a cluster."""
    shutil.copytree(project.folder, folder, dirs_exist_ok=True)
    copy = Project(folder, cluster.environment)
    copy.edit("conf/config.yaml", "workers: null", "workers: ray")
    copy.edit("conf/config.yaml", "address: auto", f"address: {cluster.address}")
    return copy


def states(cluster, node):
    """The checkpoints on a node."""
    return list(cluster.temporary(node).glob("convtrack-*/.convtrack/checkpoints/*/state.npz"))


def weights(result):
    """Every array of a file of weights, by name."""
    found = {}
    with h5py.File(result.weights) as file:
        file.visititems(lambda name, item: found.update({name: item[()]} if isinstance(item, h5py.Dataset) else {}))
    return found


@pytest.fixture(scope="module")
def prepared(new_project):
    """A project whose images are prepared and whose network is built."""
    project = new_project()
    for old, new in {
        "data: elpv": "data: digits",
        "split: group": "split: random",
        "replicates: 4": f"replicates: {REPLICATES}",
        "primary_metric: roc_auc": "primary_metric: accuracy",
    }.items():
        project.edit("conf/comparison.yaml", old, new)
    for command in (("prepare",), ("plan",), ("build", f"model={MODEL}")):
        project.run(*command).output()
    return project


class Trained(NamedTuple):
    """A project that was trained on a cluster, what it printed, and what each node received."""

    project: Project
    output: str
    errors: str
    received: dict[int, list[str]]


@pytest.fixture(scope="module")
def trained(prepared, tmp_path_factory):
    """Train on two nodes, kill the second in a training, and let a third one join."""
    folder = tmp_path_factory.mktemp("project")
    if not can_hide(folder):
        pytest.skip("this machine does not allow file systems of a process")
    with ray_cluster(tmp_path_factory.mktemp("nodes"), hidden=folder) as cluster:
        project = on_cluster(prepared, folder, cluster)
        with ending(started(project, *TRAIN)) as training:
            until(lambda: states(cluster, 1), seconds=240, process=training)
            kill_tree(cluster.second)
            cluster.join(hidden=folder)
            output, errors = training.communicate(timeout=480)
        assert training.returncode == 0, output + errors
        received = {
            node: [file.name for file in cluster.temporary(node).glob("convtrack-*/files/*/pixels.npy")]
            for node in range(3)
        }
    return Trained(project, output, errors, received)


def test_a_training_on_a_killed_node_starts_again_on_another(trained):
    assert trained.output.count("starts again on another node") == 1


def test_messages_of_ray_do_not_reach_the_user(trained):
    assert trained.errors == "" and "raylet" not in trained.output


def test_each_node_gets_the_images_once_also_one_that_joins_late(trained):
    assert trained.received == {0: ["pixels.npy"], 1: ["pixels.npy"], 2: ["pixels.npy"]}


def test_replicates_of_a_cluster_have_the_bits_of_local_ones(trained, prepared, tmp_path):
    local_project = Project(shutil.copytree(prepared.folder, tmp_path, dirs_exist_ok=True))
    local_project.run(*TRAIN).output()
    for number in range(REPLICATES):
        cluster, local = (
            ResultFolder(one.folder / RunFolder.of(MODEL).result(number).folder)
            for one in (trained.project, local_project)
        )
        assert read_json(cluster.record)["fingerprint"] == read_json(local.record)["fingerprint"]
        ours, theirs = weights(local), weights(cluster)
        assert ours and ours.keys() == theirs.keys()
        for name, values in ours.items():
            np.testing.assert_array_equal(theirs[name], values)
        with np.load(local.outputs) as one, np.load(cluster.outputs) as other:
            assert {name: one[name].tobytes() for name in one} == {name: other[name].tobytes() for name in other}
        histories = [pd.read_csv(one.history).drop(columns="seconds") for one in (local, cluster)]
        pd.testing.assert_frame_equal(*histories, check_exact=True)


def test_every_epoch_of_a_cluster_is_in_mlflow_once_and_no_run_stays_running(trained):
    assert Counter(run_states(trained.project.folder)) == {"FINISHED": 1 + REPLICATES}
    store = trained.project.store
    for run in trained.project.runs():
        steps = [one.step for one in store.get_metric_history(run.info.run_id, "train/loss")]
        assert steps == ([] if "mlflow.parentRunId" not in run.data.tags else list(range(1, EPOCHS + 1)))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with ray_cluster(tmp_path_factory.mktemp("nodes")) as started_cluster:
        yield started_cluster


def endless(project, cluster, epochs):
    """Start a training that does not end; return it, and whether both nodes have trained an epoch."""
    before = {*states(cluster, 0), *states(cluster, 1)}
    training = started(project, "train", f"model={MODEL}", f"training.epochs={epochs}")
    return training, lambda: len({*states(cluster, 0), *states(cluster, 1)} - before) >= 2


def workers(cluster):
    """The processes of all nodes that train, as Ray names them."""
    processes = [process for node in cluster.nodes for process in tree(node)]
    return [process for process in processes if "train_on_node" in " ".join(process.cmdline())]


def test_ctrl_c_ends_the_trainings_on_the_nodes(prepared, cluster, tmp_path):
    project = on_cluster(prepared, tmp_path, cluster)
    training, both_train = endless(project, cluster, 10_000)
    with ending(training):
        until(both_train, seconds=240, process=training)
        training_now = workers(cluster)
        training.send_signal(signal.SIGINT)
        training.communicate(timeout=60)
    assert training_now and psutil.wait_procs(training_now, timeout=30)[1] == []
    assert set(run_states(project.folder)) == {"KILLED"}


def test_a_head_that_dies_gives_one_sentence_and_no_run_stays_running(prepared, cluster, tmp_path):
    """The last test of the cluster. Ray waits for its head for some seconds."""
    project = on_cluster(prepared, tmp_path, cluster)
    training, both_train = endless(project, cluster, 10_001)
    with ending(training):
        until(both_train, seconds=240, process=training)
        kill_tree(cluster.head)
        _, errors = training.communicate(timeout=120)
    assert errors.startswith(f"convtrack: The Ray cluster at {cluster.address} no longer responds. "), errors
    assert errors.count("\n") == 1
    assert set(run_states(project.folder)) == {"FAILED"}
