"""Read NumPy's files, with a clear message for a missing or damaged one."""

from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import UserError
from pipeline.storage.files import damaged, existing


def read_arrays(file: Path) -> dict[str, Any]:
    """Return the arrays of an npz file by name, in the order in which they were written.

    Raises:
        UserError: the file is missing or damaged.
    """
    try:
        with existing(file).open("rb") as stream, np.load(stream) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except UserError:
        raise
    except Exception:  # Damaged archives raise nearly any exception, from NotImplementedError to zlib.error.
        raise damaged(file) from None


def read_array(file: Path) -> Any:
    """Return the array in an npy file.

    Raises:
        UserError: the file is missing or damaged.
    """
    try:
        with existing(file).open("rb") as stream:
            return np.load(stream)
    except UserError:
        raise
    except Exception:  # As above; the header is parsed as Python.
        raise damaged(file) from None
