"""What a node of a Ray cluster does: train one replicate, and return its progress and its result as bytes.

A node trains only if it would get the bits that the driver would get: its kind of processor or device and the versions
of its libraries must be those of the driver. The code is the driver's, which Ray copies to the node.
"""

import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from pipeline.errors import UserError
from pipeline.storage.folders import CheckpointFolder
from pipeline.training.shipped_files import (
    Contents,
    SentFolder,
    digests,
    found_files,
    node_folder,
    packed,
    store_files,
    unpack,
)
from pipeline.training.task import Progress, Task, computing

CHECKPOINT_INTERVAL = 30.0
"""Seconds between two checkpoints of a training that are sent to the driver, at least."""
LARGEST_CHECKPOINT = 2**24
"""Bytes; a larger checkpoint stays on its node: if the node dies, its training starts again from the beginning."""


@dataclass(frozen=True)
class Order:
    """A training for a node.

    `folders` describe the prepared images and the initial weights, if any; `references` hold Ray's references to the
    pieces of their files by digest and name, once they are sent. `checkpoint` holds the files of an interrupted
    training. `computing` is what determines results on the driver. `predict`: whether to predict the test and
    validation images afterwards.
    """

    task: Task
    folders: tuple[SentFolder, ...]
    references: Mapping[str, Mapping[str, Sequence[Any]]]
    checkpoint: Contents
    computing: Mapping[str, Any]
    predict: bool


@dataclass(frozen=True)
class Unsuitable:
    """This node would compute other bits; `difference` says why."""

    node: str
    host: str
    difference: str


@dataclass(frozen=True)
class Lacking:
    """This node does not have the files of the folder with this digest."""

    digest: str


@dataclass(frozen=True)
class Update:
    """The progress of the training, without paths, and the files of the checkpoint folder that have changed."""

    progress: Progress
    kernels: str | None
    maps: str | None
    files: Contents


@dataclass(frozen=True)
class Finished:
    """The files of the result, and their digests."""

    files: Contents
    digests: Mapping[str, str]


Reply = Unsuitable | Lacking | Update | Finished


def train_on_node(order: Order) -> Iterator[Reply]:
    """Train the replicate, and yield its progress and its result; or yield only why this node cannot do it yet.

    Raises:
        UserError: a setting is wrong, or this node cannot store its files.
    """
    difference = differences(order.computing, computing(order.task.architecture))
    if difference:
        yield Unsuitable(_node(), socket.gethostname(), difference)
        return
    try:
        folder = node_folder()
        os.chdir(folder)
        places = []
        for sent in order.folders:
            place = _place(sent, order.references.get(sent.digest), folder / "files")
            if place is None:
                yield Lacking(sent.digest)
                return
            places.append(place)
        yield from _trained(_localised(order.task, places), order.checkpoint, predict=order.predict)
    except OSError as problem:
        raise UserError(
            f"The node {socket.gethostname()} cannot read or write {problem.filename or 'a file'} "
            f"({problem.strerror}). Check its folder for temporary files (TMPDIR) and run the same command again."
        ) from None


def differences(driver: Mapping[str, Any], node: Mapping[str, Any]) -> str:
    """What differs between a node and the driver, in words; empty if nothing does.

    >>> driver = {"device": "x86_64 fma avx2", "versions": {"keras": "3.15.0", "numpy": "2.4.0"}, "code": "1f"}
    >>> differences(driver, driver)
    ''
    >>> differences(driver, {**driver, "device": "gpu", "versions": {"keras": "3.15.0", "numpy": "2.5.0"}})
    'device gpu instead of x86_64 fma avx2, numpy 2.5.0 instead of 2.4.0'
    """
    found = []
    if node["device"] != driver["device"]:
        found.append(f"device {node['device']} instead of {driver['device']}")
    for name, version in driver["versions"].items():
        if node["versions"].get(name) != version:
            found.append(f"{name} {node['versions'].get(name)} instead of {version}")
    if node["code"] != driver["code"]:
        found.append("other code of this project")
    return ", ".join(found)


def _place(sent: SentFolder, references: Mapping[str, Sequence[Any]] | None, store: Path) -> Path | None:
    """The folder of these files on this node, or None if it neither has nor gets them."""
    place = found_files(sent, store)
    if place is None and references is not None:
        return store_files(sent, store, lambda name: map(_fetched, references[name]))
    return place


def _fetched(reference: Any) -> bytes:
    import ray

    content: bytes = ray.get(reference)
    return content


def _node() -> str:
    import ray

    return str(ray.get_runtime_context().get_node_id())


def _localised(task: Task, places: Sequence[Path]) -> Task:
    """The task with the places of its files on this node."""
    weights = places[1] / task.initial_weights.name if task.initial_weights is not None else None
    return replace(task, prepared=places[0], initial_weights=weights)


def _trained(task: Task, files: Contents, *, predict: bool) -> Iterator[Reply]:
    """Train in a thread, because progress must be yielded while the training runs."""
    checkpoint = CheckpointFolder.of(task.fingerprint)
    if not checkpoint.state.is_file():
        unpack(files, checkpoint.folder)
    outbox: SimpleQueue[Update | BaseException | None] = SimpleQueue()
    changes = _Changes(checkpoint)

    def train() -> None:
        try:
            _train(task, lambda progress: outbox.put(changes.update(progress)), predict=predict)
            outbox.put(None)
        except BaseException as problem:
            outbox.put(problem)

    threading.Thread(target=train, daemon=True).start()
    while (message := outbox.get()) is not None:
        if isinstance(message, BaseException):
            raise message
        yield message
    # A network with its standardisation is exported by the driver, which knows the best replicate.
    result = packed(task.result.folder, without=(task.result.network.name, task.result.latency.name))
    yield Finished(result, digests(result))
    shutil.rmtree(task.result.folder, ignore_errors=True)


def _train(task: Task, on_progress: Any, *, predict: bool) -> None:
    from pipeline.training.runtime import start_tensorflow

    start_tensorflow(task.training.threads)
    from pipeline.training.predict import predict_task
    from pipeline.training.replicate import train_replicate

    train_replicate(task, on_progress)
    if predict and not task.result.predicted:
        predict_task(task)


class _Changes:
    """The files of a checkpoint folder that have changed since the last update."""

    def __init__(self, checkpoint: CheckpointFolder) -> None:
        self._checkpoint = checkpoint
        self._sent: dict[Path, int] = {}
        self._last = time.monotonic()

    def update(self, progress: Progress) -> Update:
        """Describe a progress with the small files that have changed, and now and then with the state."""
        checkpoint = self._checkpoint
        states = [file for file in (checkpoint.best, checkpoint.state) if file.is_file()]
        contents = {}
        for file in sorted(checkpoint.folder.rglob("[!.]*")):
            changed = file.stat().st_mtime_ns
            if file.is_file() and file not in states and self._sent.get(file) != changed:
                self._sent[file] = changed
                contents[str(file.relative_to(checkpoint.folder))] = file.read_bytes()
        due = time.monotonic() - self._last >= CHECKPOINT_INTERVAL
        if due and sum(file.stat().st_size for file in states) <= LARGEST_CHECKPOINT:
            self._last = time.monotonic()
            # The best weights first, as in a training: an older state leads to the same weights again.
            contents |= {file.name: file.read_bytes() for file in states}
        # The training goes on with the same list before it is sent.
        bare = replace(progress, history=list(progress.history), kernels=None, maps=None)
        return Update(bare, self._name(progress.kernels), self._name(progress.maps), contents)

    def _name(self, file: Path | None) -> str | None:
        return str(file.relative_to(self._checkpoint.folder)) if file is not None else None
