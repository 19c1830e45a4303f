"""Package the champion so that it classifies pictures, write its model card, and register it in MLflow."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.comparison.card_values import gather_card
from pipeline.comparison.choice_file import read_choice, with_packaged_score
from pipeline.comparison.gather import data_summary
from pipeline.console import say
from pipeline.data.prepared import Prepared, read_prepared
from pipeline.reporting.blocks import Document
from pipeline.reporting.card.card_files import copy_card, write_card
from pipeline.reporting.card.model_card import card_document, document_without_champion
from pipeline.storage.digests import write_digests
from pipeline.storage.files import replacing_folder, write_checked_json
from pipeline.storage.folders import CARD, CHAMPION, CHOICE, PREPARED, RunFolder
from pipeline.storage.home import temporary_experiment
from pipeline.tracking.tracker import Tracker
from pipeline.training.runtime import start_tensorflow


def main(models: tuple[str, ...]) -> None:
    """Write the folder `champion` from the network that the report chose; without one, the folder says why."""
    choice = read_choice(CHOICE)
    prepared = read_prepared(PREPARED)
    with replacing_folder(CHAMPION) as unfinished:
        if choice["model"] is None:
            card = document_without_champion(choice, data_summary(prepared.manifest))
        else:
            choice, card = _packaged(unfinished, choice, prepared, models)
        write_checked_json(unfinished / CHOICE.name, choice)
        write_card(unfinished, card)
        write_digests(unfinished)
    copy_card(CHAMPION, CARD.parent)
    if choice["model"] is None:
        say(choice["reason"])
        return
    experiment = temporary_experiment()
    if experiment is not None:
        say(
            f"Packaged: {choice['model']}. {choice['reason']} The champion in MLflow is unchanged, because this is the "
            f"experiment {experiment}. To register this one: `dvc exp apply {experiment}`, then `convtrack publish`."
        )
        return
    from pipeline.tracking.publish.champion import publish_champion

    tracker = Tracker.open(prepared.manifest["name"])
    version = publish_champion(tracker, RunFolder.of(choice["model"]), prepared, CHAMPION)
    say(f"Champion: {choice['model']}, version {version.number} of {version.name} in MLflow. {choice['reason']}")
    say(f"Packaged network: {CHAMPION}/; model card: {CARD}")


def _packaged(
    folder: Path, choice: Mapping[str, Any], prepared: Prepared, models: tuple[str, ...]
) -> tuple[Mapping[str, Any], Document]:
    """Package the network; return the choice with the score of the packaged network, and its card."""
    start_tensorflow(1)
    from pipeline.deployment.packaging import package

    answered = package(folder, RunFolder.of(choice["model"]), choice["replicates"], prepared)
    card = gather_card(choice, folder, prepared, answered, models=models)
    return with_packaged_score(choice, card.held_out), card_document(card)
