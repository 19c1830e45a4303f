"""HDF5 files as PatchCamelyon distributes them (Veeling et al. 2018): a folder with two files for each part.

The dataset `x` of `…_train_x.h5` holds uint8 images (n, height, width, 3), the dataset `y` of `…_train_y.h5` integers
with n values; `valid` or `test` in place of `train` for the other parts. Images are read in slices.
"""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from pipeline.data.arrays import ArrayPart, check_paired, labelled_arrays
from pipeline.data.images import LabelledImages
from pipeline.data.labelling import PART_NAMES
from pipeline.data.pictures.picture_options import Side
from pipeline.data.user_paths import user_path
from pipeline.data.zipped_array import DEFLATE
from pipeline.errors import UserError

ELSEWHERE = "its values may be in another file, which is not watched for changes"


def load(
    *,
    path: Annotated[str, Field(min_length=1)],
    classes: tuple[str, ...] = (),
    positive: str | None = None,
    size: Side | None = None,
) -> LabelledImages:
    """Load all parts; `labelled_arrays` explains the options.

    Raises:
        UserError: files are missing, damaged or in another layout.
    """
    folder = user_path(path)
    if not folder.is_dir():
        raise UserError(f"Folder '{folder}' of data source hdf5 does not exist: set option 'path' to it.")
    files = {file.stem.lower(): file for file in watched(path=path)}
    part_of = {
        (f"{stem[:-1]}x", f"{stem[:-1]}y"): part
        for part, spellings in PART_NAMES.items()
        for stem in files
        if stem.endswith(("_x", "_y")) and set(stem.split("_")) & set(spellings)
    }
    parts = [
        ArrayPart(_dataset(files[images], "x"), _dataset(files[labels], "y"), part_of[images, labels])
        for images, labels in check_paired(files, part_of, place=folder)
    ]
    return labelled_arrays(
        parts,
        file=folder,
        source="hdf5",
        classes=classes,
        positive=positive,
        size=size,
        found=sorted(file.name for file in folder.iterdir()),
    )


def watched(*, path: str, **_: Any) -> list[Path]:
    """The HDF5 files in the folder."""
    files = user_path(path).glob("*")
    return sorted(file for file in files if file.suffix.lower() in {".h5", ".hdf5"} and file.is_file())


def _dataset(file: Path, name: str) -> Any:
    import h5py

    try:
        opened = h5py.File(file)
        if isinstance(opened.get(name, getlink=True), h5py.ExternalLink | h5py.SoftLink):
            raise ValueError(ELSEWHERE)  # A soft link may lead through an external one.
        dataset = opened[name]
        if not isinstance(dataset, h5py.Dataset) or not dataset.shape:
            raise ValueError(f"'{name}' is not an array")
        if dataset.external or dataset.is_virtual:
            raise ValueError(ELSEWHERE)
        if dataset.nbytes > DEFLATE * (dataset.id.get_storage_size() + 1):
            raise ValueError(f"'{name}' states {dataset.nbytes:,} bytes, but most of them are not in the file")
    except Exception as error:  # A damaged file raises OSError, KeyError, RuntimeError or ValueError.
        reason = " ".join(str(error).split())
        raise UserError(
            f"File '{file}' must hold an array '{name}' ({reason}): copy it again, or write it again."
        ) from None
    return dataset
