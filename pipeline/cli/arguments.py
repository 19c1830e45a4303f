"""Check the arguments of a Hydra command before Hydra reads them."""

import argparse
import fnmatch
import re
from collections.abc import Sequence
from pathlib import Path

from pipeline.config.reading import CONF, choices_of
from pipeline.errors import UserError
from pipeline.safe_text import SECRET_VARIABLE, redacted

RUN_MANY = {"-m", "--multirun"}
RUN_NOTHING = {"-h", "--help", "--cfg", "-c"}
DATABASE_USER = re.compile(r"(?<=postgresql://)[\w.-]+@")
"""A user name, which is no secret, without a password."""


def is_search(arguments: Sequence[str]) -> bool:
    """Whether the arguments choose a sweep. Without one, `-m` runs a grid of the listed values."""
    return any(argument.startswith("sweep=") for argument in arguments)


def config_folders(arguments: Sequence[str]) -> list[Path]:
    """The folders that hold configuration files: `conf/` and the folder that `--config-dir` names.

    >>> [str(folder) for folder in config_folders(["model=mine", "--config-dir", "elsewhere"])]
    ['conf', 'elsewhere']
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--config-dir", "-cd", dest="folder", nargs="?")
    parser.add_argument("--cfg", "-c", nargs="?")  # Otherwise argparse takes `-c` for an abbreviation of `-cd`.
    folder = parser.parse_known_args(arguments)[0].folder
    return [CONF, Path(folder)] if folder else [CONF]


def check_arguments(arguments: Sequence[str]) -> None:
    """Reject arguments that Hydra would accept and then ignore, or write to files.

    Raises:
        UserError: a sweep without `-m` or with another sweeper, a password, a choice outside of
            its folder, or a pattern that no file matches.
    """
    if is_search(arguments):
        _check_search(arguments)
    folders = config_folders(arguments)
    for argument in arguments:
        _check_secret(argument)
        _check_inside(argument)
        _check_pattern(argument, folders)


def _check_search(arguments: Sequence[str]) -> None:
    if not (RUN_MANY | RUN_NOTHING) & set(arguments):
        raise UserError("`sweep=…` runs many trials, which needs `-m`: add `-m`.")
    for argument in arguments:
        if argument.startswith("hydra/sweeper=") and not argument.startswith("hydra/sweeper=convtrack_"):
            raise UserError(f"`sweep=…` needs the sweeper `convtrack_optuna`: remove `{argument}`.")


def _check_secret(argument: str) -> None:
    """Refuse an override with a password, because Hydra writes overrides and the configuration into files."""
    setting, _, value = argument.partition("=")
    variable = setting.rpartition(".")[2]  # as in `hydra.job.env_set.PGPASSWORD`
    public = DATABASE_USER.sub("", argument)
    if value and (redacted(public) != public or (variable.isupper() and SECRET_VARIABLE.search(variable))):
        raise UserError(
            f"`{setting}` must not contain a password, because Hydra writes overrides to files. Set an environment "
            "variable instead: PGPASSWORD or ~/.pgpass for PostgreSQL, MLFLOW_TRACKING_PASSWORD or "
            "MLFLOW_TRACKING_TOKEN for a tracking server."
        )


def _check_inside(argument: str) -> None:
    """Refuse a choice outside the folder of its group: its name becomes part of the paths of results."""
    group, _, choice = argument.lstrip("+~").partition("=")
    if (CONF / group).is_dir() and ".." in re.split(r"[^\w.-]", choice):
        raise UserError(f"`{group}` must name a file in {CONF / group}/. Received '{choice}': remove the dots.")


def _check_pattern(argument: str, folders: Sequence[Path]) -> None:
    """Refuse a pattern without a match. Hydra would run no job and print nothing."""
    found = re.fullmatch(r"(\w+)=glob\(([^,()]+)\)", argument)
    if found is None:
        return
    group, pattern = found[1], found[2].strip("'\"")
    available = choices_of(group, folders)
    if not fnmatch.filter(available, pattern):
        raise UserError(f"No {group} matches '{pattern}'. Available: {', '.join(available)}.")
