"""Settings of a comparison: where the models differ, what they share, and how to reproduce each."""

from collections.abc import Mapping

from pipeline.reporting.content import Comparison, ModelResult
from pipeline.reporting.costs import TOTALS
from pipeline.reporting.tables.models import comparison_rows
from pipeline.reporting.tables.text_table import Table
from pipeline.reporting.text import quantities

UNSET = object()


def differing(configurations: Mapping[str, Mapping[str, object]]) -> dict[str, dict[str, object]]:
    """Return the settings that are not the same everywhere, each with its values by the name of the owner.

    The names of models are left out, because they always differ.

    >>> differing({"small": {"units": 10, "seed": 0}, "large": {"units": 99, "seed": 0}, "none": {"seed": 0}})
    {'units': {'small': 10, 'large': 99}}
    """
    names = dict.fromkeys(name for own in configurations.values() for name in own if name != "model.name")
    values = {name: {owner: own[name] for owner, own in configurations.items() if name in own} for name in names}
    return {
        name: by_owner
        for name, by_owner in values.items()
        if len(by_owner) < len(configurations) or any(one != next(iter(by_owner.values())) for one in by_owner.values())
    }


def written(value: object) -> str:
    """Format a setting as in the configuration files.

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
    """One row per setting that differs, one column per network."""
    models = {model.name: model.configuration for model in _ordered(comparison) if model.baseline is None}
    return Table(
        caption="Settings that differ between the models. – marks a setting that a model does not have.",
        header=("setting", *models),
        rows=tuple(
            (name, *(written(by_model.get(model, UNSET)) for model in models))
            for name, by_model in differing(models).items()
        ),
    )


def common_table(comparison: Comparison) -> Table:
    """One row per setting that all networks share."""
    models = {model.name: model.configuration for model in _ordered(comparison) if model.baseline is None}
    own = differing(models)
    first = next(iter(models.values()))
    return Table(
        caption="Settings that all models share.",
        header=("setting", "value"),
        rows=tuple((name, written(value)) for name, value in first.items() if name not in own and name != "model.name"),
    )


def reproduction_table(comparison: Comparison) -> Table:
    """The command and the commit that reproduce each model, and the fingerprint of its result."""
    return Table(
        caption="To reproduce a model, check out the commit and run the command. The fingerprint is a digest of "
        "everything that determines the result. Commits and fingerprints show their first twelve digits.",
        header=("model", "command", "commit", "fingerprint"),
        rows=tuple(
            (model.name, _command(model), model.commit[:12], model.fingerprint[:12]) for model in _ordered(comparison)
        ),
    )


def _command(model: ModelResult) -> str:
    return f"dvc repro {'baseline' if model.baseline else 'evaluate'}@{model.name}"


def effort_table(comparison: Comparison) -> Table:
    """The total effort of each model: the costs summed over replicates, and their sums over models."""
    models = _ordered(comparison)
    metric = comparison.primary_metric
    numbers = [
        (model.name, len(model.scores[metric]), *(sum(model.costs[cost.key]) for cost in TOTALS)) for model in models
    ]
    sums = ("all", *(sum(column) for column in list(zip(*numbers, strict=True))[1:]))
    return Table(
        caption="Total effort: training time of all replicates, one after another, and disk space of the run folders.",
        header=("model", "replicates", *(cost.label for cost in TOTALS)),
        rows=tuple(
            (
                name,
                quantities.count(replicates),
                *(cost.write(value) for cost, value in zip(TOTALS, values, strict=True)),
            )
            for name, replicates, *values in [*numbers, sums]
        ),
    )


def versions_table(comparison: Comparison) -> Table:
    """The software versions of the comparison."""
    return Table("Versions", ("software", "version"), tuple(sorted(comparison.versions.items())))


def _ordered(comparison: Comparison) -> tuple[ModelResult, ...]:
    models = {model.name: model for model in comparison.models}
    return tuple(models[row.model] for row in comparison_rows(comparison))
