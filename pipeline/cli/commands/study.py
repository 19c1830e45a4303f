"""Run a study, and write its report to `reports/NAME/`. A study asks a question and answers it by an experiment."""

import argparse
from ast import get_docstring, parse
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from pipeline import studies
from pipeline.cli.usage import parsed
from pipeline.config.reading import read_comparison
from pipeline.console import say
from pipeline.errors import unknown
from pipeline.storage.folders import REPORTS
from pipeline.studies.study_index import write_study_index
from pipeline.training.runtime import start_tensorflow

FOLDER = Path(studies.__file__).parent


def parser() -> argparse.ArgumentParser:
    """The arguments of the command."""
    descriptions = "\n".join(f"  {name:<14} {_description(name)}" for name in study_names())
    command = argparse.ArgumentParser(
        "convtrack study",
        description=f"{__doc__}\n\n{descriptions}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("name", help="name of the study")
    return command


def main(arguments: Sequence[str]) -> None:
    """Run the study whose name is the argument."""
    name, names = parsed(parser().parse_args, arguments, help_command="convtrack study --help").name, study_names()
    if name not in names:
        raise unknown("study", name, names)
    read_comparison()  # Raises outside a project folder.
    start_tensorflow()
    import_module(study_module(name)).main()
    write_study_index(names)
    say(f"Wrote {REPORTS / name / 'report.md'}.")


def study_names() -> list[str]:
    """Return the names of all studies: the folders of `pipeline.studies`."""
    return sorted(file.parent.name for file in FOLDER.glob("*/__init__.py"))


def study_module(name: str) -> str:
    """Return the module whose function `main` runs the study."""
    return f"pipeline.studies.{name}.{name}_study"


def _description(name: str) -> str:
    """The first line of the docstring, read without importing the study, because that can import TensorFlow."""
    docstring = get_docstring(parse((FOLDER / name / "__init__.py").read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0]
