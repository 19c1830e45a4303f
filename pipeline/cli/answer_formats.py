"""The output of `convtrack predict`: a table for people, CSV and JSON lines for programs."""

import csv
import json
from collections.abc import Callable, Sequence
from typing import TextIO

import numpy as np

from pipeline.counts import percentage
from pipeline.deployment.picture_model import PROBABILITY, Answers

Write = Callable[[Sequence[str], Answers], None]
"""Write the rows of some pictures: their names, and their predictions."""
UNREADABLE = "–"
"""The class of an unreadable picture in a table."""


def table(stream: TextIO, classes: Sequence[str]) -> Write:
    """Write a table. Its widths are known before the first picture, so the names, which vary, are the last column."""
    width = max(map(len, ("class", *classes)))
    print(f"{'class':<{width}}  confidence  picture", file=stream)

    def write(names: Sequence[str], answers: Answers) -> None:
        for place, name in enumerate(names):
            problem, label = answers.problems[place], answers.classes[place]
            confidence = "" if label is None else percentage(answers.confidence[place])
            remarks = ["abstains"] if answers.abstains[place] else []
            remarks += [*answers.flags[place], *([f"unreadable: {problem}"] if problem else [])]
            remark = f"  ({'; '.join(remarks)})" if remarks else ""
            print(f"{label or UNREADABLE:<{width}}  {confidence:>10}  {name}{remark}", file=stream)

    return write


def comma_separated(stream: TextIO, classes: Sequence[str]) -> Write:
    """Write CSV with the columns of `Answers.to_frame` after the name of the picture."""
    writer = csv.writer(stream, lineterminator="\n")
    columns = ("picture", "class", "confidence", "abstains", "flags", "problem")
    writer.writerow([*columns, *(PROBABILITY + name for name in classes)])

    def write(names: Sequence[str], answers: Answers) -> None:
        for place, name in enumerate(names):
            readable = answers.classes[place] is not None
            row = [
                name,
                answers.classes[place],
                float(answers.confidence[place]) if readable else None,
                str(bool(answers.abstains[place])).lower(),
                "; ".join(answers.flags[place]),
                answers.problems[place],
            ]
            writer.writerow(row + (answers.probabilities[place].tolist() if readable else [None] * len(classes)))

    return write


def json_lines(stream: TextIO, classes: Sequence[str]) -> Write:
    """Write a JSON object per line. Class, confidence and probabilities of an unreadable picture are null."""

    def write(names: Sequence[str], answers: Answers) -> None:
        for place, name in enumerate(names):
            readable = answers.classes[place] is not None
            row = {
                "picture": name,
                "class": answers.classes[place],
                "confidence": float(answers.confidence[place]) if readable else None,
                "abstains": bool(answers.abstains[place]),
                "flags": list(answers.flags[place]),
                "problem": answers.problems[place],
                "probabilities": _by_class(classes, answers.probabilities[place]) if readable else None,
            }
            print(json.dumps(row, ensure_ascii=False), file=stream)

    return write


def _by_class(classes: Sequence[str], probabilities: np.ndarray) -> dict[str, float]:
    return dict(zip(classes, probabilities.tolist(), strict=True))


FORMATS: dict[str, Callable[[TextIO, Sequence[str]], Write]] = {
    "table": table,
    "csv": comma_separated,
    "jsonl": json_lines,
}
"""By name, which is also the suffix of the file: write the head, and return what writes the rows."""
