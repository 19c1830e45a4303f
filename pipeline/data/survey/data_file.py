"""Write the data configuration that a survey proposes."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from shlex import quote
from typing import Any

from pipeline.config.file_names import NOT_TEXT
from pipeline.config.reading import CONF
from pipeline.data.images import printable
from pipeline.data.survey.surveyed import Option, Survey
from pipeline.data.watching import project_path
from pipeline.errors import UserError
from pipeline.storage.files import replacing

LONGEST_LINE = 120


def data_file(name: str) -> Path:
    """The file of the data configuration with this name."""
    return CONF / "data" / f"{name}.yaml"


def write_data_file(name: str, survey: Survey) -> Path:
    """Write the configuration that a survey proposes.

    Raises:
        UserError: the file exists, or a name cannot be written into a configuration.
    """
    file = data_file(name)
    if file.exists():
        raise UserError(
            f"{file} exists: delete it, or choose another name, `convtrack new-data {quote(str(survey.path))} NAME`."
        )
    text = "\n".join(_lines(name, survey)) + "\n"
    with replacing(file) as unfinished:
        unfinished.write_text(text, encoding="utf-8")
    return file


def _lines(name: str, survey: Survey) -> Iterator[str]:
    yield f"# {survey.images:,} images in {len(survey.classes):,} classes ({survey.layout})."
    yield "# Written by `convtrack new-data`; edit it freely."
    yield f"#   convtrack experiment data={name} model=lecture_cnn"
    yield f"source: {survey.source}"
    yield "groups: auto # keep copies and near copies of an image on the same side of a split; stated: do not"
    yield "options:"
    yield f"  path: {_written(survey.path)}"
    for option in survey.options:
        yield from _option_lines(option)


def _option_lines(option: Option) -> Iterator[str]:
    line = f"{'# ' if option.suspected else ''}{option.name}: {_written(option.value)}"
    comment = printable(option.comment)
    if len(line) + len(comment) + 5 > LONGEST_LINE or option.suspected:
        yield f"  # {comment}{':' if option.suspected else '.'}"
        yield f"  {line}"
    else:
        yield f"  {line}{f' # {comment}' if comment else ''}"


def _written(value: Any) -> str:
    """A value in YAML, which Hydra and DVC read in the same way."""
    if isinstance(value, Path):
        value = project_path(value)
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if "${" in value:
        raise UserError(f"The name '{printable(value)}' contains '${{', which a configuration cannot hold: rename it.")
    plain = re.fullmatch(r"[A-Za-z_/][\w./-]*", value, re.ASCII) and value.lower() not in NOT_TEXT
    return value if plain else json.dumps(value, ensure_ascii=False)
