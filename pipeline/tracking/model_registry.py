"""Find registered networks that take pictures, and bring their files here.

An SQLite store is read directly, because importing MLflow takes more than a second. Every other store is read with
MLflow's client, and the files of a model are kept in the cache.
"""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlparse

from pipeline.config.reading import read_comparison
from pipeline.deployment.picture_model import SETTINGS
from pipeline.errors import UserError
from pipeline.storage.files import replacing_folder
from pipeline.storage.folders import CHAMPION, CHOICE, cache_folder
from pipeline.tracking.address import SQLITE, is_default_store, shown, store_address
from pipeline.tracking.names import CHAMPION_ALIAS
from pipeline.tracking.projects import own_name

FOLDER = "champion"
"""The folder of the packaged network among the files of a logged model."""
PACKAGED = " for pictures"
"""End of the name of a logged model that takes pictures."""
FORMS = "an alias such as champion, the number of a version, the id of a run, models:/NAME@ALIAS, models:/NAME/VERSION"


class Registered(NamedTuple):
    """A version of a registered model: an alias, or a number if `alias` is None."""

    name: str
    alias: str | None
    version: int | None


def registered_folder(address: str = CHAMPION_ALIAS) -> Path:
    """Return the folder of a packaged network.

    Args:
        address: an alias or version of the registered model of the comparison's data, the id of a run that logged one,
            MLflow's `models:/NAME@ALIAS`, `models:/NAME/VERSION` or `models:/m-ID`, or a folder, written with a slash
            as in ./champion.

    Raises:
        UserError: there is no such network, its files are gone, or the store is unreachable.
    """
    if "/" in address and (Path(address) / SETTINGS).is_file():
        return Path(address)
    found = _in_sqlite(address) if store_address().startswith(SQLITE) else _in_store(address)
    if not (found / SETTINGS).is_file():
        raise UserError(
            f"The files of '{address}' are missing: {found} holds no packaged network. Make and log it again with "
            "`dvc repro --force package`."
        )
    return found


def parsed_address(address: str) -> Registered | str:
    """Return the registered version that an address names, or else the id of a run or of a logged model.

    >>> parsed_address("models:/digits@champion"), parsed_address("models:/m-0123")
    (Registered(name='digits', alias='champion', version=None), 'm-0123')

    Raises:
        UserError: the address has none of the forms.
    """
    if re.fullmatch(r"[0-9a-f]{32}", address):
        return address
    if address.startswith("models:/"):
        rest = address.removeprefix("models:/")
        if re.fullmatch(r"m-[0-9a-f]+", rest):
            return rest
        if matched := re.fullmatch(r"([^/@]+)@([^/@]+)", rest):
            return Registered(matched[1], matched[2], None)
        if matched := re.fullmatch(r"([^/@]+)/(\d+)", rest):
            return Registered(matched[1], None, int(matched[2]))
    elif address.isascii() and address.isdigit():
        return Registered(_own_name(), None, int(address))
    elif re.fullmatch(r"[A-Za-z_][\w-]*", address):
        return Registered(_own_name(), address, None)
    raise UserError(f"There is no model '{address}'. Name {FORMS}, or the folder of a packaged network.")


def registered_name(data: str) -> str:
    """The name of the registered model of a data set, without the characters that MLflow rejects."""
    return re.sub(r"[/:.%\"']", "_", data)


def own_registered_name(data: str) -> str:
    """The name of this project's registered model of a data set. Another project may have taken the name of the data.

    Raises:
        UserError: the store cannot be read or reached.
    """
    name = registered_name(data)
    return name if is_default_store() else own_name(name, _registered_tags(name))


def _registered_tags(name: str) -> dict[str, str]:
    """The tags of a registered model; none if it is missing."""
    if store_address().startswith(SQLITE):
        file = Path(store_address().removeprefix(SQLITE))
        if not file.is_file():
            return {}
        with reading_store(file) as store:
            return dict(store.execute("select key, value from registered_model_tags where name = ?", (name,)))
    from pipeline.tracking.connection import connecting

    with connecting() as client:
        found = client.search_registered_models(f"name = '{name}'")
        return dict(found[0].tags) if found else {}


def _own_name() -> str:
    return own_registered_name(read_comparison().data)


def _missing(wanted: Registered | str) -> UserError:
    """The error for a model that the store does not have."""
    where = shown(store_address())
    if isinstance(wanted, str):
        return UserError(
            f"{where} has no packaged network of '{wanted}'. `convtrack champion` shows the registered one."
        )
    if wanted.alias == CHAMPION_ALIAS:
        why = _unregistered() or "Run `dvc repro`, which trains the networks of the comparison and registers one."
        return UserError(f"There is no champion of {wanted.name} in {where} yet. {why}")
    which = f"version {wanted.version}" if wanted.alias is None else f"alias '{wanted.alias}'"
    return UserError(f"{where} has no {which} of the registered model {wanted.name}. Name {FORMS}.")


def _unregistered() -> str | None:
    """Why the network that the stage `package` has written is not registered; None if it has written nothing."""
    from pipeline.comparison.choice_file import read_choice

    file = CHAMPION / CHOICE.name
    if not file.is_file():
        return None
    choice = read_choice(file)
    if choice["model"] is not None:
        return f"Run `convtrack publish`, which registers {choice['model']}, the packaged network."
    return f'{choice["reason"]} `convtrack champion NAME --why "…"` registers one nevertheless.'


def _logged_model(wanted: Registered, version: Any, source: str) -> str:
    """The id of the logged model that is the source of a version.

    Raises:
        UserError: the source is something else, as of a version that another program registered.
    """
    if not source.startswith("models:/"):
        raise UserError(
            f"Version {version} of the registered model {wanted.name} in {shown(store_address())} was not registered "
            f"by convtrack. Choose another version, or move the alias {CHAMPION_ALIAS} back with `convtrack publish`."
        )
    return source.removeprefix("models:/")


@contextmanager
def reading_store(file: Path) -> Iterator[sqlite3.Connection]:
    """Read an SQLite store by the tables of MLflow.

    Raises:
        UserError: the file is damaged, or comes from another version of MLflow.
    """
    try:
        with closing(sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True, timeout=20)) as store:
            yield store
    except sqlite3.Error as problem:
        raise UserError(
            f"The tracking store {SQLITE}{file} cannot be read ({problem}). If `convtrack publish` does not help, "
            "restore it from a copy, or set MLFLOW_TRACKING_URI."
        ) from None


def _in_sqlite(address: str) -> Path:
    """The folder of a network in an SQLite store, by the tables of MLflow."""
    wanted = parsed_address(address)
    file = Path(store_address().removeprefix(SQLITE))
    if not file.is_file():
        raise _missing(wanted)
    with reading_store(file) as store:
        if isinstance(wanted, Registered):
            version = wanted.version
            if wanted.alias is not None:
                version = _only(
                    store,
                    "select version from registered_model_aliases where name = ? and alias = ?",
                    (wanted.name, wanted.alias),
                )
            source = _only(
                store, "select source from model_versions where name = ? and version = ?", (wanted.name, version)
            )
            model = _logged_model(wanted, version, source) if source else None
            location = _only(store, "select artifact_location from logged_models where model_id = ?", (model,))
        else:
            location = _only(
                store,
                "select artifact_location from logged_models where (model_id = ? or source_run_id = ?) "
                "and lifecycle_stage = 'active' and name like ? order by creation_timestamp_ms desc",
                (wanted, wanted, f"%{PACKAGED}"),
            )
    if location is None:
        raise _missing(wanted)
    place = urlparse(str(location))
    if place.scheme not in ("", "file"):
        return _downloaded(str(location))
    return Path(unquote(place.path)) / FOLDER


def version_in(folder: Path) -> int | None:
    """The registered version whose packaged network is this folder.

    None for a folder that is not registered, and for stores that are not SQLite, whose files are copies.
    """
    store_file = Path(store_address().removeprefix(SQLITE))
    if not store_address().startswith(SQLITE) or not store_file.is_file():
        return None
    with reading_store(store_file) as store:
        found = store.execute(
            "select version, artifact_location from model_versions "
            "join logged_models on source = 'models:/' || logged_models.model_id"
        ).fetchall()
    places = {Path(unquote(urlparse(str(location)).path)) / FOLDER: int(version) for version, location in found}
    return places.get(folder)


def _only(store: sqlite3.Connection, query: str, values: tuple[Any, ...]) -> Any:
    try:
        found = store.execute(query, values).fetchone()
    except OverflowError:  # A number with more than 64 bits is not in the store.
        return None
    return found[0] if found else None


def _in_store(address: str) -> Path:
    """The folder of a network in any store, downloaded unless it is in the cache."""
    from mlflow.exceptions import MlflowException

    from pipeline.tracking.connection import connecting

    wanted = parsed_address(address)
    with connecting() as client:
        try:
            location = _location(client, wanted)
        except MlflowException as problem:
            if problem.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                raise
            location = None
    if location is None:
        raise _missing(wanted)
    return _downloaded(location)


def _location(client: Any, wanted: Registered | str) -> str | None:
    """Where the files of a logged model lie."""
    if isinstance(wanted, Registered):
        if wanted.alias is not None:
            version = client.get_model_version_by_alias(wanted.name, wanted.alias)
        else:
            version = client.get_model_version(wanted.name, str(wanted.version))
        model = _logged_model(wanted, version.version, version.source)
        return str(client.get_logged_model(model).artifact_location)
    if wanted.startswith("m-"):
        return str(client.get_logged_model(wanted).artifact_location)
    run = client.get_run(wanted)
    logged = client.search_logged_models([run.info.experiment_id], filter_string=f"source_run_id = '{wanted}'")
    packaged = [one for one in logged if one.name.endswith(PACKAGED) and one.status == "READY"]
    return str(packaged[0].artifact_location) if packaged else None


def _downloaded(location: str) -> Path:
    """The folder of a packaged network among files elsewhere. The files of a logged model never change."""
    from pipeline.storage.fingerprints import fingerprint

    folder = cache_folder() / "models" / fingerprint({"location": location})[:16]
    if not (folder / SETTINGS).is_file():
        from mlflow.artifacts import download_artifacts

        from pipeline.tracking.artifact_store import artifact_errors

        with artifact_errors(location), replacing_folder(folder) as unfinished:
            found = Path(download_artifacts(artifact_uri=f"{location}/{FOLDER}", dst_path=str(unfinished)))
            for file in found.iterdir():
                file.rename(unfinished / file.name)
    return folder
