"""What libraries expect of the user's account: containers often run under a user id without a name and a home."""

import getpass
import os

from pipeline.storage.folders import cache_folder


def complete_account() -> None:
    """Set the variables that replace a missing name and a home folder that cannot be written."""
    try:
        getpass.getuser()
    except (KeyError, OSError):  # OSError since Python 3.13
        # DVC would fail, and MLflow records it. `make` sets the same.
        os.environ["LOGNAME"] = str(os.getuid())
    if not os.access(os.path.expanduser("~"), os.W_OK):  # noqa: PTH111 (Path raises an error without a home)
        # Matplotlib would list all fonts again in each process.
        os.environ.setdefault("MPLCONFIGDIR", str(cache_folder().absolute() / "matplotlib"))
