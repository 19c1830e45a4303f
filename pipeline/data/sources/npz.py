"""Arrays in an `.npz` file as MedMNIST distributes them (Yang et al. 2023, "MedMNIST v2").

`train_images`, `val_images` and `test_images` are uint8 of shape (n, height, width) or (n, height, width, 3);
`train_labels`, `val_labels` and `test_labels` are integers of shape (n, 1) or (n,). The division is kept.
"""

from pathlib import Path
from typing import Annotated, Any
from zipfile import BadZipFile

import numpy as np
from pydantic import Field

from pipeline.data.arrays import ArrayPart, labelled_arrays
from pipeline.data.images import LabelledImages
from pipeline.data.splits import TEST, TRAIN, VALIDATION
from pipeline.errors import UserError

PARTS = {"train": TRAIN, "val": VALIDATION, "test": TEST}


def load(
    *, path: Annotated[str, Field(min_length=1)], classes: tuple[str, ...] = (), size: int | None = None
) -> LabelledImages:
    """Load all parts. `classes` are the names of the classes by label, by default the labels.

    Raises:
        UserError: the file is missing, damaged or in another layout.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise UserError(f"File '{file}' of data source npz does not exist: set option 'path' to it.")
    try:
        # Pickled objects would run code.
        with np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (ValueError, OSError, BadZipFile, EOFError) as error:
        raise UserError(
            f"File '{file}' must be an .npz file without pickled objects ({' '.join(str(error).split())})."
        ) from None
    parts = [
        ArrayPart(arrays[f"{name}_images"], arrays[f"{name}_labels"], part)
        for name, part in PARTS.items()
        if f"{name}_images" in arrays and f"{name}_labels" in arrays
    ]
    return labelled_arrays(parts, file=file, source="npz", classes=classes, size=size, found=sorted(arrays))


def watched(*, path: str, **_: Any) -> list[Path]:
    """The file."""
    return [Path(path).expanduser()]
