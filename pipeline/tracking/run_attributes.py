"""Parameters and tags of runs of any program, and remarks on how they differ within and between groups of runs."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.errors import UserError

PAIRING = ("seed", "random_seed", "random_state", "seed_everything", "manual_seed", "fold", "cv_fold", "split")
"""Last parts of the names of parameters and tags that pair runs of different groups, most common first."""


@dataclass(frozen=True)
class Attribute:
    """A parameter or tag of runs; `kind` is `params` or `tags`."""

    kind: str
    name: str

    def __str__(self) -> str:
        """The attribute as in MLflow's filters."""
        return f"{self.kind}.{self.name}"

    def of(self, run: Any) -> str | None:
        """Its value in a run, None without one."""
        value: str | None = (run.data.params if self.kind == "params" else run.data.tags).get(self.name)
        return value


def attributes(text: str) -> tuple[Attribute, ...]:
    """The attributes in a list separated by commas.

    >>> [str(one) for one in attributes("params.model, tags.`host name`")]
    ['params.model', 'tags.host name']

    Raises:
        UserError: a name does not begin with `params.` or `tags.`.
    """
    found = []
    for part in text.split(","):
        kind, _, name = part.strip().partition(".")
        if kind not in ("params", "tags") or not name:
            raise UserError(
                f"A group or pair is named by a parameter or tag, as in params.model or tags.host. Received '{text}'."
            )
        found.append(Attribute(kind, name.strip('`"')))
    return tuple(found)


def is_fold(attribute: Attribute) -> bool:
    """Whether it is the number of a fold or split, by its name."""
    return "fold" in last_part(attribute) or last_part(attribute) == "split"


def last_part(attribute: Attribute) -> str:
    """The last part of its name, as `seed` in `training.seed`."""
    return attribute.name.replace("/", ".").rpartition(".")[2].lower()


def differing(groups: Mapping[str, Sequence[Any]], known: set[Attribute]) -> list[str]:
    """Remarks on the other parameters that differ within a group, and on those that differ between groups only."""
    sets = _settings(groups, known)
    within = [name for name, by_group in sets.items() if any(len(values) > 1 for values in by_group)]
    between = [name for name, by_group in sets.items() if name not in within and len(set().union(*by_group)) > 1]
    remarks = []
    if within:
        remarks.append(f"Also different within a group: {_some(within)}. A group is compared as the mixture of them.")
    if between:
        remarks.append(f"Also different between groups: {_some(between)}. A difference may come from any of them.")
    return remarks


def repeats(
    groups: Mapping[str, Sequence[Any]], group_by: Sequence[Attribute], paired_by: Sequence[Attribute]
) -> list[str]:
    """A remark on the groups whose runs are repeats of one training: their seed is the same, and nothing differs."""
    settings = _settings(groups, {*group_by, *paired_by})
    named = [one for one in known_attributes(groups) if last_part(one) in PAIRING and one not in group_by]
    seeds = [one for one in named if not is_fold(one)]

    def repeated(place: int, own: Sequence[Any]) -> bool:
        same = all(len({one.of(run) for run in own}) == 1 for one in (*named, *paired_by))
        same = same and all(len(by_group[place]) == 1 for by_group in settings.values())
        return len(own) > 1 and same and any(one.of(own[0]) is not None for one in seeds)

    found = [group for place, (group, own) in enumerate(groups.items()) if repeated(place, own)]
    if not found:
        return []
    which = "a group" if len(found) == len(groups) else _some(found)
    names = [str(one) for one in seeds if any(one.of(groups[group][0]) is not None for group in found)]
    return [
        f"All runs of {which} have the same {_some(names)}, so they are repeats of one training. No verdict holds for "
        "trainings with other seeds."
    ]


def known_attributes(groups: Mapping[str, Sequence[Any]]) -> list[Attribute]:
    """The parameters and then the tags that a run has, by name."""
    runs = [run for own in groups.values() for run in own]
    return [
        *(Attribute("params", name) for name in sorted({name for run in runs for name in run.data.params})),
        *(Attribute("tags", name) for name in sorted({name for run in runs for name in run.data.tags})),
    ]


def _settings(groups: Mapping[str, Sequence[Any]], known: set[Attribute]) -> dict[str, list[set[str | None]]]:
    """The values of each parameter by group, except parameters that are known, that pair runs, or that are names."""
    names = sorted({name for own in groups.values() for run in own for name in run.data.params})
    sets = {
        name: [{run.data.params.get(name) for run in own} for own in groups.values()]
        for name in names
        if (attribute := Attribute("params", name)) not in known and last_part(attribute) not in PAIRING
    }
    runs = sum(map(len, groups.values()))
    # A text that is different in each run is a name, such as the optimizer names adam, adam_1, … of Keras.
    return {name: by_group for name, by_group in sets.items() if not _is_name(by_group, runs)}


def _is_name(by_group: Sequence[set[str | None]], runs: int) -> bool:
    values = set().union(*by_group)
    return len(values) == runs > len(by_group) and not any(value and re.match(r"[-+]?\.?\d", value) for value in values)


def _some(names: Sequence[str], most: int = 8) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
