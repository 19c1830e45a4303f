"""Log evaluations: scores, costs, pictures, and a network that others can load."""

import json
import math
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline import layers
from pipeline.data.prepared import Prepared
from pipeline.data.splits import VALIDATION
from pipeline.storage.files import read_json
from pipeline.storage.folders import RunFolder
from pipeline.tracking.publish.training import Published, images_of
from pipeline.tracking.tracker import EVALUATED, EVALUATION, one_at_a_time
from pipeline.training.examples import Columns, Portion, portion, standardisation
from pipeline.training.runtime import start_tensorflow
from pipeline.training.task import own_modules


def publish_evaluation(published: Published, run: RunFolder, prepared: Prepared) -> None:
    """Log what the evaluation found: each replicate's scores, the model's means and costs, pictures and a network.

    The network is the replicate's with the lowest validation loss, behind its own standardisation. Of the logged model
    that holds it MLflow shows that replicate's scores.
    """
    tracker, parent = published.tracker, published.parent
    published.log_images(prepared)
    measured = read_json(run.metrics)
    tracker.log_metrics(
        parent,
        {
            **{f"test/{name}": spread["mean"] for name, spread in measured["test"].items()},
            # Of one replicate there is none: said so, or that of more replicates would stay.
            **{
                f"test/{name}_deviation": spread.get("deviation", math.nan) for name, spread in measured["test"].items()
            },
            **{f"validation/{name}": spread["mean"] for name, spread in measured["validation"].items()},
            **{
                f"test_{_metric_name(subgroup)}/{name}": spread["mean"]
                for subgroup, spreads in measured["subgroups"].items()
                for name, spread in spreads.items()
            },
            **measured["cost"],
            "replicates": len(published.children),
        },
    )
    tracker.log_files(parent, [run.layers, run.drawing, run.architecture], "network")
    pictures = [*sorted(run.evaluate.glob("*.svg")), *run.evaluate.glob("*.png")]
    tracker.log_files(parent, [*pictures, run.predictions], EVALUATION)
    tracker.tag(
        parent, {EVALUATED: json.dumps({number: published.children[number] for number in sorted(published.children)})}
    )
    best = min(read_json(run.replicates)["replicates"], key=lambda record: record["kept_loss"])
    with one_at_a_time():
        network = tracker.logged_network(parent, best["fingerprint"]) or _log_network(published, run, prepared, best)
    for scored in read_json(run.scores)["replicates"]:
        number = scored["replicate"]
        kept = network if number == best["replicate"] else None
        _, validated, tested = images_of(prepared, number)
        for images, scores in ((tested, scored["scores"]), (validated, scored["validation"])):
            values = {f"{images.part}/{name}": value for name, value in scores.items()}
            tracker.log_metrics(published.children[number], values, model=kept, images=images)
        tracker.log_metrics(published.children[number], {"seconds_per_image": scored["seconds_per_image"]})


def _metric_name(subgroup: str) -> str:
    """A subgroup's name as far as MLflow takes it in that of a metric."""
    return re.sub(r"[^\w .-]", "_", subgroup)[:100]


def _log_network(published: Published, run: RunFolder, prepared: Prepared, record: Mapping[str, Any]) -> str:
    """Log the network of the replicate with this record."""
    start_tensorflow()
    from pipeline.evaluation.predict import served, trained_network

    replicate = record["replicate"]
    architecture = run.architecture.read_text(encoding="utf-8")
    network = trained_network(architecture, run.result(replicate))
    shown = portion(prepared, replicate, VALIDATION, Columns.of(architecture))
    with _layers_alone() as package:
        return published.tracker.log_network(
            published.parent,
            record["fingerprint"],
            served(network, standardisation(prepared, replicate)),
            _example(shown),
            # MLflow takes no names with these characters.
            name=re.sub(r"[/:.%\"']", "_", f"{run.folder.name} replicate {replicate + 1}"),
            epoch=record["kept_epoch"],
            requirements=[f"{name}=={version(name)}" for name in ("tensorflow", "keras", "numpy")],
            code=[package] if own_modules(architecture) else [],
        )


def _example(portion: Portion) -> npt.NDArray[np.float32] | dict[str, npt.NDArray[np.float32]]:
    """Two images as grey levels, and what else the network is shown of them, by name where there is more than one."""
    positions = np.arange(min(2, len(portion)))
    grey = replace(portion, standardise=lambda pixels: pixels.astype(np.float32))
    columns = dict(zip(portion.columns.inputs, grey.inputs(positions, positions), strict=True))
    return columns if len(columns) > 1 else columns.popitem()[1]


@contextmanager
def _layers_alone() -> Iterator[Path]:
    """A package `pipeline` with our layers alone, for those who load a network without having the project.

    Where they have it, the rest of the package is found as ever.
    """
    with TemporaryDirectory() as folder:
        package = Path(folder) / "pipeline"
        shutil.copytree(Path(layers.__file__).parent, package / "layers", ignore=shutil.ignore_patterns("__pycache__"))
        (package / "__init__.py").write_text(
            '__path__ = __import__("pkgutil").extend_path(__path__, __name__)\n', encoding="utf-8"
        )
        yield package
