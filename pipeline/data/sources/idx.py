"""IDX files as MNIST and Fashion-MNIST are distributed (LeCun et al. 1998), compressed with gzip or not.

The folder holds `train-images-idx3-ubyte` and `train-labels-idx1-ubyte`, and the same with `t10k` for the test set.
"""

import gzip
import math
import zlib
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from pipeline.data.arrays import ArrayPart, check_paired, labelled_arrays
from pipeline.data.images import LabelledImages
from pipeline.data.pictures.picture_options import Side
from pipeline.data.splits import TEST, TRAIN
from pipeline.data.user_paths import user_path
from pipeline.data.zipped_array import DEFLATE
from pipeline.errors import UserError

PARTS = {"train": TRAIN, "t10k": TEST}
UNSIGNED_BYTES = 8
"""The code of the type uint8 in the third byte of a file; the fourth is the number of dimensions."""


def load(
    *,
    path: Annotated[str, Field(min_length=1)],
    classes: tuple[str, ...] = (),
    positive: str | None = None,
    size: Side | None = None,
) -> LabelledImages:
    """Load both parts; `labelled_arrays` explains the options.

    Raises:
        UserError: files are missing, damaged or in another layout.
    """
    folder = user_path(path)
    if not folder.is_dir():
        raise UserError(f"Folder '{folder}' of data source idx does not exist: set option 'path' to it.")
    # Some archives write a dot before `idx`.
    files = {file.name.removesuffix(".gz").replace(".", "-"): file for file in watched(path=path)}
    part_of = {(f"{name}-images-idx3-ubyte", f"{name}-labels-idx1-ubyte"): part for name, part in PARTS.items()}
    parts = [
        ArrayPart(read_idx(files[images]), read_idx(files[labels]), part_of[images, labels])
        for images, labels in check_paired(files, part_of, place=folder)
    ]
    return labelled_arrays(
        parts,
        file=folder,
        source="idx",
        classes=classes,
        positive=positive,
        size=size,
        found=sorted(file.name for file in folder.iterdir()),
    )


def watched(*, path: str, **_: Any) -> list[Path]:
    """The IDX files in the folder."""
    return sorted(file for file in user_path(path).glob("*ubyte*") if file.is_file())


def read_idx(file: Path) -> npt.NDArray[np.uint8]:
    """The array in an IDX file of bytes: two zero bytes, type, number of dimensions, sizes (big-endian), values.

    Raises:
        UserError: the file is damaged, or its values are not bytes.
    """
    compressed = file.suffix == ".gz"
    try:
        with gzip.open(file) if compressed else file.open("rb") as stream:
            start = stream.read(4)
            if len(start) < 4 or start[:2] != b"\0\0" or start[2] != UNSIGNED_BYTES:
                raise UserError(
                    f"File '{file}' must be an IDX file of unsigned bytes. Received {start!r} at its start."
                )
            sizes = np.frombuffer(stream.read(4 * start[3]), ">u4").tolist()
            count = math.prod(sizes)
            # A damaged size must not fill the memory.
            most = file.stat().st_size * (DEFLATE if compressed else 1)
            content = stream.read(min(count, most) + 1)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise UserError(f"IDX file '{file}' cannot be read ({error}): copy it again.") from None
    if len(sizes) != start[3] or len(content) != count:
        raise UserError(
            f"IDX file '{file}' states {'×'.join(map(str, sizes)) or 1} values, but holds "
            f"{'more' if len(content) > count else f'{len(content):,}'}: copy it again."
        )
    return np.frombuffer(content, np.uint8).reshape(sizes)
