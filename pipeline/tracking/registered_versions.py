"""The versions of a registered model: which networks were champion, and why.

As in `pipeline.tracking.model_registry`, an SQLite store is read without importing MLflow.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from pipeline.tracking.address import SQLITE, store_address
from pipeline.tracking.model_registry import reading_store
from pipeline.tracking.names import CHAMPION_ALIAS, VERSION_MODEL, VERSION_REPLICATES


class RegisteredVersion(NamedTuple):
    """A version of a registered model; `description` says why it was chosen and what it replaced."""

    number: int
    champion: bool
    description: str
    tags: Mapping[str, str]


def network_in_words(tags: Mapping[str, str]) -> str:
    """The model of a version and its replicates.

    >>> network_in_words({"model": "lenet5", "replicates": "3"})
    'lenet5, replicate 3'
    >>> network_in_words({"model": "lenet5", "replicates": "1, 2"})
    'lenet5, 2 replicates together'
    """
    model, replicates = tags.get(VERSION_MODEL, "unknown model"), tags.get(VERSION_REPLICATES, "unknown")
    together = replicates.count(",") + 1
    return f"{model}, " + (f"{together} replicates together" if together > 1 else f"replicate {replicates}")


def registered_versions(name: str) -> list[RegisteredVersion]:
    """The versions of a registered model, the newest first; none if there is no such model.

    Raises:
        UserError: the store cannot be read or reached.
    """
    address = store_address()
    found = _in_file(Path(address.removeprefix(SQLITE)), name) if address.startswith(SQLITE) else _in_store(name)
    return sorted(found, key=lambda one: -one.number)


def _in_file(file: Path, name: str) -> list[RegisteredVersion]:
    if not file.is_file():
        return []
    with reading_store(file) as store:
        rows = store.execute(
            # MLflow keeps the rows of deleted versions.
            "select version, description from model_versions where name = ? and current_stage != 'Deleted_Internal'",
            (name,),
        ).fetchall()
        tags: dict[int, dict[str, str]] = {}
        for number, key, value in store.execute(
            "select version, key, value from model_version_tags where name = ?", (name,)
        ):
            tags.setdefault(int(number), {})[key] = value
        champion = store.execute(
            "select version from registered_model_aliases where name = ? and alias = ?", (name, CHAMPION_ALIAS)
        ).fetchone()
    return [
        RegisteredVersion(
            int(number),
            champion is not None and int(number) == int(champion[0]),
            description or "",
            tags.get(int(number), {}),
        )
        for number, description in rows
    ]


def _in_store(name: str) -> list[RegisteredVersion]:
    from pipeline.tracking.connection import connecting

    with connecting() as client:
        if not client.search_registered_models(f"name = '{name}'"):
            return []
        champion = client.get_registered_model(name).aliases.get(CHAMPION_ALIAS)
        return [
            RegisteredVersion(
                int(one.version),
                champion is not None and int(one.version) == int(champion),
                one.description or "",
                one.tags,
            )
            for one in client.search_model_versions(f"name = '{name}'")
        ]
