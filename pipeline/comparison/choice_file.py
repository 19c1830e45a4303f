"""The file that names the champion (`reports/champion.json`), and the networks that can be one."""

from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.evaluation.metrics import metric_named
from pipeline.statistics.results import Estimate
from pipeline.storage.files import read_json, read_network_text, write_checked_json
from pipeline.storage.folders import RunFolder
from pipeline.training.examples import IMAGE_TO_CLASS, Columns

if TYPE_CHECKING:  # Reading the file needs none of the libraries of a report.
    from pipeline.reporting.card.card_content import HeldOut
    from pipeline.reporting.content import Champion, Comparison


def usable_networks(models: Sequence[str]) -> list[str]:
    """Return the networks that need nothing but an image, and whose first output is its class."""
    columns = {model: Columns.of(read_network_text(RunFolder.of(model).architecture)) for model in models}
    return [
        model
        for model, one in columns.items()
        if one.inputs == IMAGE_TO_CLASS.inputs and one.outputs[0] == IMAGE_TO_CLASS.outputs[0]
    ]


def write_choice(file: Path, comparison: "Comparison") -> None:
    """Write the champion of a comparison with its reason and the score that the comparison measured."""
    champion = comparison.champion
    assert champion is not None
    metric = comparison.primary_metric
    estimates = {one.model: one for one in comparison.certainty.estimates}
    estimate = estimates.get(champion.model or "")
    content: dict[str, Any] = {
        "data": comparison.data.name,
        "model": champion.model,
        "replicates": list(champion.replicates),
        "trained": _fingerprints(champion),
        "reason": champion.reason,
        "by_person": champion.by_person,
        "metric": metric,
        "lower_is_better": metric_named(metric).lower_is_better,
        "score": estimate and _ends(estimate),
    }
    write_checked_json(file, content)


def _ends(estimate: Estimate) -> dict[str, float | None]:
    """A mean and the ends of its interval; None where a value is not finite, as for a single replicate."""
    values = {"mean": estimate.mean, "low": estimate.low, "high": estimate.high}
    return {name: value if isfinite(value) else None for name, value in values.items()}


def _fingerprints(champion: "Champion") -> list[str]:
    """The fingerprints of the trainings that predict together."""
    if champion.model is None:
        return []
    run = RunFolder.of(champion.model)
    return [read_json(run.result(one).record, "fingerprint")["fingerprint"] for one in champion.replicates]


def read_choice(file: Path) -> Any:
    """Return the contents of the file that names the champion.

    Raises:
        UserError: the file is missing or damaged.
    """
    return read_json(file, "data", "model", "replicates", "reason", "by_person", "metric", "score")


def with_packaged_score(choice: Mapping[str, Any], held_out: "HeldOut | None") -> dict[str, Any]:
    """Return the contents of the file with the score of the packaged network itself; None if it is unknown."""
    if held_out is None:
        return {**choice, "packaged_score": None}
    return {**choice, "packaged_score": {**_ends(held_out.score), "part": held_out.part, "images": held_out.images}}
