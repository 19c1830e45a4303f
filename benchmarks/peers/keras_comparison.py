"""A bare script that trains and tests the networks of a comparison with Keras' own defaults, one after another.

It tracks nothing, and keeps neither weights nor curves. The argument is a file, JSON: `networks`, files of Keras' JSON;
`replicates`, files of arrays (npz); `epochs` and `batch_size`.
"""

import json
import sys
from importlib import import_module
from pathlib import Path

import keras
import numpy as np

from pipeline.training.task import own_modules


def main() -> None:
    """Train each network on each replicate and print its test accuracy."""
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    for network in job["networks"]:
        architecture = Path(network).read_text(encoding="utf-8")
        for module in own_modules(architecture):
            import_module(module)
        for replicate in job["replicates"]:
            data = np.load(replicate)
            train, validation, test = (
                (data[part], data[f"{part}_labels"].astype("float32")[:, np.newaxis])
                for part in ("train", "validation", "test")
            )
            keras.utils.clear_session()
            model = keras.models.model_from_json(architecture)
            model.compile(keras.optimizers.SGD(0.01, momentum=0.9), "binary_crossentropy", metrics=["accuracy"])
            model.fit(*train, batch_size=job["batch_size"], epochs=job["epochs"], validation_data=validation, verbose=0)
            probabilities = model.predict(test[0], verbose=0)
            print(network, replicate, float(((probabilities > 0.5) == test[1]).mean()))


if __name__ == "__main__":
    main()
