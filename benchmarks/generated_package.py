"""A packaged network with random weights for measurements: lecture_cnn for pictures of 64×64×3 in ten classes.

    python -m benchmarks.generated_package FOLDER

TensorFlow is imported only in this process.
"""

import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np

from benchmarks.our_training import model_config
from pipeline.data.pictures.decode import Decoding
from pipeline.deployment.picture_features import picture_features
from pipeline.deployment.picture_model import FORMAT, SETTINGS
from pipeline.deployment.runtimes import KERAS_FILE, LITERT_FILE
from pipeline.deployment.unusual import limits
from pipeline.networks.build import build
from pipeline.storage.files import write_json
from pipeline.training.examples import Standardisation
from pipeline.training.runtime import start_tensorflow

SIDE, CLASSES = 64, 10


def main(folder: Path) -> None:
    """Write the package into an existing folder."""
    start_tensorflow()
    from pipeline.training.export import served

    model = model_config("lecture_cnn")
    shape = (SIDE, SIDE, 3)
    network = build(model.architecture, model.options, input_shape=shape, classes=CLASSES)
    network = served(network, Standardisation(np.full(3, 128, np.float32), np.full(3, 64, np.float32)))
    network.save(folder / KERAS_FILE)
    network.export(folder / LITERT_FILE, format="litert", verbose=False)
    pixels = np.random.default_rng(0).integers(0, 256, (256, *shape), np.uint8)
    settings = {
        "format": FORMAT,
        "data": "generated",
        "model": "lecture_cnn",
        "replicates": [0],
        "measured": {},
        "classes": [str(number) for number in range(CLASSES)],
        "decoding": asdict(Decoding(*shape)),
        "mean_pixel": [128.0] * 3,
        "flag_colour": False,
        "limits": limits(picture_features(pixels)),
        "modules": [],
        "temperature": 1.0,
        "thresholds": [],
    }
    write_json(folder / SETTINGS, settings)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
