"""Print the layer table of a network: shapes, parameters, connections, cost and receptive fields.

TARGET is one of
  model=NAME [SETTING=VALUE …]   a model in conf/model, with overrides such as model.options.padding=valid
  FILE                           a .keras file, or the JSON of a Keras 3 model (`model.to_json()`)
  keras.applications.NAME        a network of Keras, by default with 1000 classes and its own input size

Connections are links between units, biases included, as if no weights were shared (LeCun et al. 1998). The receptive
field (field), effective stride and effective padding are in input pixels, rows × columns, along the widest path (Araujo
et al. 2019). A field is `all` if a unit depends on the whole image: after flattening, dense layers and global pooling.
It is `undefined` if units have fields of different sizes, or after a layer whose cost is unknown (?). Several images
are treated as overlaid pixel by pixel.
"""

import argparse
import json
import re
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.arithmetic.rules.by_class import NoRule
from pipeline.arithmetic.sizes import shape_text
from pipeline.arithmetic.table import LayerRow, layer_table
from pipeline.cli.composing import composed
from pipeline.console import say
from pipeline.data.prepared import read_manifest
from pipeline.errors import UserError, unknown
from pipeline.networks.describe import Network, make_network
from pipeline.reporting.tables.layers import layer_lines, total_lines
from pipeline.storage.folders import PREPARED

if TYPE_CHECKING:
    import keras

APPLICATIONS = "keras.applications."
IMAGENET_CLASSES = 1000

Shape = tuple[int, int, int]

DEFAULT_SHAPE: Shape = (224, 224, 3)
"""Input shape for networks of `keras.applications` without a fixed one."""

SEVERAL = re.compile(r"=[^\[({'\"]*,")
"""An override with several values."""

MALFORMED = (KeyError, TypeError, AttributeError, IndexError)
"""Errors from JSON that does not describe a network."""


def parser() -> argparse.ArgumentParser:
    """The arguments of the command."""
    command = argparse.ArgumentParser(
        "convtrack describe", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    command.add_argument("target", nargs="+", metavar="TARGET", help="the network, and overrides of its settings")
    command.add_argument(
        "--input",
        type=_shape,
        metavar="ROWSxCOLUMNSxCHANNELS",
        help="shape of the image (default: prepared data)",
    )
    command.add_argument(
        "--classes",
        type=_count_of("--classes"),
        metavar="N",
        help="number of classes (default: that of the prepared data)",
    )
    command.add_argument(
        "--subgroups",
        type=_count_of("--subgroups"),
        metavar="N",
        help="number of subgroups, for models with subgroups as input or output (default: prepared data)",
    )
    command.add_argument("--json", action="store_true", help="print JSON")
    return command


def main(arguments: Sequence[str]) -> None:
    """Print the table and the totals of a network, as text or as JSON."""
    parsed = parser().parse_intermixed_args(arguments)
    title, network = _network(parsed.target, parsed.input, parsed.classes, parsed.subgroups)
    if parsed.json:
        print(json.dumps(network.summary(title), indent=1))
        return
    for line in (f"{title}:", "", *layer_lines(network.rows), "", *total_lines(network.rows)):
        say(line)


def _shape(text: str) -> Shape:
    found = re.fullmatch(r"([1-9]\d{0,5})[x×]([1-9]\d{0,5})[x×]([1-9]\d{0,5})", text)
    if found is None:
        raise UserError(
            f"`--input` must be rows, columns and channels, each at least 1, such as 64x64x1. Received {text!r}."
        )
    rows, columns, channels = map(int, found.groups())
    return rows, columns, channels


def _count_of(option: str) -> Callable[[str], int]:
    def count(text: str) -> int:
        if not re.fullmatch(r"[1-9]\d{0,6}", text):
            raise UserError(f"`{option}` must be a positive integer. Received {text!r}.")
        return int(text)

    return count


def _network(
    target: Sequence[str], shape: Shape | None, classes: int | None, subgroups: int | None
) -> tuple[str, Network]:
    """A title and the network of a target."""
    overrides = [word for word in target if "=" in word and not Path(word).exists()]
    names = [word for word in target if word not in overrides]
    if len(names) > 1 or (names and overrides):
        raise UserError(f"describe accepts one network at a time. Received: {', '.join(target)}.")
    if not names:
        return _of_model(overrides, shape, classes, subgroups)
    if subgroups is not None:
        raise UserError(f"--subgroups applies only to model=NAME: remove it for {names[0]}.")
    if names[0].startswith(APPLICATIONS):
        title, rows = _of_application(names[0].removeprefix(APPLICATIONS), shape, classes)
    elif classes is not None:
        raise UserError(f"The number of classes in {names[0]} is fixed: remove --classes.")
    else:
        title, rows = _of_file(Path(names[0]), shape)
    return title, Network("", rows)


def _of_model(
    overrides: Sequence[str], shape: Shape | None, classes: int | None, subgroups: int | None
) -> tuple[str, Network]:
    several = next((word for word in overrides if SEVERAL.search(word)), None)
    if several:
        raise UserError(f"describe accepts one network at a time, but '{several}' has several values: give one.")
    model = composed("build", overrides)["model"]
    prepared = _prepared()
    if prepared is None and (shape is None or classes is None):
        raise UserError(
            f"{PREPARED} contains no prepared images with a shape and classes: "
            "add --input ROWSxCOLUMNSxCHANNELS and --classes N, or run `convtrack prepare`."
        )
    manifest: dict[str, Any] = {"subgroups": None, **(prepared or {})}
    if shape is not None:
        manifest["image_shape"] = shape
    if classes is not None:
        manifest["classes"] = range(classes)
    if subgroups is not None:
        manifest["subgroups"] = range(subgroups)
    network = make_network(model, manifest)
    from_data = " and ".join([*(["shape"] if shape is None else []), *(["classes"] if classes is None else [])])
    source = f" ({from_data} of {manifest['name']} in {PREPARED})" if from_data else ""
    images, number = shape_text(manifest["image_shape"]), len(manifest["classes"])
    return f"{model.name} for {images} images and {number} classes{source}", network


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
        raise UserError(f"keras.applications.{name} cannot be built: {reason.rstrip('.')}.") from None
    except ResourceExhaustedError:
        raise UserError(f"keras.applications.{name} does not fit into memory: reduce --input or --classes.") from None
    written = json.loads(network.to_json())
    _fill(written, DEFAULT_SHAPE)
    used = _inputs(written)[0][1:]
    title = f"keras.applications.{name} for {shape_text(used)} images and {options['classes']} classes"
    return title, _table(title, written)


def _of_file(path: Path, shape: Shape | None) -> tuple[str, tuple[LayerRow, ...]]:
    written = _read(path)
    try:
        is_open = any(None in sides[1:] for sides in _inputs(written))
        if is_open and shape is None:
            raise UserError(f"The image size in {path} is not fixed: add --input ROWSxCOLUMNSxCHANNELS.")
        if shape is not None and not is_open:
            raise UserError(f"The image size in {path} is fixed: remove --input.")
        if shape is not None:
            _fill(written, shape)
    except MALFORMED as problem:
        raise _unreadable(str(path), problem) from None
    return str(path), _table(str(path), written)


def _table(title: str, written: dict[str, Any]) -> tuple[LayerRow, ...]:
    try:
        try:
            return layer_table(written)
        except NoRule as problem:
            # Keras, which takes seconds to import, knows the shapes and parameters of layers without a rule.
            loaded = _loaded(written, problem)
            from pipeline.networks.check import measure_with

            return layer_table(written, measure_with(loaded))
    except ValueError as problem:
        raise UserError(f"{title} cannot be described: {problem}") from None
    except MALFORMED as problem:
        raise _unreadable(title, problem) from None


def _loaded(written: dict[str, Any], problem: NoRule) -> "keras.Model":
    from pipeline.training.runtime import start_tensorflow

    start_tensorflow()
    import keras

    try:
        return keras.models.model_from_json(json.dumps(written))
    except Exception:
        raise ValueError(f"{problem} Keras cannot load the network either.") from None


def _read(path: Path) -> dict[str, Any]:
    """The JSON of the network in a file. The content determines the format, not the name."""
    try:
        with path.open("rb") as file:
            start = file.read(8)
        if start.startswith(b"\x89HDF"):
            raise UserError(
                f"{path} is an HDF5 file, the format of Keras 2: load it with Keras and save it as a .keras file."
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
        raise UserError(f"{path} does not contain a Keras 3 model: give a .keras file or `model.to_json()`.")
    return written


def _unreadable(title: str, problem: Exception) -> UserError:
    reason = " ".join(str(problem).split()) or "damaged"
    return UserError(f"{title} does not contain a Keras 3 model ({type(problem).__name__}: {reason}).")


def _inputs(written: dict[str, Any]) -> list[list[int | None]]:
    """The input shapes of a network, with batch axis, as lists that can be changed in place."""
    return [
        layer["config"]["batch_shape"]
        for layer in written["config"].get("layers", ())
        if layer["class_name"] == "InputLayer"
    ]


def _fill(written: dict[str, Any], shape: Shape) -> None:
    """Set the size of images without a fixed one. Raises UserError if it contradicts a fixed side."""
    for sides in _inputs(written):
        if None in sides[1:] and len(sides) == 1 + len(shape):
            if any(side not in (None, given) for side, given in zip(sides[1:], shape, strict=True)):
                stated = shape_text(["?" if side is None else side for side in sides[1:]])
                raise UserError(f"--input {shape_text(shape)} contradicts the network's input, {stated}: change it.")
            sides[1:] = shape
