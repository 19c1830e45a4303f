"""Log an evaluated model from its run folder: scores, costs, figures, and a network that others can load."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.data.prepared import Prepared
from pipeline.data.splits import VALIDATION
from pipeline.evaluation.predictions import read_predictions
from pipeline.evaluation.scoring import metrics_file
from pipeline.reporting.costs import NETWORK_COSTS
from pipeline.storage.files import existing, read_json, read_network_text
from pipeline.storage.folders import RunFolder
from pipeline.tracking.carried_code import carried_code
from pipeline.tracking.connection import store_lock
from pipeline.tracking.image_sets import ImageSet, image_sets
from pipeline.tracking.logged_networks import find_network, log_network
from pipeline.tracking.names import EVALUATED, EVALUATION
from pipeline.tracking.publish.model_runs import ModelRuns
from pipeline.tracking.publish.training import publish_training
from pipeline.tracking.tracker import Tracker
from pipeline.training.examples import Columns, Portion, portion
from pipeline.training.outputs import read_outputs
from pipeline.training.task import own_modules


def publish_evaluation(tracker: Tracker, run: RunFolder, prepared: Prepared) -> ModelRuns:
    """Log a model's evaluation, and its training where it is missing; return the model's runs.

    The parent run gets the means over replicates, the costs and the figures. The child runs get the scores of their
    replicates; the one with the lowest validation loss also gets its network, with its scores. The parent does not get
    the network, because MLflow would attribute the means to it.
    """
    runs = publish_training(tracker, run, prepared)
    parent, children = runs.parent, runs.children
    if not runs.shows_comparison:
        _log_means(runs, run)
    best = min(read_json(run.replicates)["replicates"], key=lambda record: record["kept_loss"])
    sources = (children[best["replicate"]], parent)  # Earlier versions logged the network to the parent.
    with store_lock():
        network = find_network(tracker, sources, best["fingerprint"]) or _log_network(runs, run, prepared, best)
    for scored in read_json(run.scores)["replicates"]:
        number = scored["replicate"]
        own_network = network if number == best["replicate"] else None
        log_scores(tracker, children[number], scored, image_sets(prepared, number), network=own_network)
    return runs


def _log_means(runs: ModelRuns, run: RunFolder) -> None:
    """Log to the parent the means over replicates, the costs and the figures."""
    tracker, parent, children = runs.tracker, runs.parent, runs.children
    tracker.log_metrics(parent, {**means(run, read_json(run.layers, *NETWORK_COSTS)), "replicates": len(children)})
    tracker.log_files(parent, [run.layers, run.drawing, run.architecture], "network")
    pictures = [*sorted(run.evaluate.glob("*.svg")), *run.evaluate.glob("*.png")]
    tracker.log_files(parent, [*pictures, run.predictions], EVALUATION)
    tracker.tag(parent, {EVALUATED: json.dumps({number: children[number] for number in sorted(children)})})


def log_scores(
    tracker: Tracker,
    child: str,
    scored: Mapping[str, Any],
    images: Sequence[ImageSet],
    *,
    network: str | None = None,
) -> None:
    """Log the scores of a replicate to its run.

    Args:
        tracker: the experiment.
        child: the run of the replicate.
        scored: the replicate's entry in the file of scores.
        images: the training, validation and test images of the replicate.
        network: the logged network that has these scores, if there is one.
    """
    _, validation, test = images
    for part, scores in ((test, scored["scores"]), (validation, scored["validation"])):
        values = {f"{part.part}/{name}": value for name, value in scores.items()}
        tracker.log_metrics(child, values, model=network, images=part)
    tracker.log_metrics(child, {"seconds_per_image": scored["seconds_per_image"]})


def means(run: RunFolder, network: Mapping[str, Any]) -> dict[str, float]:
    """The metrics of the parent run; `network` has the costs that no replicate influences.

    They are those of `metrics.json`, which DVC shows, but computed again: no digest protects that file.
    """
    scored = read_json(run.scores, "question", "replicates")
    measured = metrics_file(scored, read_predictions(run.predictions)[scored["question"]], network)
    test, validation = measured["test"], measured["validation"]
    return {
        **{f"test/{name}": spread["mean"] for name, spread in test.items()},
        # One replicate has no deviation. NaN replaces the deviation of an earlier evaluation with more replicates.
        **{f"test/{name}_deviation": spread.get("deviation", math.nan) for name, spread in test.items()},
        **{f"validation/{name}": spread["mean"] for name, spread in validation.items()},
        **{
            f"test_{_metric_name(subgroup)}/{name}": spread["mean"]
            for subgroup, spreads in measured["subgroups"].items()
            for name, spread in spreads.items()
        },
        **{name: value for name, value in measured["cost"].items() if value is not None},
    }


def _metric_name(subgroup: str) -> str:
    """The subgroup's name with characters that MLflow rejects in metric names replaced."""
    return re.sub(r"[^\w .-]", "_", subgroup)[:100]


def _log_network(runs: ModelRuns, run: RunFolder, prepared: Prepared, record: Mapping[str, Any]) -> str:
    """Log the network of the replicate with this record. Its input is grey levels: it standardises them itself."""
    replicate = record["replicate"]
    result, architecture = run.result(replicate), read_network_text(run.architecture)
    shown = portion(prepared, replicate, VALIDATION, Columns.of(architecture))
    outputs = dict(zip(shown.columns.outputs, read_outputs(result.outputs)[VALIDATION], strict=True))
    with carried_code(own_modules(architecture)) as code:
        return log_network(
            runs.tracker,
            runs.children[replicate],
            record["fingerprint"],
            existing(result.network),
            example_of(shown, prepared),
            outputs if len(outputs) > 1 else outputs.popitem()[1],
            # MLflow rejects these characters in names.
            name=re.sub(r"[/:.%\"']", "_", f"{run.folder.name} replicate {replicate + 1}"),
            epoch=record["kept_epoch"],
            parameters=runs.tracker.parameters(runs.parent),
            requirements=[f"{name}=={version(name)}" for name in ("tensorflow", "keras", "numpy")],
            code=code,
            modules=own_modules(architecture),
        )


def example_of(portion: Portion, prepared: Prepared) -> npt.NDArray[np.float32] | dict[str, npt.NDArray[np.float32]]:
    """Two images as grey levels; if the network has several inputs, all of them by name, numbers as in the table."""
    positions = np.arange(min(2, len(portion)))
    grey = replace(portion, standardise=lambda pixels: pixels.astype(np.float32), numbers=prepared.numbers)
    columns = dict(zip(portion.columns.inputs, grey.inputs(positions, positions), strict=True))
    return columns if len(columns) > 1 else columns.popitem()[1]
