"""Score the predictions of every trained replicate of a model for its test images, and log them."""

from pipeline.config.schema import EvaluationConfig, ModelConfig
from pipeline.console import say
from pipeline.counts import number_of
from pipeline.data.looks import record_look, test_set_digest
from pipeline.data.prepared import read_prepared
from pipeline.evaluation.model_predictions import read_model_predictions
from pipeline.evaluation.predictions import write_predictions
from pipeline.evaluation.scoring import class_table, metrics_file, score_file
from pipeline.reporting.costs import NETWORK_COSTS
from pipeline.reporting.figures.evaluation_figures import curve_figures, mistakes_figure
from pipeline.reporting.text.quantities import spread
from pipeline.storage.digests import write_digests
from pipeline.storage.files import read_json, read_network_text, replacing, replacing_folder, write_json
from pipeline.storage.folders import PREPARED, RunFolder, looks_file
from pipeline.storage.provenance import commit
from pipeline.tracking.publish.evaluation import publish_evaluation
from pipeline.tracking.tracker import Tracker


def main(model: ModelConfig, evaluation: EvaluationConfig) -> None:
    """Evaluate one model of the comparison on its test images."""
    run = RunFolder.of(model.name)
    trained = read_json(run.replicates, "configuration", "configuration_fingerprint", "replicates")
    network = read_json(run.layers, *NETWORK_COSTS)
    prepared = read_prepared(PREPARED)
    tracker = Tracker.open(prepared.manifest["name"])
    records = trained["replicates"]
    predictions = read_model_predictions(
        read_network_text(run.architecture),
        {record["replicate"]: run.result(record["replicate"]) for record in records},
        prepared,
    )
    record_look(
        looks_file(prepared.manifest["name"]),
        "evaluated",
        test_set=test_set_digest(prepared),
        configuration=trained["configuration_fingerprint"],
        model=model.name,
        commit=commit(),
    )
    compared, scores = predictions.test[predictions.question], score_file(predictions, records)
    with replacing_folder(run.evaluate) as unfinished:
        write_predictions(unfinished / run.predictions.name, predictions.test)
        write_json(unfinished / run.scores.name, scores)
        for name, curve in curve_figures(compared).items():
            (unfinished / run.curve(name).name).write_text(curve, encoding="utf-8")
        if mistakes := mistakes_figure(compared, prepared, evaluation.mistakes):
            (unfinished / run.mistakes.name).write_bytes(mistakes)
        write_digests(unfinished)
    with replacing(run.confusion) as unfinished:
        class_table(compared).to_csv(unfinished, index=False)
    write_json(run.metrics, metrics_file(scores, compared, network))
    publish_evaluation(tracker, run, prepared)
    accuracy = spread([one["scores"]["accuracy"] for one in scores["replicates"]])
    say(f"{model.name}: accuracy {accuracy} on the test images of {number_of(len(records), 'replicate')}")
