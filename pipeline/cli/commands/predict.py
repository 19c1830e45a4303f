"""Classify pictures with the champion, or with another packaged network.

PICTURES are files, folders with pictures, patterns such as 'photos/*.jpg', or - for a list of paths on standard input.

  convtrack predict photo.jpg
  convtrack predict photos/ --output predictions.csv
  convtrack predict photo.jpg --explain explained/
"""

import argparse
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, redirect_stdout
from itertools import islice
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from pipeline.cli.answer_formats import FORMATS
from pipeline.cli.model_option import add_model_option
from pipeline.cli.usage import parsed
from pipeline.console import Counting, Progress, say
from pipeline.counts import number_of
from pipeline.data.pictures.listing import SUFFIXES
from pipeline.data.pictures.named_pictures import named_pictures
from pipeline.data.user_paths import shown, user_path
from pipeline.deployment.calibration import NEVER
from pipeline.deployment.picture_model import Decoded, PictureModel
from pipeline.errors import UserError
from pipeline.storage.files import replacing
from pipeline.storage.interrupts import INTERRUPTED
from pipeline.tracking.model_registry import registered_folder

TOGETHER, BYTES = 64, 2**26
"""Pictures that are decoded before they are classified: at most this many, and at most this many bytes of pixels."""
HEADS = (b"class ", b"picture,class,", b'{"picture": ')
"""The first bytes of an output, by its format."""
NAMED = 10
"""At most this many unreadable pictures are named in the message at the end."""

Explain = Callable[[Path, NDArray[np.uint8], NDArray[np.float64], float], object]
"""Explain the prediction of a picture: its file, pixels, probabilities and confidence."""


def parser() -> argparse.ArgumentParser:
    """The arguments of the command."""
    command = argparse.ArgumentParser(
        "convtrack predict", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    command.add_argument("pictures", metavar="PICTURES", nargs="+", help="files, folders, patterns, or - for a list")
    add_model_option(command)
    command.add_argument(
        "--format", choices=FORMATS, help="default: the suffix of --output if it is csv or jsonl, else table"
    )
    command.add_argument(
        "--output", metavar="FILE", type=Path, help="file for the predictions (default: standard output)"
    )
    command.add_argument(
        "--error-rate",
        metavar="RATE",
        type=float,
        help="abstain where the confidence is below the threshold for this error rate, such as 0.01",
    )
    command.add_argument("--explain", metavar="FOLDER", type=Path, help="write a figure that explains each prediction")
    return command


def main(arguments: Sequence[str]) -> None:
    """Write a row per picture. Notes and progress go to standard error.

    Raises:
        UserError: pictures are unreadable, after the others have been classified; or nothing can be classified.
    """
    options = parsed(parser().parse_args, arguments, help_command="convtrack predict --help")
    try:
        # Progress and notes must not be mixed with the predictions.
        with _destination(options.output) as stream, redirect_stdout(sys.stderr):
            unreadable = _predict(options, stream)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    unreadable.report()


def _predict(options: argparse.Namespace, stream: TextIO) -> "_Unreadable":
    """Classify pictures in batches, so that memory does not grow with their number; count the unreadable ones."""
    if options.explain is not None:
        _check_outside(options.explain, options.pictures)
        _make(options.explain)
    pictures = named_pictures(options.pictures, map(os.fsdecode, sys.stdin.buffer))
    package = registered_folder(options.model)
    model = PictureModel.load(package)
    if options.error_rate is not None:
        say(_promise(model, options.error_rate))
    explain = None if options.explain is None else _explainer(model, package, options.explain)
    write = FORMATS[options.format or _format_of(options.output)](stream, model.classes)
    progress = _progress(pictures.count)
    unreadable = _Unreadable()
    for files, decoded in _decoded(model, pictures):
        answers = model.answers_to(decoded, error_rate=options.error_rate)
        names = [shown(file) for file in files]
        write(names, answers)
        stream.flush()
        unreadable.add(names, answers.problems)
        if explain is not None:
            for place, (file, one) in enumerate(zip(files, decoded, strict=True)):
                if one.pixels is not None:
                    explain(file, one.pixels, answers.probabilities[place], float(answers.confidence[place]))
        if not stream.isatty():
            progress.advance(len(files))
    progress.close()
    for sentence in pictures.left_out:
        say(sentence)
    return unreadable


def _check_outside(explained: Path, pictures: Sequence[str]) -> None:
    """Raise a UserError if a later run would classify the figures."""
    target = Path(os.path.realpath(explained))
    for name in pictures:
        folder = Path(os.path.realpath(name))
        if folder.is_dir() and target.is_relative_to(folder):
            raise UserError(
                f"`--explain` must not name a folder inside a folder of pictures, because its figures would become "
                f"pictures, too. Received '{shown(explained)}' inside '{shown(name)}': name another folder."
            )


def _make(explained: Path) -> None:
    try:
        explained.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as problem:
        raise UserError(
            f"`--explain` must name a folder that can be written. Received '{shown(explained)}' "
            f"({getattr(problem, 'strerror', None) or problem}): name another one."
        ) from None


def _explainer(model: PictureModel, package: Path, folder: Path) -> Explain:
    # Matplotlib and TensorFlow take seconds to import.
    from pipeline.cli.explaining import Explainer

    return Explainer(model, package, folder).write


def _progress(count: int | None) -> Progress | Counting:
    return Counting("pictures classified") if count is None else Progress(count, "pictures classified")


def _decoded(model: PictureModel, pictures: Iterable[Path]) -> Iterator[tuple[list[Path], list[Decoded]]]:
    """The pictures in batches; while one is classified, a thread decodes the next one."""
    files = iter(pictures)
    size = max(1, min(TOGETHER, BYTES // math.prod(model.image_shape)))
    with ThreadPoolExecutor(1) as thread:
        some = list(islice(files, size))
        decoding = thread.submit(model.pixels, some)
        while some:
            following = list(islice(files, size))
            decoded = decoding.result()
            decoding = thread.submit(model.pixels, following)
            yield some, decoded
            some = following


def _promise(model: PictureModel, error_rate: float) -> str:
    """What to expect of predictions with a wanted error rate, as it was measured when the network was packaged.

    Raises:
        UserError: the error rate is not between 0 and 1.
    """
    least = model.least_confidence(error_rate)
    stored = [one for one in model.settings["thresholds"] if one["error_rate"] <= error_rate]
    if least >= NEVER:
        return (
            f"The validation images are too few, or too often misclassified, to confirm an error rate of "
            f"{error_rate:.3g}: the network abstains on every picture."
        )
    images = model.settings["measured"]["test"]["images"] if "test" in model.settings["measured"] else None
    where = "the validation images" if images is None else number_of(images, "test image")
    coverage, measured = stored[-1]["coverage"], stored[-1]["measured"]
    error = "" if measured is None else f", error rate {100 * measured:.2f} %"
    return (
        f"The network abstains below a confidence of {100 * least:.2f} %. On {where}: coverage {100 * coverage:.1f} %"
        f"{error}."
    )


class _Unreadable:
    """The number of unreadable pictures and the first of them."""

    def __init__(self) -> None:
        self._pictures = self._count = 0
        self._first: list[str] = []

    def add(self, names: Sequence[str], problems: Sequence[str | None]) -> None:
        """Count pictures."""
        self._pictures += len(names)
        for name, problem in zip(names, problems, strict=True):
            if problem is not None:
                self._count += 1
                if len(self._first) < NAMED:
                    self._first.append(f"\n  {name}: {problem}")

    def report(self) -> None:
        """Raise a UserError if a picture is unreadable."""
        if self._count:
            more = self._count - len(self._first)
            others = "; the others are classified" if self._count < self._pictures else ""
            them = "them" if self._count > 1 else "it"
            raise UserError(
                f"{self._count:,} of {number_of(self._pictures, 'picture')} cannot be read{others}. Repair {them} or "
                f"leave {them} out:{''.join(self._first)}" + (f"\n  and {more:,} more" if more else "")
            )


def _format_of(output: Path | None) -> str:
    suffix = output.suffix.lower()[1:] if output else ""
    return suffix if suffix in FORMATS else "table"


@contextmanager
def _destination(output: Path | None) -> Iterator[TextIO]:
    """Standard output, or a file that appears when the block ends, also if some pictures were unreadable.

    Raises:
        UserError: the file must not be written: it is a picture, a device, a folder or a file of another program, or
            its folder is missing.
    """
    if output is None:
        yield sys.stdout
        return
    file = Path(os.path.realpath(user_path(output)))
    if not file.parent.is_dir() or (file.exists() and not file.is_file()) or file.suffix.lower() in SUFFIXES:
        raise UserError(
            f"`--output` must name a file in an existing folder, and no picture. Received '{shown(output)}'."
        )
    if file.exists():
        with file.open("rb") as before:
            start = before.read(max(map(len, HEADS)))
        if start and not start.startswith(HEADS):
            raise UserError(
                f"'{shown(output)}' exists and was not written by `convtrack predict`, which replaces only its own "
                "files. Choose another `--output`."
            )
    with replacing(file) as unfinished, unfinished.open("w", encoding="utf-8", newline="") as stream:
        yield stream
