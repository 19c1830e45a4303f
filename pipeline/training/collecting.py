"""Collect the finished replicates of a model in its run folder."""

import shutil
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from pipeline.storage.digests import write_digests
from pipeline.storage.files import read_json, replacing, replacing_folder, write_json
from pipeline.storage.folders import RunFolder
from pipeline.storage.stored_tables import read_table
from pipeline.training.task import Task, best

CURVES = ["train/loss", "val/loss", "train/accuracy", "val/accuracy"]


def collect(
    run: RunFolder,
    model: str,
    tasks: Sequence[Task],
    configuration: Mapping[str, Any],
    *,
    augmented: bytes | None = None,
) -> None:
    """Copy every result into the run folder, with one history, one record and the mean learning curve of all.

    `augmented` is a picture (PNG) of examples of the augmentation, if there is one.
    """
    histories = [read_table(task.result.history, "epoch").assign(replicate=task.replicate) for task in tasks]
    history = pd.concat(histories)
    with replacing_folder(run.train) as unfinished:
        for task in tasks:
            # Temporary folders of killed processes, and networks that were the best of fewer replicates.
            left_out = [".*", *([] if task is best(tasks) else [task.result.network.name])]
            shutil.copytree(
                task.result.folder,
                unfinished / run.result(task.replicate).folder.name,
                ignore=shutil.ignore_patterns(*left_out),
            )
        history.to_csv(unfinished / run.history.name, index=False)
        if augmented is not None:
            (unfinished / run.augmented.name).write_bytes(augmented)
        write_json(
            unfinished / run.replicates.name,
            {
                "model": model,
                "model_fingerprint": tasks[0].model_fingerprint,
                "configuration_fingerprint": tasks[0].configuration_fingerprint,
                "configuration": configuration,
                "replicates": [read_json(task.result.record) for task in tasks],
            },
        )
        write_digests(unfinished)
    with replacing(run.learning_curve) as unfinished:
        mean_curve(history).to_csv(unfinished, index=False)


def mean_curve(history: pd.DataFrame) -> pd.DataFrame:
    """The mean over replicates of losses and accuracies by epoch, from the history of all replicates."""
    return history.groupby("epoch")[CURVES].mean().reset_index()
