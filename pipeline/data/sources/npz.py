"""Arrays in an `.npz` file as MedMNIST (Yang et al. 2023, "MedMNIST v2") and Keras distribute them.

MedMNIST: `train_images`, `val_images` and `test_images` are uint8 of shape (n, height, width) or (n, height, width, 3);
`train_labels`, `val_labels` and `test_labels` are integers of shape (n, 1) or (n,). Keras: `x_train`, `y_train`,
`x_test` and `y_test`, in the same shapes. This predefined split is kept. Images are read in slices.
"""

from pathlib import Path
from typing import Annotated, Any
from zipfile import ZipFile

from pydantic import Field

from pipeline.data.arrays import ArrayPart, check_paired, labelled_arrays
from pipeline.data.images import LabelledImages
from pipeline.data.pictures.picture_options import Side
from pipeline.data.splits import TEST, TRAIN, VALIDATION
from pipeline.data.user_paths import user_path
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
    file = user_path(path)
    if not file.is_file():
        raise UserError(f"File '{file}' of data source npz does not exist: set option 'path' to it.")
    parts = []
    try:
        with ZipFile(file) as archive:
            found = sorted(name.removesuffix(".npy") for name in archive.namelist())
        part_of = {
            (images.format(name), labels.format(name)): part
            for images, labels in LAYOUTS
            for name, part in PARTS.items()
        }
        for images, labels in check_paired(found, part_of, place=file):
            parts.append(ArrayPart(ZippedArray(file, images), ZippedArray(file, labels), part_of[images, labels]))
    except UserError:
        raise
    except Exception as error:  # A damaged archive or header raises nearly any exception.
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(
            f"File '{file}' must be an .npz file of plain arrays ({reason}): copy it again, or save it as such."
        ) from None
    return labelled_arrays(parts, file=file, source="npz", classes=classes, positive=positive, size=size, found=found)


def watched(*, path: str, **_: Any) -> list[Path]:
    """The file."""
    file = user_path(path)
    return [file] if file.is_file() else []
