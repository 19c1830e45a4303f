"""Group the finished runs of an experiment by a parameter or tag, and find what pairs runs of different groups.

The runs may come from any program that logs to MLflow.
"""

import math
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from shlex import quote
from typing import Any

from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from pipeline.counts import number_of
from pipeline.errors import UserError, unknown
from pipeline.tracking.filters import quote_names
from pipeline.tracking.run_attributes import (
    PAIRING,
    Attribute,
    differing,
    is_fold,
    known_attributes,
    last_part,
    repeats,
)
from pipeline.tracking.store import Store

MAX_GROUPS = 40
"""More groups have too many pairs to read."""
MOST = 50_000
"""Runs that MLflow returns at most."""
LONGEST = 48
"""Characters of a group's name."""
SPLIT_SHARE = 0.25
"""Assumed number of tested over trained images of a random split: a fifth of the images is tested."""


@dataclass(frozen=True)
class GroupedRuns:
    """Runs in groups.

    Attributes:
        experiment: the name of the experiment.
        values: the last logged value of the metric by group and by what identifies a run: the value of what pairs
            runs, or else its id. NaN for a value that is not finite.
        paired_by: what pairs runs of different groups; empty if nothing does.
        tested_share: number of tested over trained images if runs are paired by a fold or split, else 0.
        remarks: which runs are not counted, and what else limits the comparison.
    """

    experiment: str
    values: Mapping[str, Mapping[str, float]]
    paired_by: tuple[Attribute, ...]
    tested_share: float
    remarks: tuple[str, ...]


def grouped_runs(
    store: Store,
    metric: str,
    group_by: Sequence[Attribute],
    *,
    pair_by: Sequence[Attribute] | None,
    where: str = "",
    experiment: str | None = None,
) -> GroupedRuns:
    """Read the finished runs that have the metric and the attributes, and group them.

    Args:
        store: the store of the runs.
        metric: name of a logged metric.
        group_by: runs with equal values belong to one group.
        pair_by: what pairs runs of different groups; empty for nothing; None to find it by its name.
        where: a filter of MLflow.
        experiment: its name; needed if several experiments have such runs.

    Raises:
        UserError: no run is left, the runs belong to several experiments, or there are fewer than two or more than
            `MAX_GROUPS` groups.
    """
    remarks: list[str] = []
    runs = _countable(_found(store, where, experiment), metric, (*group_by, *(pair_by or ())), remarks)
    name = _one_experiment(store, runs)
    groups = _groups(runs, group_by)
    paired_by = tuple(pair_by) if pair_by is not None else _pairing(groups, group_by, remarks)
    remarks += differing(groups, {*group_by, *paired_by})
    remarks += repeats(groups, group_by, paired_by)
    values = {group: _values(own, metric, paired_by, group, remarks) for group, own in groups.items()}
    if paired_by and not _shared(values):
        remarks.append(f"No two groups have two values of {_joined(paired_by)} in common, so runs are not paired.")
        paired_by = ()
        values = {group: _values(own, metric, (), group, remarks) for group, own in groups.items()}
    return GroupedRuns(name, values, paired_by, _tested_share(runs, paired_by), tuple(remarks))


def _found(store: Store, where: str, experiment: str | None) -> list[Any]:
    chosen = None
    if experiment is not None:
        chosen = [identity for identity, name in store.experiments.items() if name == experiment]
        if not chosen:
            raise unknown("experiment", experiment, store.experiments.values())
    runs = store.search(quote_names(where), limit=MOST, experiments=chosen)
    if not runs:
        raise UserError(
            f"No run of {store.address} satisfies {where}. Check the names and values in MLflow."
            if where
            else f"The store {store.address} has no run to compare. Name another store or experiment."
        )
    if len(runs) == MOST:
        raise UserError(f"MLflow returns at most {MOST:,} runs, and more are found. Add conditions with --where.")
    return runs


def _countable(runs: list[Any], metric: str, needed: Sequence[Attribute], remarks: list[str]) -> list[Any]:
    """The finished runs with the metric and the attributes; remarks count the others."""
    statuses = Counter(run.info.status for run in runs if run.info.status != "FINISHED")
    finished = [run for run in runs if run.info.status == "FINISHED"]
    if not finished:
        raise UserError("None of these runs is finished. Only finished runs are compared.")
    if statuses:
        listed = ", ".join(f"{number} {status}" for status, number in sorted(statuses.items()))
        remarks.append(f"Not counted, because they are not finished: {number_of(statuses.total(), 'run')} ({listed}).")
    left = [run for run in finished if metric in run.data.metrics]
    if not left:
        raise unknown("metric of these runs", metric, {name for run in finished for name in run.data.metrics})
    if len(left) < len(finished):
        remarks.append(f"Not counted, because they have no {metric}: {number_of(len(finished) - len(left), 'run')}.")
    for attribute in needed:
        having = [run for run in left if attribute.of(run) is not None]
        if not having:
            raise unknown("parameter or tag of these runs", str(attribute), set(_names(left)))
        if len(having) < len(left):
            remarks.append(
                f"Not counted, because they have no {attribute}: {number_of(len(left) - len(having), 'run')}."
            )
        left = having
    above = {run.data.tags.get(MLFLOW_PARENT_RUN_ID) for run in left}
    below = [run for run in left if run.info.run_id not in above]
    if len(below) < len(left):
        remarks.append(
            f"Not counted, because they summarise runs below them: {number_of(len(left) - len(below), 'run')}."
        )
    return below


def _names(runs: Sequence[Any]) -> Iterator[str]:
    for run in runs:
        yield from (f"params.{name}" for name in run.data.params)
        yield from (f"tags.{name}" for name in run.data.tags if not name.startswith("mlflow."))


def _one_experiment(store: Store, runs: Sequence[Any]) -> str:
    names = sorted({store.experiments[run.info.experiment_id] for run in runs})
    if len(names) > 1:
        raise UserError(
            f"These runs belong to {len(names)} experiments, whose data may differ: {', '.join(names)}. Choose one "
            f"with --experiment, as in --experiment {quote(names[0])}."
        )
    return names[0]


def _groups(runs: Sequence[Any], group_by: Sequence[Attribute]) -> dict[str, list[Any]]:
    found: dict[tuple[str, ...], list[Any]] = defaultdict(list)
    for run in runs:
        found[tuple(str(one.of(run)) for one in group_by)].append(run)
    by = _joined(group_by)
    if len(found) < 2:
        (only,) = found
        raise UserError(f"All {len(runs)} runs have {by} = {', '.join(only)}. A comparison needs at least two groups.")
    if len(found) > MAX_GROUPS:
        raise UserError(f"{by} has {len(found)} values, and at most {MAX_GROUPS} are compared. Choose with --where.")
    named: dict[str, list[Any]] = {}
    for number, (parts, own) in enumerate(sorted(found.items()), start=1):
        name = " ".join(", ".join(parts).split()) or "(empty)"
        name = name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
        named[name if name not in named else f"{name} ({number})"] = own
    return named


def _pairing(
    groups: Mapping[str, Sequence[Any]], group_by: Sequence[Attribute], remarks: list[str]
) -> tuple[Attribute, ...]:
    """The attributes with a name in `PAIRING` that pair runs of different groups.

    Runs of one fold or split share their images, so several of them are not independent. If nothing else pairs them,
    they are paired by it, and their mean counts as one run.
    """
    runs = [run for own in groups.values() for run in own]
    named = [one for one in known_attributes(groups) if last_part(one) in PAIRING and one not in group_by]
    usable = [one for one in named if None not in (values := {one.of(run) for run in runs}) and len(values) > 1]
    usable.sort(key=lambda one: PAIRING.index(last_part(one)))
    refused: list[str] = []
    for chosen in ([usable] if usable else []) + [[one] for one in usable[: len(usable) * (len(usable) > 1)]]:
        keys = {group: [_key(run, chosen) for run in own] for group, own in groups.items()}
        repeated = next((group for group, own in keys.items() if len(set(own)) < len(own)), None)
        if repeated is not None:
            by = _joined(chosen)
            refused.append(f"{by} does not pair runs, because {repeated} has several runs with one value of it.")
        elif _shared(keys):
            remarks += refused
            return tuple(chosen)
    by_fold = [one for one in usable if is_fold(one)]
    if by_fold and _shared({group: [_key(run, by_fold) for run in own] for group, own in groups.items()}):
        return tuple(by_fold)
    remarks += refused
    return ()


def _key(run: Any, paired_by: Sequence[Attribute]) -> str:
    return "\n".join(str(one.of(run)) for one in paired_by) if paired_by else str(run.info.run_id)


def _shared(keys: Mapping[str, Sequence[str] | Mapping[str, float]]) -> bool:
    """Whether two groups have at least two keys in common."""
    return any(len(set(one) & set(other)) > 1 for one, other in combinations(keys.values(), 2))


def _values(
    runs: Sequence[Any], metric: str, paired_by: Sequence[Attribute], group: str, remarks: list[str]
) -> dict[str, float]:
    found: dict[str, list[float]] = defaultdict(list)
    for run in runs:
        found[_key(run, paired_by)].append(_finite(run.data.metrics[metric]))
    repeated = sum(len(values) > 1 for values in found.values())
    if repeated:
        remarks.append(
            f"{group}: several runs share a value of {_joined(paired_by)} ({repeated} times). Their mean counts as one "
            "run."
        )
    return {key: sum(values) / len(values) for key, values in found.items()}


def _finite(value: float) -> float:
    # Databases store an infinite value as the largest finite one.
    return value if math.isfinite(value) and abs(value) < sys.float_info.max / 2 else math.nan


def _tested_share(runs: Sequence[Any], paired_by: Sequence[Attribute]) -> float:
    for attribute in paired_by:
        if "fold" in last_part(attribute):
            folds = len({attribute.of(run) for run in runs})
            return 1 / (folds - 1) if folds > 1 else 0.0
        if last_part(attribute) == "split":
            return SPLIT_SHARE
    return 0.0


def _joined(names: Sequence[Attribute]) -> str:
    return " and ".join(map(str, names))
