"""Recognise how images are stored at a path, and survey them."""

from collections.abc import Callable
from pathlib import Path

from pipeline.data.labelling import part_of
from pipeline.data.pictures.listing import SUFFIXES, SYSTEM_FOLDERS
from pipeline.data.survey.array_survey import survey_arrays
from pipeline.data.survey.folder_survey import survey_folder
from pipeline.data.survey.surveyed import Survey
from pipeline.data.survey.table_survey import survey_table
from pipeline.errors import UserError

TABLES = frozenset({".csv", ".tsv", ".parquet", ".pq"})
HDF5 = frozenset({".h5", ".hdf5"})
PACKED = frozenset({".zip", ".tar", ".gz", ".tgz", ".7z", ".rar", ".bz2", ".xz"})
STORED = "class folders, a table of pictures (CSV or Parquet), .npz, HDF5 or IDX files"


def survey(path: Path, *, report: Callable[[str], None]) -> Survey:
    """Survey the images at a path. `report` receives lines about the progress.

    Raises:
        UserError: nothing is there, or it is stored in another way than a data source expects.
    """
    if not path.exists():
        raise UserError(f"'{path}' does not exist: name a file or folder with images, stored as {STORED}.")
    return _survey_folder(path, report) if path.is_dir() else _survey_file(path, report)


def _survey_file(file: Path, report: Callable[[str], None]) -> Survey:
    suffix = file.suffix.lower()
    if suffix in TABLES:
        return survey_table(file, report=report)
    if suffix == ".npz":
        return survey_arrays("npz", file, "arrays in an .npz file")
    if suffix in HDF5 or "ubyte" in file.name:
        return _survey_folder(file.parent, report)
    hint = " Unpack it first." if suffix in PACKED else ""
    raise UserError(f"'{file.name}' is not a supported file: images must be stored as {STORED}.{hint}")


def _survey_folder(folder: Path, report: Callable[[str], None]) -> Survey:
    try:
        entries = sorted(one for one in folder.iterdir() if not one.name.startswith("."))
    except OSError as problem:
        raise UserError(f"Folder '{folder}' cannot be opened ({problem.strerror}): check its permissions.") from None
    files = [one for one in entries if one.is_file()]
    # A link to a folder above would be followed until the path is too long.
    folders = [
        one
        for one in entries
        if one.is_dir()
        and one.name.lower() not in SYSTEM_FOLDERS
        and not folder.resolve().is_relative_to(one.resolve())
    ]
    suffixes = {file.suffix.lower() for file in files}
    if (folder / "dataset_info.json").is_file():
        report("Reading the whole TFDS data set, which may take minutes.")
        return survey_arrays("tfds", folder, "a data set of TFDS")
    if any("idx3-ubyte" in file.name.replace(".", "-") for file in files):
        return survey_arrays("idx", folder, "IDX files")
    if suffixes & HDF5:
        return survey_arrays("hdf5", folder, "HDF5 files")
    if len(folders) == 1 and not suffixes & {*SUFFIXES, *TABLES, ".npz"}:
        report(f"Using '{folders[0].name}', the only folder in '{folder.name}'.")
        return _survey_folder(folders[0], report)
    tables = [file for file in files if file.suffix.lower() in TABLES]
    archives = [file for file in files if file.suffix.lower() == ".npz"]
    if len(archives) == 1 and not folders:
        return survey_arrays("npz", archives[0], "arrays in an .npz file")
    if tables and not _has_class_folders(folders):
        if len(tables) > 1:
            raise UserError(
                f"'{folder}' contains {len(tables)} tables: name the one that lists the pictures and their classes, "
                f"such as {tables[0].name}."
            )
        return survey_table(tables[0], report=report)
    if not folders and suffixes & PACKED:
        packed = next(file.name for file in files if file.suffix.lower() in PACKED)
        raise UserError(f"'{folder}' contains packed files, such as '{packed}': unpack them first.")
    return survey_folder(folder, report=report)


def _has_class_folders(folders: list[Path]) -> bool:
    """Whether at least two folders hold pictures, at any depth. In the parts of a split, folders in them count."""
    holding = [folder for folder in folders if _holds_pictures(folder)]
    if all(part_of(folder.name) is not None for folder in holding):
        holding = [one for folder in holding for one in folder.iterdir() if one.is_dir() and _holds_pictures(one)]
    return len(holding) > 1


def _holds_pictures(folder: Path) -> bool:
    return any(one.suffix.lower() in SUFFIXES for one in folder.rglob("*"))
