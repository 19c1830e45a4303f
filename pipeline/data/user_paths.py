"""Paths that a user writes: in the options of a data source, or on the command line."""

import errno
from pathlib import Path

from pipeline.data.images import printable
from pipeline.errors import UserError
from pipeline.storage.home import home

MISSING = (errno.ENOENT, errno.ENOTDIR)
LONGEST = 1000


def user_path(written: str | Path) -> Path:
    """The path, where ~ is a home folder. Nothing needs to be there.

    In an experiment that DVC runs in a temporary folder, a path that only the project has is that of the project.

    Raises:
        UserError: the system refuses the path, such as one that is too long, or on a device that does not respond.
    """
    try:
        path = Path(written).expanduser()
        if not path.exists() and (home() / path).exists():
            return home() / path
        path.stat()
    except RuntimeError:
        raise UserError(
            f"Path '{written}' begins with the home folder of an unknown user: write the whole path."
        ) from None
    except OSError as problem:
        if problem.errno in MISSING:
            return path
        raise UserError(f"Path '{shown(written)}' cannot be opened ({problem.strerror}): correct it.") from None
    except ValueError as problem:  # zero bytes, and text that the file system cannot encode
        raise UserError(f"Path '{shown(written)}' is invalid ({problem}): correct it.") from None
    return path


def shown(written: str | Path) -> str:
    """A path in a message, without the end of a very long one."""
    text = printable(str(written))
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
