"""What the server and its command share: the environment variables of the server, and what the page shows."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.evaluation.metrics import metric_named
from pipeline.reporting.picture_page import ServedModel
from pipeline.reporting.text.quantities import capitalized
from pipeline.storage.files import read_json
from pipeline.storage.folders import CHOICE

SERVED_FOLDER = "CONVTRACK_SERVED_FOLDER"
"""Environment variable: the folder of the packaged network that the server uses."""
SERVED_VERSION = "CONVTRACK_SERVED_VERSION"
"""Environment variable: where the network comes from, for people."""


def shown_model(folder: Path, settings: Mapping[str, Any], version: str) -> ServedModel:
    """What the page shows of a packaged network, from its folder and the contents of its `model.json`."""
    replicates = ", ".join(str(one + 1) for one in settings["replicates"])
    several = "s" if len(settings["replicates"]) > 1 else ""
    return ServedModel(
        data=settings["data"],
        model=f"{settings['model']} (replicate{several} {replicates})",
        version=version,
        score=_score(folder, settings["measured"]),
        error_rates=[one["error_rate"] for one in settings["thresholds"]],
    )


def _score(folder: Path, measured: Mapping[str, Mapping[str, float]]) -> str:
    """The score of this network, on test images or else on validation images, and that of its model."""
    if not (folder / CHOICE.name).is_file():
        return ""
    choice = read_json(folder / CHOICE.name, "metric", "score")
    metric, compared = choice["metric"], choice["score"]
    for part in ("test", "validation"):
        scores = measured.get(part, {})
        if metric in scores:
            label = capitalized(metric_named(metric).label)
            own = f"{label} {scores[metric]:.3f} on {scores['images']:,.0f} {part} images"
            return f"{own}{_of_model(compared)}."
    return ""


def _of_model(score: Mapping[str, float] | None) -> str:
    """The mean score of the replicates of the model in the comparison, with its interval."""
    return (
        f"; mean of the model in the comparison: {score['mean']:.3f} ({score['low']:.3f} to {score['high']:.3f})"
        if score
        else ""
    )
