"""Classify a folder of pictures as `convtrack predict` does, from listing the files to the written CSV file.

    python -m benchmarks.our_predictions PACKAGE FOLDER CSV

prints the seconds that it takes, without the imports.
"""

import sys
import time

from pipeline.cli.commands.predict import main

if __name__ == "__main__":
    began = time.perf_counter()
    main([sys.argv[2], "--model", sys.argv[1], "--output", sys.argv[3], "--format", "csv"])
    print(time.perf_counter() - began)
