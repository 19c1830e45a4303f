"""Log the champion, and register it in MLflow's model registry under the alias `champion`."""

from collections.abc import Mapping
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mlflow.exceptions import MlflowException
from PIL import Image

from pipeline.counts import number_of
from pipeline.data.prepared import Prepared
from pipeline.deployment import loader, reference
from pipeline.deployment.picture_model import read_settings
from pipeline.reporting.card.card_tables import stored
from pipeline.reporting.content import metric_label
from pipeline.reporting.tables.text_table import escaped
from pipeline.storage.files import read_json
from pipeline.storage.fingerprints import code_digest, fingerprint
from pipeline.storage.folders import CARD, CHOICE, RunFolder
from pipeline.storage.imports import import_closure, module_file
from pipeline.tracking.carried_code import carried_code
from pipeline.tracking.connection import store_lock
from pipeline.tracking.image_sets import image_sets
from pipeline.tracking.logged_networks import find_network, log_model, write_environment
from pipeline.tracking.logged_pictures import requirements_of, signature_of, write_picture_model
from pipeline.tracking.model_registry import FOLDER, PACKAGED, own_registered_name, registered_name
from pipeline.tracking.names import (
    CHAMPION_ALIAS,
    CHOSEN_BY,
    FINGERPRINT,
    PROJECT,
    SINCE,
    VERSION_MODEL,
    VERSION_REPLICATES,
    VERSION_SCORE,
)
from pipeline.tracking.projects import project_name
from pipeline.tracking.publish.evaluation import log_scores
from pipeline.tracking.publish.training import publish_training
from pipeline.tracking.registered_versions import network_in_words
from pipeline.tracking.tracker import Tracker


class Version(NamedTuple):
    """A version of a registered model."""

    name: str
    number: int


def publish_champion(tracker: Tracker, run: RunFolder, prepared: Prepared, packaged: Path) -> Version:
    """Log a packaged network to the run of its replicate, register it, and give it the alias.

    A network of several replicates is logged to the run of the model. The same network is registered only once. The
    champion before it keeps its version.
    """
    settings, choice = read_settings(packaged), read_json(packaged / CHOICE.name)
    runs = publish_training(tracker, run, prepared)
    replicates = settings["replicates"]
    source = runs.children[replicates[0]] if len(replicates) == 1 else runs.parent
    own = package_fingerprint(settings)
    with store_lock():
        model = _logged(tracker, source, own) or _log(tracker, source, own, run, prepared, packaged, settings)
    if len(replicates) == 1:
        (scored,) = [one for one in read_json(run.scores)["replicates"] if one["replicate"] == replicates[0]]
        log_scores(tracker, source, scored, image_sets(prepared, replicates[0]), network=model)
    return _register(tracker, model, source, own, choice, settings)


def package_fingerprint(settings: Mapping[str, Any]) -> str:
    """The fingerprint of what decides the answers of a packaged network: its settings and the code that it carries.

    Measured times differ from run to run, so they are left out.
    """
    decisive = (
        "trained",
        "classes",
        "decoding",
        "temperature",
        "thresholds",
        "flag_colour",
        "limits",
        "mean_pixel",
        "format",
    )
    code = import_closure([loader.__name__, reference.__name__, *settings["modules"]])
    return fingerprint(
        {
            "package": {name: settings[name] for name in decisive},
            "code": code_digest(sorted(module for module in code if module_file(module) is not None)),
        }
    )


def _logged(tracker: Tracker, source: str, own: str) -> str | None:
    """The logged model of a packaged network, unless its files are gone."""
    model = find_network(tracker, [source], own)
    return model if model and tracker.client.list_logged_model_artifacts(model, FOLDER) else None


def _log(
    tracker: Tracker,
    source: str,
    own: str,
    run: RunFolder,
    prepared: Prepared,
    packaged: Path,
    settings: Mapping[str, Any],
) -> str:
    replicates = settings["replicates"]
    which = f"replicate {replicates[0] + 1}" if len(replicates) == 1 else f"{len(replicates)} replicates"
    epochs = [read_json(run.result(one).record, "kept_epoch")["kept_epoch"] for one in replicates]
    with carried_code([loader.__name__, *settings["modules"]]) as code:

        def write(folder: Path, model: Any) -> None:
            requirements = requirements_of(settings["runtime"])
            write_picture_model(folder, model, packaged, _example(prepared), requirements=requirements, code=code)
            write_environment(folder, requirements)

        return log_model(
            tracker,
            source,
            own,
            write,
            name=registered_name(f"{run.folder.name} {which}{PACKAGED}"),
            epoch=max(epochs),
            parameters=tracker.parameters(source),
            signature=signature_of(settings["classes"]),
        )


def _register(
    tracker: Tracker, model: str, source: str, own: str, choice: Mapping[str, Any], settings: Mapping[str, Any]
) -> Version:
    client = tracker.client
    with store_lock():
        name = _own_registered_model(client, settings["data"])
        before = _champion(client, name)
        found = client.search_model_versions(f"name = '{name}' AND tags.`{FINGERPRINT}` = '{own}'")
        own_versions = [int(one.version) for one in found if one.source == f"models:/{model}"]
        if own_versions:
            number = max(own_versions)
        else:
            tags = {FINGERPRINT: own}
            created = client.create_model_version(name, f"models:/{model}", source, tags=tags, model_id=model)
            number = int(created.version)
        for key, value in _tags(choice, settings).items():
            client.set_model_version_tag(name, str(number), key, value)
        moved = before is None or int(before.version) != number
        if moved or escaped(choice["reason"]) not in (before.description or ""):
            client.update_model_version(name, str(number), _description(choice, before, number))
        if moved:
            now = datetime.now(UTC).isoformat(" ", "minutes").removesuffix("+00:00")
            client.set_model_version_tag(name, str(number), SINCE, f"{now} UTC")
            client.set_registered_model_alias(name, CHAMPION_ALIAS, str(number))
    return Version(name, number)


def _own_registered_model(client: Any, data: str) -> str:
    """The name of this project's registered model of a data set, which is created or marked as its own."""
    name = own_registered_name(data)
    found = client.search_registered_models(f"name = '{name}'")
    if not found:
        about = f"Networks that classify the images of {data}."
        client.create_registered_model(name, tags={PROJECT: project_name()}, description=about)
    elif PROJECT not in found[0].tags:
        client.set_registered_model_tag(name, PROJECT, project_name())
    return name


def _champion(client: Any, name: str) -> Any:
    try:
        return client.get_model_version_by_alias(name, CHAMPION_ALIAS)
    except MlflowException:
        return None


def _tags(choice: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, str]:
    score = choice.get("packaged_score")
    tags = {
        VERSION_MODEL: settings["model"],
        VERSION_REPLICATES: ", ".join(str(one + 1) for one in settings["replicates"]),
        CHOSEN_BY: "a person" if choice["by_person"] else "the report",
    }
    if score is None:
        return tags
    label, images = metric_label(choice["metric"]), number_of(score["images"], f"{score['part']} image")
    return {**tags, VERSION_SCORE: f"{label} {stored(score)} on {images}"}


def _description(choice: Mapping[str, Any], before: Any, number: int) -> str:
    if before is None:
        changed = "It is the first champion."
    elif int(before.version) == number:
        changed = "The network is that of the champion before."
    else:
        changed = f"It replaces version {before.version} ({network_in_words(before.tags)})."
    return f"{escaped(choice['reason'])} {changed} Model card: {FOLDER}/{CARD.name} among the artifacts."


def _example(prepared: Prepared) -> bytes:
    """The first image, as a PNG file."""
    pixels = np.asarray(prepared.pixels[np.array([0])])[0]
    stream = BytesIO()
    Image.fromarray(pixels if pixels.shape[2] == 3 else pixels[:, :, 0]).save(stream, "PNG")
    return stream.getvalue()
