"""From an architecture's name and options to a Keras model; mistakes in them are told in one sentence.

The architectures are the files under `pipeline/architectures`. TensorFlow is imported when one is built, not before.
"""

import json
import re
from collections.abc import Callable, Mapping
from importlib import import_module
from inspect import signature
from typing import TYPE_CHECKING, Any

from pipeline.architectures import architecture_names
from pipeline.arithmetic.rules.signals import Misfit
from pipeline.arithmetic.table import layer_table
from pipeline.config.options import checked_options
from pipeline.errors import UserError, unknown

if TYPE_CHECKING:
    import keras

SUBGROUPS = "subgroups"


def build(
    architecture: str,
    options: Mapping[str, Any],
    *,
    input_shape: tuple[int, int, int],
    classes: int,
    subgroups: int = 0,
) -> "keras.Model":
    """The network of that architecture for images of shape (rows, columns, channels), with fresh weights.

    An architecture that wants to know the number of `subgroups` says so by a keyword of that name.

    Raises UserError for an unknown architecture or option, for an option of the wrong type or range, for
    fewer than two classes or, where the network needs them, subgroups, for images too small for the network and for a
    network too large for the memory.
    """
    if architecture not in architecture_names():
        raise unknown("architecture", architecture, architecture_names())
    if classes < 2:
        raise UserError(
            f"A network needs at least 2 classes to tell apart, but the data have {classes}: check the labels."
        )
    construct = import_module(f"pipeline.architectures.{architecture}").build
    checked = checked_options(f"architecture {architecture}", construct, options, given=[SUBGROUPS])
    if SUBGROUPS in signature(construct).parameters:
        if subgroups < 2:
            raise UserError(
                f"Architecture {architecture} needs images of at least 2 subgroups, such as the types of solar modules "
                f"of `data: elpv`, but the data have {subgroups}."
            )
        checked[SUBGROUPS] = subgroups
    # Importing it here costs nothing: the architecture has imported TensorFlow already.
    import keras
    from tensorflow.errors import ResourceExhaustedError

    # Keras numbers the layers that bear no name of their own: as in a new process, whatever was built before.
    keras.backend.clear_session(free_memory=False)
    size = f"{input_shape[0]}×{input_shape[1]}"
    try:
        return construct(input_shape, classes, **checked)
    except ResourceExhaustedError as error:
        raise UserError(
            f"Architecture {architecture} with its options {checked} does not fit into memory for {size} images: "
            "take smaller images or options."
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


def _misfit(
    construct: Callable[..., "keras.Model"], options: Mapping[str, Any], input_shape: tuple[int, int, int], classes: int
) -> str | None:
    """Which layer does not fit into what the layers before it leave of the image, if that is what ails the network.

    Keras' own message lacks the layer or the size. So the network is built for the next larger images that it can be
    built for, and its arithmetic is done for the images there are.
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


def _gist(error: ValueError) -> str:
    """What Keras says, without its preamble, colours and list of arguments."""
    lines = re.sub(r"\x1b\[\d+m", "", str(error)).splitlines()
    return next((line for line in lines if line and not line.startswith("Exception encountered")), "no reason given.")
