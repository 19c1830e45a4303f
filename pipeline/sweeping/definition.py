"""What identifies a sweep: the settings that must stay the same so that its trials can be compared."""

import json
import re
from collections.abc import Mapping
from typing import Any

from omegaconf import OmegaConf

from pipeline.config.reading import flattened
from pipeline.config.schema import SECTIONS, Objective, SweepConfig
from pipeline.errors import UserError
from pipeline.storage.fingerprints import fingerprint
from pipeline.sweeping.space import Space

MAXIMISED: tuple[Objective, ...] = ("validation_accuracy", "validation_roc_auc")
"""The objectives for which larger values are better."""


def sweep_definition(chosen: SweepConfig, space: Space, config: Any) -> dict[str, Any]:
    """Space, objectives, and every setting that is not searched, as JSON values. `config` is Hydra's configuration."""
    searched = {parameter.key for parameter in space.parameters}
    values: Any = OmegaConf.to_container(config, resolve=False)
    kept = {name: values[name] for name in (*SECTIONS, "replicates") if name in values and name not in searched}
    settings = {name: value for name, value in flattened(kept) if name not in searched}
    return {"objectives": list(chosen.objectives), **space.written, "settings": settings}


def sweep_name(chosen: SweepConfig, definition: Mapping[str, Any], choices: Mapping[str, str | None]) -> str:
    """The configured name, or one derived from the chosen files of sweep, model and data.

    A sweep without a file of `conf/sweep` is named after its sampler and a digest of its definition.

    Raises:
        UserError: the configured name contains invalid characters.
    """
    if chosen.name is not None:
        if not re.fullmatch(r"\w[\w.,=+@-]*", chosen.name):
            raise UserError(
                f"Invalid `hydra.sweeper.name`: '{chosen.name}'. Start it with a letter or digit and use only "
                "letters, digits and .,=+@-_."
            )
        return chosen.name
    if not choices.get("sweep"):
        return f"{chosen.sampler.name}-{fingerprint(definition)[:8]}"
    groups = [group for group in ("sweep", "model", "data") if group not in definition["space"] and choices.get(group)]
    return "-".join(str(choices[group]) for group in groups)


def changed_settings(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """One line per setting that differs between two definitions; those that one of them searches are left out."""
    searched = {f"settings.{key}" for definition in (before, now) for key in definition["space"]}
    return [line for line in difference(before, now) if line.partition(":")[0] not in searched]


def difference(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """One line per entry that differs between two nested mappings of JSON values.

    >>> difference({"space": {"seed": "range(0, 2)"}}, {"space": {"seed": "range(0, 3)"}, "trials": 9})
    ['space.seed: range(0, 2) before, range(0, 3) now', 'trials: nothing before, 9 now']
    """
    then, since = dict(flattened(before)), dict(flattened(now))
    return [
        f"{name}: {_text(then, name)} before, {_text(since, name)} now"
        for name in {**then, **since}
        if _text(then, name) != _text(since, name)
    ]


def _text(entries: Mapping[str, Any], name: str) -> str:
    if name not in entries:
        return "nothing"
    return entries[name] if isinstance(entries[name], str) else json.dumps(entries[name])
