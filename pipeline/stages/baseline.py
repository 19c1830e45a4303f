"""Fit the baselines to the training images of every replicate, score their predictions, and log them.

`'baselines=[grey_levels]'` chooses one of them.
"""

from pipeline.console import say
from pipeline.data.prepared import read_prepared
from pipeline.evaluation.baseline_predictions import OUTPUT, baseline_file, fit_baseline
from pipeline.evaluation.predictions import write_predictions
from pipeline.evaluation.scoring import class_table, metrics_file, score_file
from pipeline.reporting.text.quantities import spread
from pipeline.storage.digests import write_digests
from pipeline.storage.files import replacing, replacing_folder, write_json
from pipeline.storage.folders import PREPARED, RunFolder
from pipeline.storage.provenance import process_code
from pipeline.tracking.publish.baselines import publish_baseline
from pipeline.tracking.tracker import Tracker


def main(baselines: tuple[str, ...]) -> None:
    """Evaluate baselines of the comparison on their test images."""
    prepared = read_prepared(PREPARED)
    tracker = Tracker.open(prepared.manifest["name"])
    for name in baselines:
        run = RunFolder.of(name)
        predictions, records = fit_baseline(name, prepared)
        compared, scores = predictions.test[OUTPUT], score_file(predictions, records)
        fitted = {**baseline_file(name, prepared, records), **process_code().record}
        with replacing_folder(run.evaluate) as unfinished:
            write_predictions(unfinished / run.predictions.name, predictions.test)
            write_json(unfinished / run.scores.name, scores)
            write_json(unfinished / run.baseline.name, fitted)
            process_code().write_patch(unfinished / run.baseline_patch.name)
            write_digests(unfinished)
        with replacing(run.confusion) as unfinished:
            class_table(compared).to_csv(unfinished, index=False)
        write_json(run.metrics, metrics_file(scores, compared, fitted))
        publish_baseline(tracker, run, prepared)
        accuracy = spread([one["scores"]["accuracy"] for one in scores["replicates"]])
        say(f"{name} (baseline): accuracy {accuracy} on the test images of {len(records)} replicates")
