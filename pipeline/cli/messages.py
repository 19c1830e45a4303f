"""Turn exceptions into the one sentence that a user reads.

A sentence states what is wrong, then the rule, then what to do. An exception without a sentence is a bug of this
project and keeps its traceback.
"""

import errno

from pipeline.config.reading import CONF, broken_yaml, check_encoding, not_a_mapping
from pipeline.errors import DISK_FULL, UserError, unknown
from pipeline.safe_text import redacted

DEVICE_FAILED = (errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.ETIMEDOUT, errno.EREMOTEIO)
NOT_PERMITTED = {
    errno.EACCES: "Check the permissions.",
    errno.EPERM: "Check the permissions.",
    errno.EROFS: "Use another folder, or mount the file system writable.",
    errno.EFBIG: "Raise the limit (`ulimit -f`), or use another disk.",
}
"""What to do after an error of the system that a repetition does not remove."""

OUT_OF_MEMORY = ("failed to map segment", "Cannot allocate memory", "can't start new thread", "OOM when allocating")
"""What other libraries report when memory runs out: the linker, the system, Python and TensorFlow."""

DAMAGED_DATABASE = ("no such table", "malformed", "not a database", "no such column")
"""Parts of SQLite's messages about a file whose contents are wrong."""

NO_MAPPING = ("Invalid loaded object type", "ConfigTypeError raised while composing")
"""What OmegaConf and Hydra write of a configuration file that holds a number or a list. They do not name the file."""


def is_exhausted(problem: Exception) -> bool:
    """Whether an exception means that memory or disk space has run out."""
    return _without_memory(problem) or (isinstance(problem, OSError) and problem.errno in DISK_FULL)


def _without_memory(problem: Exception) -> bool:
    return isinstance(problem, MemoryError) or any(text in str(problem) for text in OUT_OF_MEMORY)


def sentence(problem: Exception) -> str | None:
    """The message for a mistake of the user or a failure of the environment; None for any other exception.

    >>> sentence(OSError(errno.ENOSPC, "No space left on device", "weights.h5"))
    'The disk is full: no space left to write weights.h5. Free some space and run the same command again; finished \
work is kept.'
    >>> sentence(ZeroDivisionError()) is None
    True
    """
    if isinstance(problem, UserError):
        return str(problem)
    if isinstance(problem, OSError) and problem.errno in DISK_FULL:
        where = f" to write {problem.filename}" if problem.filename else ""
        return (
            f"The disk is full: no space left{where}. Free some space and run the same command again; finished work "
            "is kept."
        )
    if isinstance(problem, OSError) and problem.errno in NOT_PERMITTED:
        return (
            f"Cannot open or write {problem.filename or 'a file'} ({problem.strerror}). {NOT_PERMITTED[problem.errno]}"
        )
    if isinstance(problem, OSError) and problem.errno in DEVICE_FAILED:
        return (
            f"Cannot read or write {problem.filename or 'a file'} ({problem.strerror}): the disk, or the connection to "
            "it, failed. Check it and run the same command again; finished work is kept."
        )
    if _without_memory(problem):
        return (
            "Memory ran out. Close other programs, or train fewer replicates at a time with a smaller `workers` in "
            "conf/config.yaml, and run the same command again; finished work is kept."
        )
    if "BrokenProcessPool" in (kind.__name__ for kind in type(problem).__mro__):
        return (
            "A process of this command was killed, possibly because memory ran out. Run the same command again; "
            "finished work is kept."
        )
    if isinstance(problem, FileNotFoundError) and problem.filename:
        return (
            f"{problem.filename} is missing: it was moved or deleted, or its disk is not connected. Restore it and run "
            "the same command again; `dvc repro` creates results anew."
        )
    if isinstance(problem, IsADirectoryError | NotADirectoryError | FileExistsError) and problem.filename:
        found, expected = ("a folder", "a file") if isinstance(problem, IsADirectoryError) else ("a file", "a folder")
        return (
            f"{problem.filename} is {found}, but {expected} is expected there. Move it away and run the same command "
            "again."
        )
    if isinstance(problem, UnicodeDecodeError):
        try:
            check_encoding()
        except UserError as misplaced:
            return str(misplaced)
    if any(text in str(problem) for text in NO_MAPPING):
        broken = not_a_mapping()
        if broken is not None:
            return str(broken)
    package = type(problem).__module__.split(".")[0]
    if package in ("yaml", "ruamel"):
        return str(broken_yaml(problem))
    if package in ("mlflow", "requests", "sqlalchemy"):
        reason = redacted(" ".join(str(problem).split()))[:300]
        from pipeline.tracking.address import shown_address, store_address

        if any(text in reason for text in DAMAGED_DATABASE):
            return (
                f"The MLflow store {shown_address()} is damaged, or another program wrote it ({reason}). Restore it "
                "from a copy, or move it away and fill a new one with `convtrack publish`."
            )
        from pipeline.tracking.store_errors import server_error  # imports MLflow, as the exception's package has

        explained = server_error(problem, store_address())
        return str(explained or f"MLflow failed ({reason}). Run the same command again; finished trainings are kept.")
    return _hydra_sentence(problem) if package in ("hydra", "omegaconf") else None


def _hydra_sentence(problem: Exception) -> str:
    """The message for an error that Hydra or OmegaConf raises while it composes a configuration."""
    text = " ".join(str(problem).split())
    quoted = text.split("'")[1] if text.count("'") > 1 else ""
    if type(problem).__name__ == "OverrideParseException":
        return f"Invalid override '{vars(problem)['override']}': write SETTING=VALUE, and quote spaces and brackets."
    missing = getattr(problem, "missing_cfg_file", None)
    if missing:
        group, _, name = missing.rpartition("/")
        options = vars(problem).get("options") or ()
        return str(unknown(group, name, options)) if group else f"{CONF / name}.yaml is missing: restore it."
    if "You must specify" in text:
        available = ", ".join(str(problem).partition("Available options:")[2].split())
        return f"No {quoted} is chosen: choose one with `{quoted}=NAME`. Available: {available}."
    if text.startswith(("Ambiguous value", "Sweep parameters")):
        return f"'{quoted}' has several values: add `-m` to run one job per value, or write a list as [a,b]."
    if "No match in the defaults list" in text:
        return f"This command has no config group '{quoted}': its `--help` lists the groups."
    if text.startswith("Could not append"):
        return f"'{quoted}' already has a value: replace it without the plus sign, `{quoted}=VALUE`."
    if text.startswith("Additional config directory"):
        return f"`--config-dir` must name an existing folder. Received '{quoted}': create it or correct the path."
    key = getattr(problem.__cause__, "full_key", None)
    if key and text.startswith("Could not override"):
        section, _, _ = key.rpartition(".")
        parent = getattr(problem.__cause__, "parent_node", None)
        known = [f"{section}.{name}" if section else str(name) for name in (parent or ()) if name != "hydra"]
        if section and not known:
            group = section.partition(".")[0]
            return (
                f"Unknown setting '{key}': `{section}` has no settings here. Choose a file of `{group}` that sets "
                f"it, as in `{group}=NAME`."
            )
        return str(unknown("setting", key, known))
    unresolved = getattr(problem, "full_key", None)
    if unresolved:
        reason = str(problem).splitlines()[0].rstrip(".")
        return f"Cannot resolve `{unresolved}`: {reason}. Refer to an existing setting."
    return text if text.endswith(".") else f"{text}."
