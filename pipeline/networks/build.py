"""Build a Keras model from the name of an architecture and its options.

The architectures are the files in `pipeline/architectures`. TensorFlow is imported when a model is built, not before.
"""

import inspect
import json
import re
import traceback
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from pipeline.arithmetic.rules.signals import Misfit
from pipeline.arithmetic.table import layer_table
from pipeline.config.options import checked_options
from pipeline.errors import UserError, reason, unknown
from pipeline.networks.available import ARCHITECTURES, architecture_names

if TYPE_CHECKING:
    import keras

GIVEN = ("subgroups", "numbers")
"""Parameters by which an architecture receives the number of subgroups, and that of numbers; they are not options."""

Build = Callable[..., "keras.Model"]


def build(
    architecture: str,
    options: Mapping[str, Any],
    *,
    input_shape: tuple[int, int, int],
    classes: int,
    subgroups: int = 0,
    numbers: int = 0,
) -> "keras.Model":
    """Build a model with new weights for images of shape (rows, columns, channels).

    An architecture with a parameter `subgroups` receives the number of subgroups, one with a parameter `numbers` how
    many numbers belong to an image.

    Raises UserError for an unknown architecture, layer class or option, an option of the wrong type or range, fewer
    than two classes or (where needed) subgroups, no numbers where they are needed, images that are too small, a network
    that does not fit into memory, and an error in the code of the architecture.
    """
    construct = _build_of(architecture)
    if classes < 2:
        raise UserError(f"The data must have at least 2 classes. Received {classes}: check the labels.")
    checked = _checked_arguments(architecture, construct, options, subgroups, numbers)
    # The architecture has imported Keras and TensorFlow already.
    import keras
    from tensorflow.errors import ResourceExhaustedError

    # Keras numbers layers without a name. Restart, so that the numbers do not depend on earlier models.
    keras.backend.clear_session(free_memory=False)
    size = f"{input_shape[0]}×{input_shape[1]}"
    try:
        return construct(input_shape, classes, **checked)
    except ResourceExhaustedError as error:
        raise UserError(
            f"Architecture {architecture} with options {checked} does not fit into memory for {size} images: "
            "use smaller images or options."
        ) from error
    except ValueError as error:
        misfit = _misfit(construct, checked, input_shape, classes)
        if misfit is None:
            raise UserError(
                f"Architecture {architecture} cannot be built for {size} images and {classes} classes: {_gist(error)}"
            ) from error
        raise UserError(
            f"{misfit} Architecture {architecture} needs images larger than {size}, or other options."
        ) from error
    except Exception as error:
        raise _code_error(architecture, error) from error


def _checked_arguments(
    architecture: str, construct: Build, options: Mapping[str, Any], subgroups: int, numbers: int
) -> dict[str, Any]:
    """The keyword arguments of an architecture: its options, and those parameters of `GIVEN` that it has."""
    arguments = checked_options(f"architecture {architecture}", construct, options, given=GIVEN)
    parameters = inspect.signature(construct).parameters
    if "subgroups" in parameters:
        if subgroups < 2:
            raise UserError(
                f"Architecture {architecture} needs images with at least 2 subgroups, such as the types of solar "
                f"modules of `data: elpv`. Received {subgroups}."
            )
        arguments["subgroups"] = subgroups
    if "numbers" in parameters:
        if numbers < 1:
            raise UserError(
                f"Architecture {architecture} needs images with at least one number each: name columns of the table in "
                "option 'numbers' of `data: table`. Received none."
            )
        arguments["numbers"] = numbers
    return arguments


def resolved_options(architecture: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """All options of an architecture as JSON values: `options` and, for the rest, the architecture's defaults.

    Raises UserError for an unknown architecture or option and for an option of the wrong type or range.
    """
    construct = _build_of(architecture)
    checked = checked_options(f"architecture {architecture}", construct, options, given=GIVEN)
    resolved: dict[str, Any] = json.loads(
        json.dumps(
            {
                name: checked.get(name, parameter.default)
                for name, parameter in inspect.signature(construct).parameters.items()
                if parameter.kind is parameter.KEYWORD_ONLY and name not in GIVEN
            }
        )
    )
    return resolved


def check_architecture(architecture: str) -> None:
    """Raise UserError for an unknown architecture, without importing TensorFlow."""
    if architecture not in architecture_names():
        raise unknown("architecture", architecture, architecture_names())


def _build_of(architecture: str) -> Build:
    """The `build` function of an architecture."""
    check_architecture(architecture)
    try:
        construct: Build = import_module(f"pipeline.architectures.{architecture}").build
    except Exception as error:
        raise _code_error(architecture, error) from error
    return construct


def _code_error(architecture: str, error: Exception) -> UserError:
    """The error for an exception in the code of an architecture, with its place."""
    source = getattr(error, "obj", None)
    if isinstance(error, AttributeError) and isinstance(source, ModuleType) and source.__name__.startswith("keras"):
        # Such as `layers.Conv2d`.
        module = source.__name__.replace("keras._tf_keras.", "")
        available = [name for name in dir(source) if not name.startswith("_")]
        problem = str(unknown(f"name in {module}", str(error.name), available))
    else:
        problem = reason(error).rstrip(".") + "."
    lines = [
        frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).parent == ARCHITECTURES
    ]
    place = f" (line {lines[-1].lineno} of {Path(lines[-1].filename).name})" if lines else ""
    return UserError(f"The code of architecture {architecture} raises an error{place}: {problem}")


def _misfit(
    construct: Build, options: Mapping[str, Any], input_shape: tuple[int, int, int], classes: int
) -> str | None:
    """The message for the layer that does not fit its input, or None if the network has another problem.

    The message of Keras lacks the layer or the size. Therefore build the network for the smallest larger images that
    work, and compute its shapes for `input_shape`.
    """
    import keras
    from tensorflow.errors import ResourceExhaustedError

    rows, columns, channels = input_shape
    for side in (4, 8, 16, 32, 64, 128, 256):
        keras.backend.clear_session(free_memory=False)
        try:
            model = construct((max(rows, side), max(columns, side), channels), classes, **options)
        except (ValueError, ResourceExhaustedError):
            continue
        written = json.loads(model.to_json())
        for layer in written["config"]["layers"]:
            if layer["class_name"] == "InputLayer" and len(layer["config"]["batch_shape"]) == 4:
                layer["config"]["batch_shape"][1:] = input_shape
        try:
            layer_table(written)
        except Misfit as misfit:
            return str(misfit)
        except ValueError:
            pass
        return None
    return None


def _gist(error: Exception) -> str:
    """The first line of a Keras message, without its preamble, colours and list of arguments."""
    lines = re.sub(r"\x1b\[\d+m", "", str(error)).splitlines()
    return next((line for line in lines if line and not line.startswith("Exception encountered")), "no reason given.")
