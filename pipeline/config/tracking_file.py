"""Read conf/tracking.yaml: whose results an MLflow server holds that several projects use."""

from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints
from pydantic.dataclasses import dataclass
from ruamel.yaml.error import YAMLError

from pipeline.config.reading import CONF, parse_yaml, read
from pipeline.errors import UserError

FILE = CONF / "tracking.yaml"
ExperimentName = Annotated[str, StringConstraints(min_length=1, max_length=400)]
PROJECT_NAME = r"^[A-Za-z0-9_-]{1,60}$"
ProjectName = Annotated[
    str,
    StringConstraints(pattern=PROJECT_NAME),
    Field(description="1 to 60 letters, digits, `_` or `-`, such as cells"),
]
"""It becomes part of the names of experiments and registered models."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class TrackingConfig:
    """The names of the MLflow experiment and of the project; None means the default."""

    experiment: ExperimentName | None
    project: ProjectName | None


def read_tracking() -> TrackingConfig:
    """The names in conf/tracking.yaml; a project of an earlier version has no such file.

    Raises:
        UserError: the file is invalid.
    """
    if not FILE.is_file():
        return TrackingConfig(None, None)
    try:
        return read(TrackingConfig, parse_yaml(FILE.read_text(encoding="utf-8")), "tracking")
    except UserError as problem:
        raise UserError(f"In {FILE}: {problem}") from None
    except (YAMLError, UnicodeDecodeError):
        raise UserError(f"{FILE} is not valid YAML in UTF-8: correct it by hand.") from None
