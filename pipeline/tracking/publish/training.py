"""Log a trained model from its run folder."""

from pipeline.data.prepared import Prepared
from pipeline.storage.files import read_json
from pipeline.storage.folders import RunFolder
from pipeline.tracking.image_sets import image_sets
from pipeline.tracking.names import AUGMENTED
from pipeline.tracking.publish.model_runs import ModelRuns, provenance_tags
from pipeline.tracking.tracker import Tracker


def publish_training(tracker: Tracker, run: RunFolder, prepared: Prepared) -> ModelRuns:
    """Log the trainings of a model that the store does not hold completely, and return the model's runs.

    If a training was logged live, this only finds and reads its run.
    """
    trained = read_json(run.replicates, "model", "model_fingerprint", "configuration", "replicates")
    results = {record["replicate"]: run.result(record["replicate"]) for record in trained["replicates"]}
    runs = ModelRuns.of(
        tracker,
        trained["model"],
        trained["model_fingerprint"],
        {record["replicate"]: record["fingerprint"] for record in trained["replicates"]},
        configuration=trained["configuration"],
        data_digest=prepared.manifest["digest"],
    )
    missing = {replicate: result for replicate, result in results.items() if not runs.holds_result(replicate, result)}
    if missing:
        tracker.log_images(runs.parent, image_sets(prepared))
        if run.augmented.is_file():
            tracker.log_picture(runs.parent, run.augmented.read_bytes(), AUGMENTED)
    for replicate, result in missing.items():
        tracker.log_images(runs.child(replicate), image_sets(prepared, replicate))
        runs.log_result(replicate, result)
    runs.log_model(list(results.values()), read_json(run.layers), tags=provenance_tags(trained["replicates"][0]))
    tracker.end(runs.parent, "FINISHED")
    return runs
