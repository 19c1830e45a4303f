"""A worker that trains a network with plain Keras: `fit` on tensors, one thread, other defaults, an epoch per round.

Settings: `architecture`, a file with the network as Keras' JSON, and `epochs`. Each report is the seconds of an epoch,
validation included.
"""

import json
import sys
import time
from importlib import import_module
from pathlib import Path

import keras
import tensorflow as tf

from benchmarks.alternating import report, wait_for_turn
from benchmarks.random_images import BATCH, arrays
from pipeline.training.task import own_modules


class Turns(keras.callbacks.Callback):  # type: ignore[misc]
    """Wait for each epoch's turn and report its seconds. The first epoch is a warm-up."""

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        """Wait."""
        if epoch > 0:
            wait_for_turn()
        self.began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        """Report."""
        report(time.perf_counter() - self.began)


def main() -> None:
    """Train."""
    settings = json.loads(sys.argv[1])
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    architecture = Path(settings["architecture"]).read_text(encoding="utf-8")
    for module in own_modules(architecture):
        import_module(module)
    model = keras.models.model_from_json(architecture)
    model.compile(keras.optimizers.SGD(0.01, momentum=0.9), "binary_crossentropy", metrics=["accuracy"])
    (inputs, targets), held_out = arrays()
    model.fit(
        tf.constant(inputs),
        tf.constant(targets),
        batch_size=BATCH,
        epochs=settings["epochs"],
        validation_data=tuple(map(tf.constant, held_out)),
        callbacks=[Turns()],
        verbose=0,
    )


if __name__ == "__main__":
    main()
