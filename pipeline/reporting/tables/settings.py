"""What was configured: where the models of a comparison differ, what they share, and how to get each again."""

from collections.abc import Mapping

from pipeline.reporting.content import Comparison, ModelResult
from pipeline.reporting.tables.models import comparison_rows
from pipeline.reporting.tables.text_table import Table
from pipeline.reporting.text import quantities

UNSET = object()


def differing(configurations: Mapping[str, Mapping[str, object]]) -> dict[str, dict[str, object]]:
    """The settings that are not the same everywhere, each with its values by the name of who has it.

    Names of models are left out: they differ by nature.

    >>> differing({"small": {"units": 10, "seed": 0}, "large": {"units": 99, "seed": 0}, "none": {"seed": 0}})
    {'units': {'small': 10, 'large': 99}}
    """
    names = dict.fromkeys(name for own in configurations.values() for name in own if name != "model.name")
    values = {name: {who: own[name] for who, own in configurations.items() if name in own} for name in names}
    return {
        name: held
        for name, held in values.items()
        if len(held) < len(configurations) or any(one != next(iter(held.values())) for one in held.values())
    }


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
    models = {model.name: model.configuration for model in _ordered(comparison)}
    return Table(
        caption="Settings that differ between the models. – marks one that a model does not have.",
        header=("setting", *models),
        rows=tuple(
            (name, *(written(held.get(model, UNSET)) for model in models)) for name, held in differing(models).items()
        ),
    )


def common_table(comparison: Comparison) -> Table:
    """A row per setting that all models share."""
    models = {model.name: model.configuration for model in _ordered(comparison)}
    own = differing(models)
    first = next(iter(models.values()))
    return Table(
        caption="Settings that all models share.",
        header=("setting", "value"),
        rows=tuple((name, written(value)) for name, value in first.items() if name not in own and name != "model.name"),
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
