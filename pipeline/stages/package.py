"""Package the champion so that it classifies pictures, and register it in MLflow."""

from pipeline.comparison.choice_file import read_choice
from pipeline.console import say
from pipeline.data.prepared import read_prepared
from pipeline.storage.files import replacing_folder, write_json
from pipeline.storage.folders import CHAMPION, CHOICE, PREPARED, RunFolder
from pipeline.tracking.tracker import Tracker
from pipeline.training.runtime import start_tensorflow


def main() -> None:
    """Write the folder `champion` from the network that the report chose; without one, the folder says why."""
    choice = read_choice(CHOICE)
    prepared = read_prepared(PREPARED)
    if choice["model"] is None:
        with replacing_folder(CHAMPION) as unfinished:
            write_json(unfinished / CHOICE.name, choice)
        say(choice["reason"])
        return
    start_tensorflow(1)
    from pipeline.deployment.packaging import package
    from pipeline.tracking.publish.champion import publish_champion

    run = RunFolder.of(choice["model"])
    with replacing_folder(CHAMPION) as unfinished:
        write_json(unfinished / CHOICE.name, choice)
        package(unfinished, run, choice["replicates"], prepared)
    version = publish_champion(Tracker.open(prepared.manifest["name"]), run, prepared, CHAMPION)
    say(f"Champion: {choice['model']}, version {version.number} of {version.name} in MLflow. {choice['reason']}")
