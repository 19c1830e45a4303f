"""HDF5 files as PatchCamelyon distributes them (Veeling et al. 2018): a folder with two files for each part.

The dataset `x` of `…_train_x.h5` holds uint8 images (n, height, width, 3), the dataset `y` of `…_train_y.h5` integers
with n values; `valid` or `test` in place of `train` for the other parts. Images are read in slices.
"""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from pipeline.data.arrays import ArrayPart, labelled_arrays
from pipeline.data.images import LabelledImages
from pipeline.data.labelling import PART_NAMES
from pipeline.errors import UserError


def load(
    *, path: Annotated[str, Field(min_length=1)], classes: tuple[str, ...] = (), size: int | None = None
) -> LabelledImages:
    """Load all parts. `classes` are the names of the classes by label, by default the labels.

    Raises:
        UserError: files are missing, damaged or in another layout.
    """
    import h5py

    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise UserError(f"Folder '{folder}' of data source hdf5 does not exist: set option 'path' to it.")
    files = {file.stem.lower(): file for file in watched(path=path)}
    parts = []
    for part, spellings in PART_NAMES.items():
        for stem, file in files.items():
            words = stem.split("_")
            labels = files.get(stem.removesuffix("x") + "y")
            if words[-1] == "x" and set(words) & set(spellings) and labels is not None:
                try:
                    parts.append(ArrayPart(h5py.File(file)["x"], h5py.File(labels)["y"][:], part))
                except (OSError, KeyError, RuntimeError) as error:
                    raise UserError(
                        f"Files '{file}' and '{labels}' must hold the datasets x and y "
                        f"({' '.join(str(error).split())}): copy them again."
                    ) from None
    return labelled_arrays(
        parts, file=folder, source="hdf5", classes=classes, size=size, found=[file.name for file in files.values()]
    )


def watched(*, path: str, **_: Any) -> list[Path]:
    """The HDF5 files in the folder."""
    return sorted(file for file in Path(path).expanduser().glob("*") if file.suffix.lower() in {".h5", ".hdf5"})
