"""Arrays in an `.npz` file as MedMNIST (Yang et al. 2023, "MedMNIST v2") and Keras distribute them.

MedMNIST: `train_images`, `val_images` and `test_images` are uint8 of shape (n, height, width) or (n, height, width, 3);
`train_labels`, `val_labels` and `test_labels` are integers of shape (n, 1) or (n,). Keras: `x_train`, `y_train`,
`x_test` and `y_test`, in the same shapes. This predefined split is kept. Images are read in slices.
"""

from functools import partial
from pathlib import Path
from typing import Annotated, Any
from zipfile import ZipFile

from pydantic import Field

from pipeline.data.arrays import ArrayPart, labelled_arrays
from pipeline.data.images import LabelledImages
from pipeline.data.pictures.picture_options import Side
from pipeline.data.splits import TEST, TRAIN, VALIDATION
from pipeline.data.zipped_array import ZippedArray
from pipeline.errors import UserError

PARTS = {"train": TRAIN, "val": VALIDATION, "test": TEST}
LAYOUTS = (("{}_images", "{}_labels"), ("x_{}", "y_{}"))


def load(
    *,
    path: Annotated[str, Field(min_length=1)],
    classes: tuple[str, ...] = (),
    positive: str | None = None,
    size: Side | None = None,
) -> LabelledImages:
    """Load all parts; `labelled_arrays` explains the options.

    Raises:
        UserError: the file is missing, damaged or in another layout.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise UserError(f"File '{file}' of data source npz does not exist: set option 'path' to it.")
    parts = []
    try:
        with ZipFile(file) as archive:
            found = sorted(name.removesuffix(".npy") for name in archive.namelist())
        for images, labels in LAYOUTS:
            for name, part in PARTS.items():
                if {images.format(name), labels.format(name)} <= set(found):
                    read = partial(ZippedArray, file)
                    parts.append(ArrayPart(read(images.format(name)), read(labels.format(name)), part))
    except Exception as error:  # A damaged archive or header raises nearly any exception.
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(
            f"File '{file}' must be an .npz file of plain arrays ({reason}): copy it again, or save it as such."
        ) from None
    return labelled_arrays(parts, file=file, source="npz", classes=classes, positive=positive, size=size, found=found)


def watched(*, path: str, **_: Any) -> list[Path]:
    """The file."""
    file = Path(path).expanduser()
    return [file] if file.is_file() else []
