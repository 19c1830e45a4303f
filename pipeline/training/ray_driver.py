"""The driver of trainings on a Ray cluster, in a process of its own.

Ray ends the process of a driver, without an exception, if the cluster's head node dies. In a process of its own, the
driver can end without taking the command with it, which then ends its MLflow runs and prints a message.
"""

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from shutil import rmtree
from typing import Any

from pipeline.errors import UserError
from pipeline.storage.digests import write_digests
from pipeline.storage.files import read_json, replacing, replacing_folder, write_json
from pipeline.storage.folders import CheckpointFolder
from pipeline.storage.imports import ROOT
from pipeline.storage.processes import end_with_parent, this_process
from pipeline.storage.provenance import process_code
from pipeline.training.devices import gpus
from pipeline.training.ray_connection import connect_to_ray
from pipeline.training.ray_node import Finished, Lacking, Order, Unsuitable, Update, train_on_node
from pipeline.training.shipped_files import Damaged, SentFolder, digests, packed, unpack
from pipeline.training.task import Task, computing

MOST_DEATHS = 3
"""A training whose process or node died this often is given up: it is hardly a coincidence."""
HEAD_PATIENCE = "20"
"""Seconds without an answer of the head node after which Ray ends this process."""
LOOK_INTERVAL = 5.0
"""Seconds between two looks at which nodes live."""

_outbox: Any = None
_ray: Any = None


def start_driver(outbox: Any) -> None:
    """Prepare this process: progress goes into the queue `outbox`, and the process ends with its parent."""
    global _outbox
    _outbox = outbox
    end_with_parent()
    # Ray reports there what this project reports itself. Exceptions go to the parent.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    sys.stdout = sys.stderr
    os.environ.setdefault("RAY_gcs_rpc_server_reconnect_timeout_s", HEAD_PATIENCE)


def connect(address: str) -> None:
    """Connect this process to the cluster. Workers on the nodes get this project's code.

    Raises:
        UserError: Ray is not installed, or the cluster does not accept the connection.
    """
    global _ray
    process_code()  # Now, because the code may be edited while the nodes train.
    code = {"py_modules": [str(ROOT / "pipeline")], "excludes": ["**/__pycache__"]}
    _ray = connect_to_ray({"address": address, "runtime_env": code})


def slots(threads: int) -> int:
    """How many trainings with so many threads the cluster runs in parallel now: one per GPU, if this machine has any.

    Raises:
        UserError: no node has room for one.
    """
    found = sum(room for _, room in _rooms(threads))
    if not found:
        raise UserError(
            f"No node of the Ray cluster has {_need(threads)}, which one training needs. Start a node with more, or "
            "lower `training.threads`."
        )
    return found


def train(tasks: Sequence[Task], *, predict: bool) -> None:
    """Train all tasks on the nodes of the cluster, and store their results under their fingerprints.

    A training whose node dies starts again on another one, from its last checkpoint that has arrived here.

    Raises:
        UserError: a training failed, its process was killed too often, or no node is suitable.
    """
    _Trainings(predict).run(tasks)


def _say(line: str) -> None:
    print(line, file=sys.__stdout__, flush=True)


def _rooms(threads: int) -> Iterator[tuple[str, int]]:
    """The living nodes by id, and how many trainings each runs in parallel."""
    for node in _ray.nodes():
        if node["Alive"]:
            resources = node["Resources"]
            yield node["NodeID"], int(resources.get("GPU", 0) if gpus() else resources.get("CPU", 0) // threads)


def _occupied(threads: int) -> bool:
    """Whether other jobs leave no room for a training now."""
    free: Mapping[str, float] = _ray.available_resources()
    return free.get("GPU", 0) < 1 if gpus() else free.get("CPU", 0) < threads


def _need(threads: int) -> str:
    return "a GPU" if gpus() else "1 CPU" if threads == 1 else f"{threads} CPUs"


@dataclass
class _Training:
    """A training on the cluster: how many epochs were reported, and how often its process died."""

    task: Task
    epochs: int = -1
    deaths: int = 0


@dataclass
class _Trainings:
    """The trainings of one call of `train`."""

    predict: bool
    _running: dict[Any, _Training] = field(default_factory=dict, init=False)
    _folders: dict[Path, SentFolder] = field(default_factory=dict, init=False)
    _references: dict[str, Mapping[str, Sequence[Any]]] = field(default_factory=dict, init=False)
    _unsuitable: dict[str, str] = field(default_factory=dict, init=False)
    _looked: float = field(default=0.0, init=False)
    _waits_since: float | None = field(default=None, init=False)

    def run(self, tasks: Sequence[Task]) -> None:
        occupied = _occupied(min((task.training.threads for task in tasks), default=1))
        for task in tasks:
            self._submit(_Training(task))
        if occupied:
            self._waits_since = time.monotonic()
        while self._running:
            ready, _ = _ray.wait(list(self._running), num_returns=1, timeout=LOOK_INTERVAL)
            # Those that are ready by now, so that the cost of a wait is shared by many messages.
            ready, _ = _ray.wait(list(self._running), num_returns=len(self._running), timeout=0) if ready else ([], [])
            if ready:
                self._waits_since = None
            for replies in ready:
                self._receive(replies)
            self._report_waiting()
            self._look()

    def _report_waiting(self) -> None:
        """Print once that no training has started, because other jobs have all processors of the cluster."""
        if self._waits_since is None or time.monotonic() - self._waits_since < LOOK_INTERVAL:
            return
        self._waits_since = None
        need = _need(min(training.task.training.threads for training in self._running.values()))
        _say(f"Waiting for the Ray cluster: it does not have {need} free. `ray status` shows what other jobs use.")

    def _submit(self, training: _Training) -> None:
        task = training.task
        checkpoint = CheckpointFolder.of(task.fingerprint).folder
        order = Order(
            task=task,
            folders=tuple(self._sent_folders(task)),
            references=self._references,
            checkpoint=packed(checkpoint) if checkpoint.is_dir() else {},
            computing=computing(task.architecture),
            predict=self.predict,
        )
        others = {"ray.io/node-id": f"!in({','.join(self._unsuitable)})"} if self._unsuitable else None
        remote = _ray.remote(
            num_returns="streaming",
            num_cpus=0 if gpus() else task.training.threads,
            num_gpus=1 if gpus() else 0,
            max_retries=0,
            label_selector=others,
        )(train_on_node)
        self._running[remote.remote(order)] = training

    def _sent_folders(self, task: Task) -> Iterator[SentFolder]:
        """The prepared images, and the file of initial weights if there is one."""
        parts = {task.prepared: partial(SentFolder.of, task.prepared)}
        if task.initial_weights is not None:
            weights = task.initial_weights
            parts[weights] = partial(SentFolder.of, weights.parent, [weights.name])
        for place, describe in parts.items():
            if place not in self._folders:
                self._folders[place] = describe()
            yield self._folders[place]

    def _receive(self, replies: Any) -> None:
        """Take the next reply of a training."""
        training = self._running[replies]
        try:
            reply = _ray.get(next(replies))
        except StopIteration:
            # Its last reply said why.
            return
        except UserError as problem:  # Ray's error is an instance of the class of the error that the node raised.
            raise UserError(str(getattr(problem, "cause", problem))) from None
        except (_ray.exceptions.RayError, Damaged) as problem:
            if isinstance(problem, _ray.exceptions.RayTaskError):
                problem = getattr(problem, "cause", problem)
                if not isinstance(problem, Damaged):
                    raise
            del self._running[replies]
            self._again(training, problem)
            return
        self._take(replies, training, reply)

    def _take(self, replies: Any, training: _Training, reply: Any) -> None:
        if isinstance(reply, Update):
            self._report(training, reply)
            return
        del self._running[replies]
        if isinstance(reply, Finished):
            if digests(reply.files) != reply.digests:
                self._again(training, Damaged("its result arrived damaged"))
            else:
                _store(training.task, reply.files)
        elif isinstance(reply, Lacking):
            self._send(reply.digest)
            self._submit(training)
        else:
            self._exclude(reply)
            self._submit(training)

    def _report(self, training: _Training, update: Update) -> None:
        """Store the files of a checkpoint, and pass the progress on unless a training that died has reported it."""
        task, progress = training.task, update.progress
        folder = CheckpointFolder.of(task.fingerprint).folder
        _write(folder, task, update.files)
        if len(progress.history) > training.epochs or progress.last:
            training.epochs = len(progress.history)
            kernels, maps = (folder / name if name is not None else None for name in (update.kernels, update.maps))
            _outbox.put(replace(progress, kernels=kernels, maps=maps))

    def _send(self, digest: str) -> None:
        """Put the files of a folder into Ray's object store, from which each node fetches them once."""
        if digest in self._references:
            return
        folder = next(one for one in self._folders.values() if one.digest == digest)
        sent = {name: [_ray.put(piece) for piece in folder.chunks(name)] for name in folder.files}
        self._references = {**self._references, digest: sent}

    def _exclude(self, node: Unsuitable) -> None:
        if node.node not in self._unsuitable:
            _say(f"The node {node.host} is not used, because its results would differ: {node.difference}")
            self._unsuitable[node.node] = f"{node.host}: {node.difference}"
            self._looked = 0.0

    def _again(self, training: _Training, problem: Exception) -> None:
        """Submit a training again whose process or node died."""
        task = training.task
        training.deaths += 1
        which = f"{task.model} replicate {task.replicate + 1}"
        reason = " ".join(str(problem).split())[:200]
        if training.deaths >= MOST_DEATHS and isinstance(problem, Damaged):
            raise UserError(
                f"Files of {which} arrived damaged {training.deaths} times on the Ray cluster ({reason}). Check the "
                "memory and the network of the nodes, and run the same command again."
            )
        if training.deaths >= MOST_DEATHS:
            raise UserError(
                f"The training of {which} was killed {training.deaths} times on the Ray cluster ({reason}), possibly "
                "because memory ran out. Start nodes with more memory or fewer CPUs, and run the same command again."
            )
        _say(f"{which} starts again on another node ({type(problem).__name__})")
        self._submit(training)

    def _look(self) -> None:
        """Check from time to time that a suitable node is left.

        Raises:
            UserError: there is none.
        """
        if not self._running or time.monotonic() - self._looked < LOOK_INTERVAL:
            return
        self._looked = time.monotonic()
        threads = min(training.task.training.threads for training in self._running.values())
        if any(room for node, room in _rooms(threads) if node not in self._unsuitable):
            return
        if self._unsuitable:
            raise UserError(
                "No node of the Ray cluster computes the same bits as this machine, which the replicates of a "
                f"comparison need. Not used: {'; '.join(self._unsuitable.values())}. Run the command on a machine of "
                "the same kind and with the same versions as the nodes."
            )
        raise UserError(
            "No node of the Ray cluster is left that has room for a training. Start nodes and run the same command "
            "again; finished trainings are kept."
        )


def _write(folder: Path, task: Task, files: Mapping[str, bytes]) -> None:
    """Write files of a checkpoint, each atomically. `convtrack watch` finds this process as the one that trains."""
    training = str(CheckpointFolder(folder).snapshots.training.relative_to(folder))
    for name, content in files.items():
        with replacing(folder / name) as unfinished:
            unpack({unfinished.name: content}, unfinished.parent)
    if training in files:
        description = read_json(folder / training)
        write_json(folder / training, {**description, "process": this_process()})


def _store(task: Task, files: Mapping[str, bytes]) -> None:
    """Store a result under its fingerprint, with the commit of this project, and delete its checkpoint."""
    code = process_code()
    with replacing_folder(task.result.folder) as unfinished:
        unpack(files, unfinished)
        record = unfinished / task.result.record.name
        # A node has the code, but not the repository.
        write_json(record, {**read_json(record), **code.record})
        code.write_patch(unfinished / task.result.patch.name)
        write_digests(unfinished)
    rmtree(CheckpointFolder.of(task.fingerprint).folder, ignore_errors=True)
