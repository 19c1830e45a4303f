"""Build the network of a model and write its JSON, its layer table and a drawing."""

from pipeline.config.schema import ModelConfig
from pipeline.console import say
from pipeline.data.prepared import read_manifest
from pipeline.networks.describe import make_network
from pipeline.reporting.figures.layer_diagram import layer_diagram, layer_diagram_figure
from pipeline.reporting.figures.style import svg_text
from pipeline.reporting.text.quantities import count
from pipeline.storage.files import replacing, write_json
from pipeline.storage.folders import PREPARED, RunFolder


def main(model: ModelConfig) -> None:
    """Build the network of one model for the prepared images."""
    manifest = read_manifest(PREPARED)
    network = make_network(model, manifest)
    run = RunFolder.of(model.name)
    for file, text in (
        (run.architecture, network.architecture),
        (run.drawing, svg_text(layer_diagram_figure(layer_diagram(network.rows)))),
    ):
        with replacing(file) as unfinished:
            unfinished.write_text(text, encoding="utf-8")
    run.initial_weights.unlink(missing_ok=True)
    if network.started is not None:
        from pipeline.training.initial import save_initial_weights

        save_initial_weights(run.initial_weights, network.started)
    write_json(run.layers, network.summary(model.architecture))
    uncounted = network.totals.uncounted
    say(
        f"{model.name}: {len(network.rows)} layers, {count(network.parameters)} parameters, "
        f"{'at least ' if uncounted else ''}{count(network.multiply_accumulates)} multiply–accumulates per image"
        + (f" (no rule to count {', '.join(uncounted)})" if uncounted else "")
    )
