"""Ask every trained replicate of a model about its test images, score the answers, and log them."""

import numpy as np

from pipeline.config.schema import EvaluationConfig, ModelConfig
from pipeline.console import say
from pipeline.data.looks import record_look, test_set_digest
from pipeline.data.prepared import read_prepared
from pipeline.evaluation.predictions import subgroup_scores, write_predictions
from pipeline.reporting.text.quantities import spread
from pipeline.storage.files import read_json, replacing, replacing_folder, write_json
from pipeline.storage.folders import PREPARED, RunFolder, looks_file
from pipeline.storage.provenance import commit
from pipeline.tracking.publish.evaluation import publish_evaluation
from pipeline.tracking.tracker import Tracker
from pipeline.training.runtime import start_tensorflow


def main(model: ModelConfig, evaluation: EvaluationConfig) -> None:
    """Evaluate one model of the comparison on its test images."""
    run = RunFolder.of(model.name)
    trained, network = read_json(run.replicates), read_json(run.layers)
    prepared = read_prepared(PREPARED)
    tracker = Tracker.open(prepared.manifest["name"])
    start_tensorflow(trained["configuration"]["training"]["threads"])
    from pipeline.evaluation import evaluate as evaluating

    records = trained["replicates"]
    asked = evaluating.ask(
        run.architecture.read_text(encoding="utf-8"),
        {record["replicate"]: run.result(record["replicate"]) for record in records},
        prepared,
        batch_size=evaluation.batch_size,
        repeats=evaluation.timing_repeats,
    )
    record_look(
        looks_file(prepared.manifest["name"]),
        "evaluated",
        test_set=test_set_digest(prepared.splits, prepared.manifest),
        configuration=trained["configuration_fingerprint"],
        model=model.name,
        commit=commit(),
    )
    by_replicate, validation = evaluating.score(asked.test), evaluating.score(asked.validation)
    question, compared = next(iter(asked.test.items()))
    with replacing_folder(run.evaluate) as unfinished:
        write_predictions(unfinished / run.predictions.name, asked.test)
        write_json(
            unfinished / run.scores.name,
            {
                "question": question,
                "classes": compared[records[0]["replicate"]].classes.tolist(),
                "replicates": [
                    {
                        "replicate": record["replicate"],
                        "train_seconds": record["seconds"],
                        "scores": by_replicate[record["replicate"]],
                        "validation": validation[record["replicate"]],
                        "seconds_per_image": asked.seconds_per_image[record["replicate"]],
                    }
                    for record in records
                ],
                "confusion": evaluating.confusion(compared),
            },
        )
        for name, text in evaluating.curve_pictures(compared).items():
            (unfinished / run.curve(name).name).write_text(text, encoding="utf-8")
        mistakes = evaluating.mistakes_picture(compared, prepared, evaluation.mistakes)
        if mistakes:
            (unfinished / run.mistakes.name).write_bytes(mistakes)
    with replacing(run.confusion) as unfinished:
        evaluating.class_table(compared).to_csv(unfinished, index=False)
    write_json(
        run.metrics,
        {
            "test": evaluating.spreads(by_replicate),
            "validation": evaluating.spreads(validation),
            "subgroups": {
                subgroup: evaluating.spreads(scores) for subgroup, scores in subgroup_scores(compared).items()
            },
            "cost": {
                "parameters": network["parameters"],
                "multiply_accumulates": network["multiply_accumulates"],
                "train_seconds": float(np.mean([record["seconds"] for record in records])),
                "seconds_per_image": float(np.mean(list(asked.seconds_per_image.values()))),
            },
        },
    )
    publish_evaluation(tracker, run, prepared)
    accuracy = spread([scores["accuracy"] for scores in by_replicate.values()])
    say(f"{model.name}: accuracy {accuracy} on the test images of {len(records)} replicates")
