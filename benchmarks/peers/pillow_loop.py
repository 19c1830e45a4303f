"""A plain loop with Pillow: decode all pictures of a folder, resize them and save them as one array.

    python -m benchmarks.peers.pillow_loop FOLDER SIDE FILE

prints the seconds that it takes, without the imports.
"""

import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image


def main(folder: Path, side: int, file: Path) -> None:
    """Write the pictures as an array of shape (n, side, side, 3)."""
    pictures = sorted(path for path in folder.rglob("*") if path.is_file())
    pixels = np.empty((len(pictures), side, side, 3), np.uint8)
    for row, picture in enumerate(pictures):
        with Image.open(picture) as opened:
            pixels[row] = opened.convert("RGB").resize((side, side), Image.Resampling.BOX)
    np.save(file, pixels)


if __name__ == "__main__":
    began = time.perf_counter()
    main(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
    print(time.perf_counter() - began)
