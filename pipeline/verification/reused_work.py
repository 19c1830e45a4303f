"""What a stage would reuse if it ran: trainings with the same fingerprint, and interpretations."""

from collections.abc import Mapping
from typing import Any

from pipeline.comparison.planned import planned_replicates
from pipeline.console import duration
from pipeline.counts import number_of
from pipeline.evaluation.interpreted import interpretable, interpretation_digest
from pipeline.storage.files import read_json, read_network_text
from pipeline.storage.folders import PREPARED, InterpretationFolder, RunFolder
from pipeline.training.task import make_tasks


def reused_trainings(model: str, sections: Mapping[str, Any], *, code: bool) -> str:
    """How many trainings of a model are finished under their fingerprint, as one clause.

    Args:
        model: its name.
        sections: the configuration of the stage `train`: optimizer, training and augmentation.
        code: whether a source file has changed.

    Raises:
        UserError: the images or the network are not there.
    """
    run = RunFolder.of(model)
    tasks = make_tasks(
        read_network_text(run.architecture),
        PREPARED,
        planned_replicates(model),
        initial_weights=run.initial_weights if run.initial_weights.is_file() else None,
        optimizer=sections["optimizer"],
        training=sections["training"],
        augmentation=sections["augmentation"],
        name=model,
    )
    finished = [task for task in tasks if task.result.predicted]
    trainings = number_of(len(tasks), "training")
    if len(finished) == len(tasks):
        same = ": the changed code computes the same" if code else ""
        return f"all {trainings} have the same fingerprint and are reused{same}, so nothing is trained"
    left = len(tasks) - len(finished)
    seconds = _seconds(run)
    long = f", each about {duration(seconds)}" if seconds else ""
    return f"{len(finished)} of {trainings} have the same fingerprint and are reused; {left} are trained{long}"


def _seconds(run: RunFolder) -> float | None:
    """The mean seconds of the trainings in the run folder."""
    if not run.replicates.is_file():
        return None
    records = read_json(run.replicates, "replicates")["replicates"]
    return float(sum(one["seconds"] for one in records) / len(records))


def reused_interpretations(models: tuple[str, ...], images: int) -> str:
    """How many interpretations belong to the trainings and the code here, as one clause.

    Raises:
        UserError: a model is not trained.
    """
    wanted = [model for model in models if interpretable(RunFolder.of(model))]
    kept = [
        model
        for model in wanted
        if InterpretationFolder.of(model).complete_digest() == interpretation_digest(RunFolder.of(model), images)
    ]
    return f"{len(kept)} of {number_of(len(wanted), 'interpretation')} are kept"
