"""Train replicates on a Ray cluster on this machine: its efficiency, and how far one driver scales.

A node has one CPU, and there are as many nodes as cores. The same trainings take place on one node and on all. The
time includes the connection, the start of the workers and the import of TensorFlow. The efficiency with more nodes is
computed from the measured constants.

    python -m benchmarks.many_machines       # 12 minutes on 2 idle cores
"""

import os
import shutil
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import chdir, closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import psutil

from benchmarks.command import run_part
from benchmarks.measurements import Measurement, of_rounds
from pipeline.cli.composing import composed
from pipeline.console import say
from pipeline.counts import number_of
from pipeline.data.prepared import read_manifest
from pipeline.data.prepared_cache import prepared_folder
from pipeline.networks.describe import make_network
from pipeline.storage.files import read_json
from pipeline.storage.folders import cache_folder
from pipeline.training.pools import RayPool
from pipeline.training.shipped_files import SentFolder
from pipeline.training.task import Progress, Task, make_tasks
from tests.system.sweeping.servers import Cluster, ray_cluster

ROUNDS = 3
TRAINING = ("data=mnist_sample", "split=random", "model=lecture_cnn", "training.epochs=20", "audit.margin=0.5")
EACH = 2
"""Trainings per node when all nodes are used."""
GOAL = 0.85
BANDWIDTH = 125e6
"""Bytes per second that one driver sends and receives: a network of 1 Gbit/s."""
NODES = (10, 100, 1_000)
LONG = 600.0
"""Seconds of a longer training, for comparison."""
MEGABYTE = 1e6


class Constants(NamedTuple):
    """What was measured: the first two in seconds of wall time, `driver` in seconds of CPU time per training.

    `start` is the time until the first worker trains, `training` that of a training with its predictions. `images` are
    the bytes that a node gets, `result` those that a training returns.
    """

    start: float
    training: float
    driver: float
    images: float
    result: float


class Timed(NamedTuple):
    """One run on a cluster: seconds in all, seconds until the first progress, and the driver's CPU seconds after it."""

    seconds: float
    start: float
    driver: float


def efficiency(constants: Constants, nodes: int, each: int) -> float:
    """The share of the time in which `nodes` nodes train, with `each` trainings on each.

    The nodes start together and get the images one after the other from the driver. Then either the nodes or the
    driver, which receives all results, limits the pace.

    >>> efficiency(Constants(start=10, training=90, driver=0.1, images=0, result=0), nodes=1, each=1)
    0.9
    >>> efficiency(Constants(start=10, training=90, driver=0.1, images=0, result=0), nodes=1800, each=1)
    0.47...
    """
    received = max(constants.driver, constants.result / BANDWIDTH)
    work = each * max(constants.training, nodes * received)
    return each * constants.training / (constants.start + nodes * constants.images / BANDWIDTH + work)


def measure(rounds: int) -> Iterator[Measurement]:
    """Yield the efficiency, the constants, and the efficiencies that follow from them."""
    cores = os.cpu_count() or 1
    single, several = [], []
    conf = Path("conf").resolve()
    with TemporaryDirectory() as scratch, chdir(scratch):
        Path("conf").symlink_to(conf)
        tasks = _tasks(EACH * cores)
        images = SentFolder.of(tasks[0].prepared).size
        for round_ in range(rounds):
            single.append(_on_nodes(1, tasks))
            several.append(_on_nodes(cores, tasks))
            say(f"round {round_ + 1} of {rounds}: {single[-1].seconds:.0f} s, {several[-1].seconds:.0f} s")
        result = statistics.mean(sum(file.stat().st_size for file in _files(task)) for task in tasks)
    yield of_rounds(
        "many_machines",
        f"efficiency of {cores} nodes with one thread, {len(tasks)} trainings",
        [one.seconds / (cores * all_.seconds) for one, all_ in zip(single, several, strict=True)],
        unit="%",
        goal=GOAL,
        higher_is_better=True,
        ours=f"{statistics.median(one.seconds for one in several):.0f} s",
        peer=f"one node: {statistics.median(one.seconds for one in single):.0f} s",
    )
    training = [(one.seconds - one.start) / len(tasks) for one in single]
    start, driver = [one.start for one in single], [one.driver / len(tasks) for one in single]
    yield of_rounds("many_machines", "start until the first training", start, unit="s")
    yield of_rounds("many_machines", "a training with its predictions", training, unit="s")
    yield of_rounds("many_machines", "CPU time of the driver per training", [1000 * one for one in driver], unit="ms")
    yield Measurement("many_machines", "images that a node gets", images / MEGABYTE, unit="MB")
    yield Measurement("many_machines", "result that a training returns", result / MEGABYTE, unit="MB")
    constants = Constants(*map(statistics.median, (start, training, driver)), images, result)
    yield from _computed(constants)


def _computed(constants: Constants) -> Iterator[Measurement]:
    for seconds in (constants.training, LONG):
        for nodes in NODES:
            for each in (1, 10):
                share = efficiency(constants._replace(training=seconds), nodes, each)
                trainings = number_of(each, "training")
                name = f"computed: {nodes:,} nodes, {trainings} of {seconds:.0f} s each"
                yield Measurement("many_machines", name, share, unit="%", higher_is_better=True)


def _tasks(replicates: int) -> list[Task]:
    sections = composed("experiment", TRAINING)
    folder = prepared_folder(sections["data"], sections["split"], sections["audit"], replicates)
    network = make_network(sections["model"], read_manifest(folder))
    chosen = {name: sections[name] for name in ("optimizer", "training", "augmentation")}
    return make_tasks(network.architecture, folder, replicates, **chosen)


def _on_nodes(count: int, tasks: Sequence[Task]) -> Timed:
    """Train everything on a new cluster with so many nodes."""
    shutil.rmtree(cache_folder() / "results", ignore_errors=True)
    with TemporaryDirectory() as folder, ray_cluster(Path(folder), count) as cluster:
        os.environ.update(cluster.environment)
        first: list[tuple[float, float]] = []

        def on_progress(progress: Progress) -> None:
            if not first:
                first.append((time.perf_counter(), _driver_seconds(cluster)))

        began = time.perf_counter()
        with closing(RayPool(cluster.address)) as pool:
            pool.start()
            pool.train(tasks, on_progress=on_progress)
            ended, driver = time.perf_counter(), _driver_seconds(cluster)
    (first_seconds, first_driver) = first[0]
    assert all(read_json(task.result.record) for task in tasks)
    return Timed(ended - began, first_seconds - began, driver - first_driver)


def _driver_seconds(cluster: Cluster) -> float:
    """The CPU time of this process's children without the nodes."""
    nodes = {node.pid for node in cluster.nodes}
    times = [child.cpu_times() for child in psutil.Process().children() if child.pid not in nodes]
    return float(sum(one.user + one.system for one in times))


def _files(task: Task) -> list[Path]:
    return [file for file in task.result.folder.rglob("*") if file.is_file()]


if __name__ == "__main__":
    run_part("many_machines")
