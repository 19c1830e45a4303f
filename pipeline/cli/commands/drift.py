"""Compare new pictures with the training data: can the reported score still be expected?

PICTURES are files, folders with pictures, patterns such as 'photos/*.jpg', or - for a list of paths on standard input.
Their true classes need not be known. With fewer than 50 pictures, only unusual pictures and copies of training images
are found.

  convtrack drift photos/
  convtrack drift photos/ --output drift.html
  convtrack drift photos/ --format json

The exit code is 1 if the reported score cannot be expected, else 0.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.cli.model_option import add_model_option
from pipeline.cli.usage import parsed
from pipeline.console import Counting, Progress, say
from pipeline.data.pictures.named_pictures import NamedPictures, named_pictures
from pipeline.data.user_paths import shown, user_path
from pipeline.deployment.drift.difference import MARGIN
from pipeline.deployment.picture_model import PictureModel
from pipeline.errors import UserError
from pipeline.storage.files import replacing
from pipeline.storage.interrupts import INTERRUPTED
from pipeline.tracking.model_registry import registered_folder

if TYPE_CHECKING:
    from pipeline.deployment.drift.new_pictures import NewPictures
    from pipeline.deployment.drift.verdict import Drift
    from pipeline.deployment.reference import Reference


def parser() -> argparse.ArgumentParser:
    """The arguments of the command."""
    command = argparse.ArgumentParser(
        "convtrack drift", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    command.add_argument("pictures", metavar="PICTURES", nargs="+", help="files, folders, patterns, or - for a list")
    add_model_option(command)
    command.add_argument("--format", choices=("text", "json"), default="text", help="default: text")
    command.add_argument("--output", metavar="FILE", type=_page_file, help="write an HTML page with figures, too")
    command.add_argument(
        "--margin",
        metavar="LOSS",
        type=_margin,
        default=MARGIN,
        help="largest loss of accuracy that is practically irrelevant (default: %(default)s)",
    )
    return command


def main(arguments: Sequence[str]) -> None:
    """Print the verdict with its reasons. Notes and progress go to standard error.

    Raises:
        UserError: no picture is readable, or the model is missing.
    """
    options = parsed(parser().parse_args, arguments, help_command="convtrack drift --help")
    try:
        verdict = _compare(options)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    from pipeline.deployment.drift.verdict import NOT_EXPECTED

    if verdict == NOT_EXPECTED:
        sys.exit(1)


def _compare(options: argparse.Namespace) -> str:
    """Compare, print and write; return the verdict."""
    pictures = named_pictures(options.pictures, map(os.fsdecode, sys.stdin.buffer))
    folder = registered_folder(options.model)
    model = PictureModel.load(folder)
    # SciPy and scikit-learn take a second to import.
    from pipeline.deployment.drift.verdict import examine
    from pipeline.deployment.reference import REFERENCE, read_reference
    from pipeline.reporting.text.drift_text import drift_lines, drift_record

    reference = read_reference(folder / REFERENCE)
    name = f"{model.settings['model']} ({model.settings['data']})"
    with redirect_stdout(sys.stderr):
        new = _seen(pictures, model, reference)
    found = examine(new, reference, model.classes, margin=options.margin)
    if options.format == "json":
        print(json.dumps(drift_record(found, new, model.classes, name), indent=1, ensure_ascii=False))
    else:
        for line in drift_lines(found, new, reference, name):
            say(line)
    if options.output is not None:
        _write_page(options.output, found, new, reference, model.classes, name)
    return found.verdict


def _seen(pictures: NamedPictures, model: PictureModel, reference: "Reference") -> "NewPictures":
    """Read and classify all pictures.

    Raises:
        UserError: none is readable.
    """
    from pipeline.deployment.drift.new_pictures import Batch, new_pictures
    from pipeline.deployment.drift.picture_batches import picture_batches

    count = pictures.count
    progress = Counting("pictures read") if count is None else Progress(count, "pictures read")

    def counted() -> Iterator[Batch]:
        for batch in picture_batches(model, pictures):
            yield batch
            progress.advance(len(batch.names) + len(batch.unreadable))

    new = new_pictures(counted(), reference)
    progress.close()
    for sentence in pictures.left_out:
        say(sentence)
    if not new.size:
        (name, problem), *others = new.unreadable
        which = f"None of the {len(others) + 1:,} pictures can be read" if others else "The picture cannot be read"
        raise UserError(
            f"{which}. {name}: {problem}. Name other pictures, or repair {'these' if others else 'this one'}."
        )
    return new


def _write_page(
    file: Path,
    found: "Drift",
    new: "NewPictures",
    reference: "Reference",
    classes: tuple[str, ...],
    name: str,
) -> None:
    # Matplotlib takes a second to import.
    from pipeline.reporting.drift_page import drift_document
    from pipeline.reporting.page import html

    with replacing(file) as unfinished:
        unfinished.write_text(html(drift_document(found, new, reference, classes, name)), encoding="utf-8")
    with redirect_stdout(sys.stderr):
        say(f"Written: {shown(file)}")


def _page_file(text: str) -> Path:
    file = user_path(text)
    if file.suffix.lower() != ".html" or not file.parent.is_dir() or file.is_dir():
        raise UserError(f"`--output` must name an .html file in an existing folder. Received '{shown(file)}'.")
    return file


def _margin(text: str) -> float:
    try:
        margin = float(text)
    except ValueError:
        margin = -1.0
    if not 0 <= margin < 1:
        raise UserError(f"`--margin` must be a loss of accuracy, at least 0 and less than 1. Received {text!r}.")
    return margin
