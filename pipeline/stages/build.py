"""Build the networks of the comparison, or that of `model=NAME`: write JSON, layer table and drawing.

All networks are built in one process, which imports TensorFlow once. If one model is invalid, no network is written.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace

from pipeline.config.schema import ModelConfig
from pipeline.console import say
from pipeline.data.prepared import read_manifest
from pipeline.errors import UserError
from pipeline.networks.describe import Network, make_network
from pipeline.reporting.figures.layer_diagram import layer_diagram, layer_diagram_figure
from pipeline.reporting.figures.style import svg_text
from pipeline.reporting.text.quantities import count
from pipeline.storage.digests import write_digests
from pipeline.storage.files import replacing_folder, write_json
from pipeline.storage.folders import PREPARED, RunFolder


def main(candidates: Sequence[ModelConfig]) -> None:
    """Build the network of every candidate for the prepared images."""
    manifest = read_manifest(PREPARED)
    with ExitStack() as folders:
        for model in candidates:
            run = RunFolder.of(model.name)
            unfinished = folders.enter_context(replacing_folder(run.network))
            try:
                network = make_network(model, manifest)
            except UserError as problem:
                raise UserError(f"Model {model.name}: {problem}") from problem
            _write(replace(run, network=unfinished), network, model.architecture)
            write_digests(unfinished)
            say(_summary(model.name, network))


def _write(run: RunFolder, network: Network, architecture: str) -> None:
    run.architecture.write_text(network.architecture, encoding="utf-8")
    drawing = layer_diagram_figure(layer_diagram(network.rows))
    run.drawing.write_text(svg_text(drawing), encoding="utf-8")
    write_json(run.layers, network.summary(architecture))
    if network.started is not None:
        from pipeline.training.initial import save_initial_weights

        save_initial_weights(run.initial_weights, network.started)


def _summary(model: str, network: Network) -> str:
    uncounted = network.totals.uncounted
    return (
        f"{model}: {len(network.rows)} layers, {count(network.parameters)} parameters, "
        f"{'at least ' if uncounted else ''}{count(network.multiply_accumulates)} multiply–accumulates per image"
        + (f" (no rule to count {', '.join(uncounted)})" if uncounted else "")
    )
