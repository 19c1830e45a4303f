"""IDX files as MNIST and Fashion-MNIST are distributed (LeCun et al. 1998), compressed with gzip or not.

The folder holds `train-images-idx3-ubyte` and `train-labels-idx1-ubyte`, and the same with `t10k` for the test set.
"""

import gzip
import zlib
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from pipeline.data.arrays import ArrayPart, labelled_arrays
from pipeline.data.images import LabelledImages
from pipeline.data.splits import TEST, TRAIN
from pipeline.errors import UserError

PARTS = {"train": TRAIN, "t10k": TEST}
UNSIGNED_BYTES = 8
"""The code of the type uint8 in the third byte of a file; the fourth is the number of dimensions."""


def load(
    *, path: Annotated[str, Field(min_length=1)], classes: tuple[str, ...] = (), size: int | None = None
) -> LabelledImages:
    """Load both parts. `classes` are the names of the classes by label, by default the labels.

    Raises:
        UserError: files are missing, damaged or in another layout.
    """
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise UserError(f"Folder '{folder}' of data source idx does not exist: set option 'path' to it.")
    files = {file.name.removesuffix(".gz").replace(".", "-"): file for file in watched(path=path)}
    parts = [
        ArrayPart(read_idx(files[f"{name}-images-idx3-ubyte"]), read_idx(files[f"{name}-labels-idx1-ubyte"]), part)
        for name, part in PARTS.items()
        if f"{name}-images-idx3-ubyte" in files and f"{name}-labels-idx1-ubyte" in files
    ]
    return labelled_arrays(
        parts, file=folder, source="idx", classes=classes, size=size, found=[file.name for file in files.values()]
    )


def watched(*, path: str, **_: Any) -> list[Path]:
    """The IDX files in the folder."""
    return sorted(file for file in Path(path).expanduser().glob("*ubyte*") if file.is_file())


def read_idx(file: Path) -> npt.NDArray[np.uint8]:
    """The array in an IDX file of bytes: two zero bytes, type, number of dimensions, sizes (big-endian), values.

    Raises:
        UserError: the file is damaged, or its values are not bytes.
    """
    try:
        content = file.read_bytes()
        if file.suffix == ".gz":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"IDX file '{file}' cannot be read ({error}): copy it again.") from None
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != UNSIGNED_BYTES:
        raise UserError(f"File '{file}' must be an IDX file of unsigned bytes. Received {content[:4]!r} at its start.")
    start = 4 + 4 * content[3]
    sizes = np.frombuffer(content[4:start], ">u4").astype(np.int64) if len(content) >= start else np.array([-1])
    if int(np.prod(sizes)) != len(content) - start:
        raise UserError(
            f"IDX file '{file}' states {'×'.join(map(str, sizes))} values, but holds {len(content) - start} bytes: "
            "copy it again."
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(sizes)
