"""Folders as trainings write them, with a history of three epochs and snapshots of tiny pictures."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from PIL import Image

from pipeline.storage.processes import this_process
from pipeline.watch.watch_server import WatchServer
from pipeline.watch.watched_trainings import watched_models

HISTORY = [
    {"train/loss": 0.9, "val/loss": 0.8, "train/accuracy": 0.5, "val/accuracy": 0.6},
    {"train/loss": 0.5, "val/loss": 0.6, "train/accuracy": 0.7, "val/accuracy": 0.7},
    {"train/loss": 0.25, "val/loss": 0.5, "train/accuracy": 0.9, "val/accuracy": 0.8},
]
PROBABILITIES = {0: [[0.5, 0.5], [0.5, 0.5]], 1: [[0.6, 0.4], [0.7, 0.3]], 3: [[0.9, 0.1], [0.2, 0.8]]}
CLASSES = ["good", "<b>bad</b>"]


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """An empty project as the working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_picture(file: Path, grey: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((6, 6), grey, np.uint8)).save(file)


def described(model: str, replicate: int, process: str, **changes: object) -> dict[str, object]:
    return {
        "model": model,
        "data": "cells",
        "replicate": replicate,
        "fingerprint": f"{model}-{replicate}",
        "model_fingerprint": "f-" + re.sub(r"\W", "", model),
        "epochs": 4,
        "batch_size": 32,
        "optimizer": "SGD",
        "learning_rate": 0.01,
        "process": process,
        **changes,
    }


def write_snapshots(folder: Path, epochs: int, description: dict[str, object]) -> None:
    """The snapshots of a training after so many epochs."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "training.json").write_text(json.dumps(description))
    if description["replicate"]:
        return
    taken = {epoch: values for epoch, values in PROBABILITIES.items() if epoch <= epochs}
    for epoch in taken:
        write_picture(folder / f"kernels-{epoch:05d}.png", 10 + epoch)
        write_picture(folder / f"maps-{epoch:05d}.png", 20 + epoch)
    for number in range(2):
        write_picture(folder / f"image-{number}.png", 30 + number)
    content = {"classes": CLASSES, "images": CLASSES, "seconds": 0.1, "epochs": taken}
    (folder / "predictions.json").write_text(json.dumps(content))


def write_checkpoint(model: str, epochs: int, *, replicate: int = 0, process: str | None = None) -> Path:
    """An unfinished training of this process, unless another one is named."""
    folder = Path(".convtrack/checkpoints") / f"{model}-{replicate}"
    description = described(model, replicate, this_process() if process is None else process)
    write_snapshots(folder / "snapshots", epochs, description)
    if epochs:
        history = np.array(json.dumps(HISTORY[:epochs]))
        np.savez(folder / "state.npz", history=history, **{"variable-0": np.zeros(3)})
    return folder


def write_result(folder: Path, model: str, *, replicate: int = 0, snapshots: bool = True) -> Path:
    """A finished training."""
    description = described(model, replicate, "")
    folder.mkdir(parents=True, exist_ok=True)
    names = list(HISTORY[0])
    rows = [
        ",".join(["epoch", *names]),
        *(f"{n}," + ",".join(str(e[k]) for k in names) for n, e in enumerate(HISTORY, 1)),
    ]
    (folder / "history.csv").write_text("\n".join(rows) + "\n")
    record = {name: description[name] for name in ("fingerprint", "model_fingerprint", "replicate")}
    (folder / "record.json").write_text(json.dumps(record))
    for epoch in (0, 1, 2, 3):
        write_picture(folder / f"kernels-{epoch:05d}.png", epoch)
    if snapshots:
        write_snapshots(folder / "snapshots", 3, description)
    return folder


def write_run(model: str, replicates: int = 1, *, snapshots: bool = True) -> Path:
    """A model of the comparison."""
    run = Path("runs") / model
    results = [
        write_result(run / "train" / f"replicate-{number}", model, replicate=number, snapshots=snapshots)
        for number in range(replicates)
    ]
    configuration = {
        "data": {"name": "cells"},
        "training": {"batch_size": 16},
        "optimizer": {"name": "Adam", "learning_rate": 0.001},
    }
    records = [json.loads((folder / "record.json").read_text()) for folder in results]
    content = {"model": model, "configuration": configuration, "replicates": records}
    (run / "train" / "replicates.json").write_text(json.dumps(content))
    return run


@pytest.fixture
def serving() -> Callable[..., object]:
    """Serve the page for what is found, without a command line."""

    @contextmanager
    def running(find: Callable[[], object] = watched_models) -> Iterator[WatchServer]:
        with WatchServer(0, find) as server:
            thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
            thread.start()
            try:
                yield server
            finally:
                server.shutdown()
                thread.join()

    return running
