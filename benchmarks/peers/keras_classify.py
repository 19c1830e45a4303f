"""Plain Keras and Pillow: decode all pictures of a folder, predict, and write names, classes and probabilities as CSV.

    python -m benchmarks.peers.keras_classify NETWORK FOLDER_OR_FILE CSV

prints the seconds that it takes, without the imports and without loading the network.
"""

import csv
import sys
import time
from pathlib import Path

import keras
import numpy as np
from PIL import Image

SUFFIXES = (".png", ".jpg")


def main(network: keras.Model, place: Path, file: Path) -> None:
    """Write a row per picture."""
    found = sorted(path for path in place.rglob("*") if path.suffix in SUFFIXES) if place.is_dir() else [place]
    _, height, width, channels = network.input_shape
    pixels = np.empty((len(found), height, width, channels), np.uint8)
    for row, picture in enumerate(found):
        with Image.open(picture) as opened:
            pixels[row] = opened.convert("RGB").resize((width, height), Image.Resampling.BOX)
    probabilities = network.predict(pixels, batch_size=64, verbose=0)
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        for picture, row in zip(found, probabilities, strict=True):
            writer.writerow([picture, int(row.argmax()), *row.tolist()])


if __name__ == "__main__":
    loaded = keras.models.load_model(sys.argv[1])
    began = time.perf_counter()
    main(loaded, Path(sys.argv[2]), Path(sys.argv[3]))
    print(time.perf_counter() - began)
