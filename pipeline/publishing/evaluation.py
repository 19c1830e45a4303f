"""Log evaluations: scores, costs, pictures, and a network that others can load."""

from importlib.metadata import version

from pipeline.data.prepared import Prepared
from pipeline.data.splits import VALIDATION
from pipeline.publishing.training import Published
from pipeline.runs import RunFolder, read_json
from pipeline.training.runtime import start_tensorflow


def publish_evaluation(published: Published, run: RunFolder, prepared: Prepared) -> None:
    """Log what the evaluation found: each replicate's scores, the model's means and costs, pictures and a network.

    The network is the replicate's with the lowest validation loss, behind its own standardisation.
    """
    tracker, parent = published.tracker, published.parent
    for replicate in read_json(run.scores)["replicates"]:
        values = {f"test/{name}": value for name, value in replicate["scores"].items()}
        values["seconds_per_image"] = replicate["seconds_per_image"]
        tracker.log_metrics(published.children[replicate["replicate"]], values)
    measured = read_json(run.metrics)
    field = read_json(run.layers)["receptive_field"]
    tracker.log_metrics(
        parent,
        {
            **{f"test/{name}": spread["mean"] for name, spread in measured["test"].items()},
            **{
                f"test/{name}_deviation": spread["deviation"]
                for name, spread in measured["test"].items()
                if "deviation" in spread
            },
            **measured["cost"],
            **({"receptive_field": max(field)} if field else {}),
            "replicates": len(published.children),
        },
    )
    tracker.log_files(parent, [run.layers, run.drawing, run.architecture], "network")
    tracker.log_files(parent, [*sorted(run.evaluate.glob("*.svg")), *run.evaluate.glob("*.png")], "evaluation")
    if not tracker.has_network(parent):
        _log_network(published, run, prepared)


def _log_network(published: Published, run: RunFolder, prepared: Prepared) -> None:
    records = read_json(run.replicates)["replicates"]
    best = min(records, key=lambda record: record["kept_loss"])["replicate"]
    start_tensorflow()
    from pipeline.prediction import served, trained_network
    from pipeline.training.replicate import standardisation

    network = trained_network(run.architecture.read_text(), run.result(best))
    published.tracker.log_network(
        published.parent,
        served(network, standardisation(prepared, best), prepared.image_shape),
        prepared.pixels[prepared.indices(best, VALIDATION)[:2]].astype("float32"),
        requirements=[f"{name}=={version(name)}" for name in ("tensorflow", "keras", "numpy")],
    )
