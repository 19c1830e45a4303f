"""Measure a claim of the lecture apart from any comparison, and write its report to reports/."""

import argparse
from ast import get_docstring, parse
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from pipeline import studies
from pipeline.config.reading import read_comparison
from pipeline.console import say
from pipeline.errors import unknown
from pipeline.storage.folders import REPORTS
from pipeline.training.runtime import start_tensorflow

FOLDER = Path(studies.__file__).parent


def main(arguments: Sequence[str]) -> None:
    """Run the named study."""
    names = sorted(file.stem for file in FOLDER.glob("*.py") if file.stem != "__init__")
    listed = "\n".join(f"  {name:<14} {_summary(name)}" for name in names)
    parser = argparse.ArgumentParser(
        "convtrack study",
        description=f"{__doc__}\n\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", help="which study")
    name = parser.parse_args(arguments).name
    if name not in names:
        raise unknown("study", name, names)
    read_comparison()  # Refuses a folder that is no project's.
    start_tensorflow()
    import_module(f"pipeline.studies.{name}").main()
    say(f"The report is {REPORTS / name / 'report.md'}.")


def _summary(name: str) -> str:
    """The first line of a study's docstring, read without importing TensorFlow."""
    text = get_docstring(parse((FOLDER / f"{name}.py").read_text(encoding="utf-8"))) or ""
    return text.splitlines()[0]
