"""Prepare a folder of pictures as this project prepares it, from listing the files to the audit.

    python -m benchmarks.our_preparation FOLDER SIDE [--full-decoding]

prints the seconds that it takes, without the imports. The cache and the prepared data are in the current folder.
"""

import argparse
import time
from pathlib import Path

from pipeline.config.schema import AuditConfig, DataConfig, SplitConfig
from pipeline.data.prepare import prepare
from pipeline.storage.folders import PREPARED

SPLIT = SplitConfig("random", "random", test_share=0.25, validation_share=0.15, folds=None, tuning_share=None, seed=0)


def main(folder: Path, side: int, *, draft: bool) -> None:
    """Prepare the pictures at `side` × `side` pixels in colour."""
    options = {"path": str(folder), "size": side, "channels": 3, "draft": draft}
    prepare(
        PREPARED,
        DataConfig("generated", "folder", options),
        SPLIT,
        replicates=1,
        test_set=Path("test_set.json"),
        settings=AuditConfig(margin=0.1, checks={}),
        report=print,
    )


if __name__ == "__main__":
    command = argparse.ArgumentParser(prog="python -m benchmarks.our_preparation", description=__doc__.split("\n")[0])
    command.add_argument("folder", type=Path)
    command.add_argument("side", type=int)
    command.add_argument("--full-decoding", action="store_true", help="decode JPEG files at full size")
    arguments = command.parse_args()
    began = time.perf_counter()
    main(arguments.folder, arguments.side, draft=not arguments.full_decoding)
    print(time.perf_counter() - began)
