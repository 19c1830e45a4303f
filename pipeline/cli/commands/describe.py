"""Print the layers of a network in numbers: sizes, parameters, connections, cost and receptive fields.

TARGET is one of
  model=NAME [SETTING=VALUE …]   a model of conf/model, with overrides such as model.options.padding=valid
  FILE                           a .keras file, or the JSON of a network as Keras 3 writes it
  keras.applications.NAME        a network that Keras brings along, with 1000 classes and at its own input size

Connections are links between units, one for each bias, as if no weight were shared (LeCun et al. 1998). A receptive
field (field), its effective stride and the effective padding before the image are pixels of the input, rows by columns,
along the widest path (Araujo et al. 2019); `all` of the image is seen after flattening, dense layers and global
pooling; `undefined` it is where units see windows of different sizes. Several images count as lying on each other.
"""

import argparse
import json
import re
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.arithmetic.table import LayerRow, layer_table
from pipeline.cli.composing import composed
from pipeline.console import say
from pipeline.data.prepared import read_manifest
from pipeline.errors import UserError, unknown
from pipeline.networks.describe import Network, make_network
from pipeline.reporting.tables.layers import layer_lines, total_lines
from pipeline.storage.folders import PREPARED

APPLICATIONS = "keras.applications."
IMAGENET_CLASSES = 1000

Shape = tuple[int, int, int]

DEFAULT_SHAPE: Shape = (224, 224, 3)
"""Of the networks of `keras.applications` that leave their input open."""

SEVERAL = re.compile(r"=[^\[({'\"]*,")
"""An override with a value for each of several jobs."""

MALFORMED = (KeyError, TypeError, AttributeError, IndexError)
"""What reading a JSON raises that is no network's."""


def main(arguments: Sequence[str]) -> None:
    """Print the table of a network and its totals, or both as JSON."""
    parser = argparse.ArgumentParser(
        "convtrack describe", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("target", nargs="+", metavar="TARGET", help="the network, and overrides of its settings")
    parser.add_argument(
        "--input", metavar="ROWSxCOLUMNSxCHANNELS", help="shape of the image (default: that of the prepared data)"
    )
    parser.add_argument("--classes", metavar="N", help="number of classes (default: that of the prepared data)")
    parser.add_argument("--subgroups", metavar="N", help="number of subgroups, for a model that is told or tells them")
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = parser.parse_intermixed_args(arguments)
    shape, classes = _shape(given.input), _number("--classes", given.classes)
    subgroups = _number("--subgroups", given.subgroups)
    overrides = [word for word in given.target if _is_override(word)]
    named = [word for word in given.target if not _is_override(word)]
    if len(named) > 1 or (named and overrides):
        raise UserError(f"describe takes one network at a time. Received: {', '.join(given.target)}.")
    if named and subgroups is not None:
        raise UserError(f"--subgroups is for a model of this project, model=NAME; leave it out for {named[0]}.")
    if not named:
        title, rows = _of_model(overrides, shape, classes, subgroups)
    elif named[0].startswith(APPLICATIONS):
        title, rows = _of_application(named[0].removeprefix(APPLICATIONS), shape, classes)
    elif classes is not None:
        raise UserError(f"{named[0]} holds a network with its classes: leave --classes out.")
    else:
        title, rows = _of_file(Path(named[0]), shape)
    if given.json:
        # A network whose name nobody gave bears the target's.
        print(json.dumps(Network("", rows).summary(title), indent=1))
        return
    for line in (f"{title}:", "", *layer_lines(rows), "", *total_lines(rows)):
        say(line)


def _is_override(word: str) -> bool:
    return "=" in word and not Path(word).exists()


def _shape(text: str | None) -> Shape | None:
    if text is None:
        return None
    found = re.fullmatch(r"([1-9]\d{0,5})[x×]([1-9]\d{0,5})[x×]([1-9]\d{0,5})", text)
    if found is None:
        raise UserError(
            f"`--input` must be rows, columns and channels, each at least 1, such as 64x64x1. Received {text!r}."
        )
    rows, columns, channels = map(int, found.groups())
    return rows, columns, channels


def _number(option: str, text: str | None) -> int | None:
    if text is None:
        return None
    if not re.fullmatch(r"[1-9]\d{0,6}", text):
        raise UserError(f"`{option}` must be a whole number from 1. Received {text!r}.")
    return int(text)


def _of_model(
    overrides: Sequence[str], shape: Shape | None, classes: int | None, subgroups: int | None
) -> tuple[str, tuple[LayerRow, ...]]:
    several = next((word for word in overrides if SEVERAL.search(word)), None)
    if several:
        raise UserError(f"describe takes one network at a time, but '{several}' names several values: give one.")
    model = composed("build", overrides)["model"]
    prepared = _prepared()
    if prepared is None and (shape is None or classes is None):
        raise UserError(
            f"{PREPARED} holds no prepared images to take their shape and classes from: "
            "give --input ROWSxCOLUMNSxCHANNELS and --classes N, or run `convtrack prepare`."
        )
    manifest: dict[str, Any] = {"subgroups": None, **(prepared or {})}
    if shape is not None:
        manifest["image_shape"] = shape
    if classes is not None:
        manifest["classes"] = range(classes)
    if subgroups is not None:
        manifest["subgroups"] = range(subgroups)
    network = make_network(model, manifest)
    borrowed = " and ".join([*(["shape"] if shape is None else []), *(["classes"] if classes is None else [])])
    source = f" ({borrowed} of {manifest['name']} in {PREPARED})" if borrowed else ""
    images, number = _times(manifest["image_shape"]), len(manifest["classes"])
    return f"{model.name} for {images} images and {number} classes{source}", network.rows


def _prepared() -> dict[str, Any] | None:
    try:
        return read_manifest(PREPARED)
    except UserError:
        return None


def _of_application(name: str, shape: Shape | None, classes: int | None) -> tuple[str, tuple[LayerRow, ...]]:
    from pipeline.training.runtime import start_tensorflow

    start_tensorflow()
    from keras import applications
    from tensorflow.errors import ResourceExhaustedError

    available = [known for known in dir(applications) if known[0].isupper()]
    if name not in available:
        raise unknown("network of keras.applications", name, available)
    construct = getattr(applications, name)
    options: dict[str, Any] = {"weights": None, "classes": classes or IMAGENET_CLASSES}
    if shape is not None:
        options["input_shape"] = shape
    try:
        network = construct(**options)
    except ValueError as problem:
        reason = " ".join(str(problem).split())
        raise UserError(f"keras.applications.{name} cannot be built so: {reason.rstrip('.')}.") from None
    except ResourceExhaustedError:
        raise UserError(
            f"keras.applications.{name} does not fit into memory so: give less to --input or --classes."
        ) from None
    written = json.loads(network.to_json())
    _fill(written, DEFAULT_SHAPE)
    taken = _inputs(written)[0][1:]
    title = f"keras.applications.{name} for {_times(taken)} images and {options['classes']} classes"
    return title, _table(title, written)


def _of_file(path: Path, shape: Shape | None) -> tuple[str, tuple[LayerRow, ...]]:
    written = _read(path)
    try:
        is_open = any(None in sides[1:] for sides in _inputs(written))
        if is_open and shape is None:
            raise UserError(f"{path} leaves the size of its images open: give it with --input ROWSxCOLUMNSxCHANNELS.")
        if shape is not None and not is_open:
            raise UserError(f"{path} states the size of its images: leave --input out.")
        if shape is not None:
            _fill(written, shape)
    except MALFORMED as problem:
        raise _unreadable(str(path), problem) from None
    return str(path), _table(str(path), written)


def _table(title: str, written: dict[str, Any]) -> tuple[LayerRow, ...]:
    try:
        return layer_table(written)
    except ValueError as problem:
        raise UserError(f"{title} cannot be described: {problem}") from None
    except MALFORMED as problem:
        raise _unreadable(title, problem) from None


def _read(path: Path) -> dict[str, Any]:
    """The JSON of the network in a file, told by what the file holds, not by its name."""
    try:
        with path.open("rb") as file:
            start = file.read(8)
        if start.startswith(b"\x89HDF"):
            raise UserError(
                f"{path} is in HDF5, the format of Keras 2: load it with Keras and save it as a .keras file."
            )
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                text = archive.read("config.json")
        else:
            text = path.read_bytes()
        written = json.loads(text)
    except FileNotFoundError:
        raise UserError(
            f"{path} does not exist: give model=NAME, a .keras or .json file, or keras.applications.NAME."
        ) from None
    except OSError as problem:
        raise UserError(f"{path} cannot be read ({problem.strerror}): give a .keras or .json file.") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, KeyError, ValueError) as problem:
        raise _unreadable(str(path), problem) from None
    if not isinstance(written, dict) or not {"class_name", "config"} <= written.keys():
        raise UserError(f"{path} holds no network as Keras 3 writes it: give a .keras file or a model's to_json().")
    return written


def _unreadable(title: str, problem: Exception) -> UserError:
    reason = " ".join(str(problem).split()) or "damaged"
    return UserError(f"{title} holds no network as Keras 3 writes it ({type(problem).__name__}: {reason}).")


def _inputs(written: dict[str, Any]) -> list[list[int | None]]:
    """The shapes, with batch axis, of what goes into a network; they may be filled in."""
    return [
        layer["config"]["batch_shape"]
        for layer in written["config"].get("layers", ())
        if layer["class_name"] == "InputLayer"
    ]


def _fill(written: dict[str, Any], shape: Shape) -> None:
    """Give images of open size this one; UserError where it contradicts what is stated."""
    for sides in _inputs(written):
        if None in sides[1:] and len(sides) == 1 + len(shape):
            if any(side not in (None, given) for side, given in zip(sides[1:], shape, strict=True)):
                stated = _times(["?" if side is None else side for side in sides[1:]])
                raise UserError(f"--input {_times(shape)} contradicts the network's own input, {stated}: change it.")
            sides[1:] = shape


def _times(sides: Sequence[int | str | None]) -> str:
    return "×".join(map(str, sides))
