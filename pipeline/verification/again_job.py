"""Train replicates again with the code in the working directory, which is a checkout of their commit.

Run as a script with that checkout on the import path, so that everything imported is the code of the commit. The only
argument is a JSON file: `configuration` by section, `prepared` (a folder), `replicates`, and `tasks`, a file to write.
That one gets the network and the fingerprint of each replicate before the training begins.
"""

import json
import sys
from inspect import signature
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any


def main(job: dict[str, Any]) -> None:
    """Build the network, write the fingerprints, train the replicates and let them predict."""
    from pipeline.config.reading import read
    from pipeline.config.schema import AugmentationConfig, ModelConfig, OptimizerConfig, TrainingConfig
    from pipeline.data.prepared import read_manifest
    from pipeline.networks.describe import make_network
    from pipeline.training.initial import save_initial_weights
    from pipeline.training.progress import Reporter
    from pipeline.training.task import make_tasks
    from pipeline.training.workers import train_side_by_side, worker_count

    given, prepared = job["configuration"], Path(job["prepared"])
    training = read(TrainingConfig, given["training"], "training")
    network = make_network(read(ModelConfig, given["model"], "model"), read_manifest(prepared))
    with TemporaryDirectory() as scratch:
        weights = None
        if network.started is not None:
            weights = Path(scratch) / "initial_weights.npz"
            save_initial_weights(weights, network.started)
        # They change no result, and not every commit knows them.
        shown = {"name": given["model"]["name"], "snapshots": False}
        tasks = make_tasks(
            network.architecture,
            prepared,
            1 + max(job["replicates"]),
            initial_weights=weights,
            optimizer=read(OptimizerConfig, given["optimizer"], "optimizer"),
            training=training,
            augmentation=read(AugmentationConfig, given["augmentation"], "augmentation"),
            **{name: value for name, value in shown.items() if name in signature(make_tasks).parameters},
        )
        chosen = [task for task in tasks if task.replicate in job["replicates"]]
        fingerprints = {task.replicate: task.fingerprint for task in chosen}
        content = {"architecture": network.architecture, "fingerprints": fingerprints}
        Path(job["tasks"]).write_text(json.dumps(content), encoding="utf-8")
        workers = worker_count(len(chosen), training.threads, wanted=None)
        report = Reporter(given["model"]["name"], list(fingerprints), training.epochs, workers)
        train_side_by_side(chosen, workers=workers, on_progress=report)


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
