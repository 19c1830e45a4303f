"""What was configured: where the models of a comparison differ, what they share, and how to get each again."""

from collections.abc import Mapping
from typing import NamedTuple

from pipeline.reporting import quantities
from pipeline.reporting.tables import Table, comparison_rows
from pipeline.reporting.values import Comparison, ModelResult

UNSET = object()


class Settings(NamedTuple):
    """Settings by dotted name: those that differ, with a value for each model, and those that are common to all."""

    differing: Mapping[str, tuple[object, ...]]
    common: Mapping[str, object]


def settings(models: tuple[ModelResult, ...]) -> Settings:
    """What differs between the models, and what does not; a setting that a model lacks is `UNSET` there.

    Their names are left out: a model's name differs by nature.
    """
    names = list(dict.fromkeys(name for model in models for name in model.configuration if name != "model.name"))
    values = {name: tuple(model.configuration.get(name, UNSET) for model in models) for name in names}
    differing = {name: ones for name, ones in values.items() if any(one != ones[0] for one in ones)}
    return Settings(differing, {name: ones[0] for name, ones in values.items() if name not in differing})


def written(value: object) -> str:
    """A setting as the configuration files write it.

    >>> [written(value) for value in (True, None, 0.01, [3, 3], UNSET)]
    ['true', 'null', '0.01', '3, 3', '–']
    """
    if value is UNSET:
        return "–"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, list | tuple):
        return ", ".join(map(written, value)) or "[]"
    return str(value)


def differing_table(comparison: Comparison) -> Table:
    """A row per setting that differs, models in the order of the comparison table."""
    models = _ordered(comparison)
    differing = settings(models).differing
    return Table(
        caption="Settings that differ between the models. – marks one that a model does not have.",
        header=("setting", *(model.name for model in models)),
        rows=tuple((name, *map(written, values)) for name, values in differing.items()),
    )


def common_table(comparison: Comparison) -> Table:
    """A row per setting that all models share."""
    common = settings(_ordered(comparison)).common
    return Table(
        caption="Settings that all models share.",
        header=("setting", "value"),
        rows=tuple((name, written(value)) for name, value in common.items()),
    )


def reproduction_table(comparison: Comparison) -> Table:
    """What gives each row again: the command at the commit where it was trained, and what the result goes by."""
    return Table(
        caption="How to get each row again: check out the commit, then run the command. The fingerprint stands for "
        "everything that determines the result; the first twelve digits of both are shown.",
        header=("model", "command", "commit", "fingerprint"),
        rows=tuple(
            (model.name, f"dvc repro evaluate@{model.name}", model.commit[:12], model.fingerprint[:12])
            for model in _ordered(comparison)
        ),
    )


def effort_table(comparison: Comparison) -> Table:
    """What the comparison cost: training time of all replicates together and space on disk, with sums."""
    models = _ordered(comparison)
    numbers = [(model.name, len(model.train_seconds), sum(model.train_seconds), model.disk_bytes) for model in models]
    sums = ("all", *(sum(column) for column in list(zip(*numbers, strict=True))[1:]))
    return Table(
        caption="What it took to train all replicates, one after another, and what the run folders hold on disk.",
        header=("model", "replicates", "training in all", "on disk"),
        rows=tuple(
            (name, quantities.count(replicates), quantities.duration(seconds), quantities.storage(size))
            for name, replicates, seconds, size in [*numbers, sums]
        ),
    )


def _ordered(comparison: Comparison) -> tuple[ModelResult, ...]:
    models = {model.name: model for model in comparison.models}
    return tuple(models[row.model] for row in comparison_rows(comparison))
