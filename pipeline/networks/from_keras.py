"""Keras networks that are not models of this project: saved files, JSON and the networks of `keras.applications`.

Messages name the options of `convtrack describe`.
"""

import json
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.arithmetic.rules.by_class import NoRule
from pipeline.arithmetic.sizes import shape_text
from pipeline.arithmetic.table import LayerRow, layer_table
from pipeline.errors import UserError, unknown
from pipeline.networks.check import measure_with
from pipeline.networks.describe import Network
from pipeline.training.runtime import start_tensorflow

if TYPE_CHECKING:
    import keras

IMAGENET_CLASSES = 1000

LARGEST_JSON = 64 * 2**20
"""Bytes of the largest JSON of a network; that of a network with a thousand layers has one million."""

Shape = tuple[int, int, int]

DEFAULT_SHAPE: Shape = (224, 224, 3)
"""Input shape for networks of `keras.applications` without a fixed one."""

MALFORMED = (KeyError, TypeError, AttributeError, IndexError)
"""Errors from JSON that does not describe a network."""


def network_of_application(name: str, shape: Shape | None, classes: int | None) -> tuple[str, Network]:
    """A title and the network of `keras.applications` with this name, without weights.

    If `shape` is None, the network has its own input size, or `DEFAULT_SHAPE` if it has none. If `classes` is None, it
    has `IMAGENET_CLASSES`.

    Raises:
        UserError: there is no such network, or it cannot be built for this shape and these classes.
    """
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
    return title, Network("", _table(title, written))


def network_of_file(path: Path, shape: Shape | None) -> Network:
    """The network in a `.keras` file, or in a file with the JSON of a model; `shape` sets a size that is not fixed.

    Raises:
        UserError: the file contains no network of Keras 3, or the input size is neither fixed nor given, or both.
    """
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
    return Network("", _table(str(path), written))


def _table(title: str, written: dict[str, Any]) -> tuple[LayerRow, ...]:
    try:
        try:
            return layer_table(written)
        except NoRule as problem:
            # Keras measures shapes and parameters of layers without a rule, but importing it takes seconds.
            return layer_table(written, measure_with(_loaded(written, problem)))
    except ValueError as problem:
        raise UserError(f"{title} cannot be described: {problem}") from None
    except MALFORMED as problem:
        raise _unreadable(title, problem) from None


def _loaded(written: dict[str, Any], problem: NoRule) -> "keras.Model":
    start_tensorflow()
    import keras

    try:
        return keras.models.model_from_json(json.dumps(written))
    except Exception:
        raise ValueError(f"{problem} Keras cannot load the network either.") from None


def _read(path: Path) -> dict[str, Any]:
    """The JSON of the network in a file. The content determines the format, not the name."""
    if path.exists() and not (path.is_file() or path.is_dir()):  # Reading a device or a pipe may never end.
        raise UserError(f"{path} is neither a file nor a folder: give a .keras or .json file.")
    try:
        with path.open("rb") as file:
            start = file.read(8)
        if start.startswith(b"\x89HDF"):
            raise UserError(
                f"{path} is an HDF5 file, the format of Keras 2: load it with Keras and save it as a .keras file."
            )
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive, archive.open("config.json") as file:
                text = file.read(LARGEST_JSON + 1)
        else:
            with path.open("rb") as file:
                text = file.read(LARGEST_JSON + 1)
        if len(text) > LARGEST_JSON:
            raise UserError(f"{path} states a network in more than {LARGEST_JSON // 2**20} MiB: give another file.")
        written = json.loads(text)
    except FileNotFoundError:
        raise UserError(
            f"{path} does not exist: give model=NAME, a .keras or .json file, or keras.applications.NAME."
        ) from None
    except OSError as problem:
        raise UserError(f"{path} cannot be read ({problem.strerror}): give a .keras or .json file.") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, KeyError, ValueError, RecursionError) as problem:
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
