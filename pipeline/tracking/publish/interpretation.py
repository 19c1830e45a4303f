"""Log what a network has learned and how it reacts to shifts, from the folder of its interpretation."""

import numpy as np

from pipeline.storage.files import read_json
from pipeline.storage.folders import InterpretationFolder
from pipeline.storage.interpretation_record import interpreted_digest
from pipeline.tracking.names import INTERPRETATION, INTERPRETED
from pipeline.tracking.publish.model_runs import ModelRuns


def publish_interpretation(runs: ModelRuns, folder: InterpretationFolder) -> None:
    """Log the measurements of every replicate and their means as metrics, and all files as artifacts of the parent run.

    A number that is undefined for a replicate is not logged and does not count in the mean. A model that is not
    interpreted, or whose interpretation is logged already, is left alone.

    Raises:
        UserError: the interpretation is incomplete or damaged.
    """
    tracker, digest = runs.tracker, interpreted_digest(folder)
    if digest is None or tracker.client.get_run(runs.parent).data.tags.get(INTERPRETED) == digest:
        return
    measured = {one["replicate"]: one for one in read_json(folder.shifts, "replicates")["replicates"]}
    values = {
        number: {
            f"test/{name}": float(value) for name, value in one.items() if name != "replicate" and value is not None
        }
        for number, one in measured.items()
    }
    for number, child in runs.children.items():
        tracker.log_metrics(child, values.get(number, {}))
    if runs.shows_comparison:
        return
    names = dict.fromkeys(name for one in values.values() for name in one)
    means = {name: float(np.mean([one[name] for one in values.values() if name in one])) for name in names}
    tracker.replace_files(runs.parent, [folder.shifts, *folder.pictures], INTERPRETATION)
    # The tag comes last, so that an interrupted call is repeated.
    tracker.log_metrics(runs.parent, means)
    tracker.tag(runs.parent, {INTERPRETED: digest})
