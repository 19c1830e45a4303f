"""Log an evaluated baseline from its run folder: a run for the baseline, and one below it for each replicate."""

import json

from pipeline.data.prepared import Prepared
from pipeline.reporting.costs import NETWORK_COSTS
from pipeline.storage.files import read_json
from pipeline.storage.folders import RunFolder
from pipeline.tracking.image_sets import image_sets
from pipeline.tracking.names import BASELINE, CODE, DATA_DIGEST, DOES, EVALUATED, EVALUATION
from pipeline.tracking.publish.evaluation import log_scores, means
from pipeline.tracking.publish.model_runs import ModelRuns, provenance_tags
from pipeline.tracking.tracker import Tracker


def publish_baseline(tracker: Tracker, run: RunFolder, prepared: Prepared) -> ModelRuns:
    """Log a baseline's scores, costs and predictions, and return its runs. It has no network and no epochs."""
    fitted = read_json(run.baseline, "description", *NETWORK_COSTS, "fingerprint", "replicates", "commit", "dirty")
    name = run.folder.name
    parameters = {DOES: fitted["description"]}
    tags = {**provenance_tags(fitted), DATA_DIGEST: prepared.manifest["digest"], BASELINE: "true"}
    parent = tracker.parent(fitted["fingerprint"], name, parameters=parameters, tags=tags)
    fingerprints = {record["replicate"]: record["fingerprint"] for record in fitted["replicates"]}

    def create_child(replicate: int) -> str:
        return tracker.child(parent, fingerprints[replicate], name, replicate, parameters=parameters, tags=tags)

    runs = ModelRuns(tracker, parent, create_child)
    measured = means(run, fitted)
    sizes = {name: fitted[name] for name in NETWORK_COSTS}
    metrics = {**measured, **sizes, "replicates": len(fingerprints)}
    beside = runs.shows_comparison
    if not beside:
        if not tracker.holds(parent, metrics):
            tracker.log_images(parent, image_sets(prepared))
        tracker.log_metrics(parent, metrics)
        tracker.log_files(parent, [run.predictions], EVALUATION)
        if run.baseline_patch.is_file():
            tracker.log_files(parent, [run.baseline_patch], CODE)
    for scored in read_json(run.scores)["replicates"]:
        child = runs.child(scored["replicate"])
        log_scores(tracker, child, scored, image_sets(prepared, scored["replicate"]))
        tracker.end(child, "FINISHED")
    if not beside:
        # It may have been fitted again at another commit with the same result.
        tracker.tag(parent, {EVALUATED: json.dumps(runs.children), **provenance_tags(fitted)})
    runs.end("FINISHED")
    return runs
