"""The scores in a run folder, computed again from the outputs of the trained networks."""

from collections.abc import Iterator, Mapping
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.counts import number_of
from pipeline.data.prepared import Prepared
from pipeline.evaluation.model_predictions import ModelPredictions, read_model_predictions
from pipeline.evaluation.predictions import PARTS, Predictions, read_predictions
from pipeline.evaluation.scoring import class_table, metrics_file, score, score_file
from pipeline.storage.files import read_json, read_network_text
from pipeline.storage.folders import RunFolder
from pipeline.storage.stored_tables import read_table
from pipeline.verification.checked_link import Check, checked, names

TOLERANCE = 1e-9
"""The largest difference of a score: on other processors sums are rounded otherwise in the last digits."""


def scored_replicates(run: RunFolder, prepared: Prepared) -> Iterator[Check]:
    """Check predictions, scores, means and the confusion table of a network."""
    records = read_json(run.replicates, "replicates")["replicates"]
    results = {one["replicate"]: run.result(one["replicate"]) for one in records}
    predictions = read_model_predictions(read_network_text(run.architecture), results, prepared)
    scores = score_file(predictions, records)
    yield from _compared(run, predictions, scores, read_json(run.layers))


def scored_baseline(run: RunFolder) -> Iterator[Check]:
    """Check the scores of a baseline. It has no outputs for validation images, so those scores are taken as given."""
    held = read_json(run.scores, "question", "replicates", "classes", "confusion")
    test = read_predictions(run.predictions)
    own = score(test)
    scores = {**held, "replicates": [{**one, "scores": own.get(one["replicate"])} for one in held["replicates"]]}
    yield from _compared(run, ModelPredictions(test, {}, {}), scores, read_json(run.baseline))


def _compared(
    run: RunFolder, predictions: ModelPredictions, scores: Mapping[str, Any], network: Mapping[str, Any]
) -> Iterator[Check]:
    compared = predictions.test[predictions.question]
    stage = "baseline" if run.baseline.is_file() else "evaluate"
    remedy = f"Run `dvc repro {stage}@{run.folder.name}`."
    found: list[Check] = []
    table = pd.read_csv(StringIO(class_table(compared).to_csv(index=False)))
    found += checked(str(run.confusion), lambda: _changed_table(run.confusion, table, remedy))
    found += checked(str(run.predictions), lambda: _changed_predictions(run.predictions, predictions.test, remedy))
    written = {run.scores: scores, run.metrics: metrics_file(scores, compared, network)}
    numbers = 0
    for file, expected in written.items():
        numbers += sum(1 for _ in leaves(expected))
        found += checked(str(file), partial(_changed_values, file, expected, remedy))
    yield from found or [
        Check(
            str(run.scores),
            "ok",
            f"{number_of(numbers, 'number')} in it and in {run.metrics.name} match the recomputed values",
        )
    ]


def _changed_table(file: Path, expected: pd.DataFrame, remedy: str) -> Iterator[Check]:
    if not read_table(file).equals(expected):
        yield Check(str(file), "differs", "it does not follow from the predictions", remedy)


def _changed_predictions(file: Path, expected: Mapping[str, Mapping[int, Predictions]], remedy: str) -> Iterator[Check]:
    if not _same_predictions(expected, read_predictions(file)):
        yield Check(str(file), "differs", "they do not follow from the networks' outputs", remedy)


def _changed_values(file: Path, expected: Mapping[str, Any], remedy: str) -> Iterator[Check]:
    changed = list(differences(expected, read_json(file)))
    if changed:
        verb = "does" if len(changed) == 1 else "do"
        yield Check(str(file), "differs", f"{names(changed)} {verb} not follow from the predictions", remedy)


def _same_predictions(
    expected: Mapping[str, Mapping[int, Predictions]], held: Mapping[str, Mapping[int, Predictions]]
) -> bool:
    return expected.keys() == held.keys() and all(
        expected[output].keys() == held[output].keys()
        and all(
            np.array_equal(getattr(one, part), getattr(held[output][replicate], part))
            for replicate, one in expected[output].items()
            for part in PARTS
            if getattr(one, part) is not None
        )
        for output in expected
    )


def leaves(values: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """The numbers and texts in nested mappings and lists, with their places.

    >>> dict(leaves({"test": {"accuracy": 0.5}, "confusion": [[1, 2]]}))
    {'test.accuracy': 0.5, 'confusion.0.0': 1, 'confusion.0.1': 2}
    """
    inner = values.items() if isinstance(values, Mapping) else enumerate(values) if isinstance(values, list) else None
    if inner is None:
        yield name.removeprefix("."), values
        return
    for key, value in inner:
        yield from leaves(value, f"{name}.{key}")


def differences(expected: Any, held: Any) -> Iterator[str]:
    """The places where two records differ, as `test.accuracy.mean (0.97, expected 0.98)`."""
    then, now = dict(leaves(expected)), dict(leaves(held))
    for name in {**then, **now}:
        if name not in now:
            yield f"{name} (missing)"
        elif name not in then:
            yield f"{name} ({now[name]}, expected nothing)"
        elif not same(then[name], now[name]):
            yield f"{name} ({now[name]}, expected {then[name]})"


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same; numbers may differ by rounding."""
    if any(isinstance(value, str | bool | None) for value in (one, other)):
        return bool(one == other)
    return bool(np.isclose(one, other, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True))
