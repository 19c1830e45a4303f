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
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.arithmetic.sizes import shape_text
from pipeline.cli.composing import composed
from pipeline.cli.usage import parsed
from pipeline.console import say
from pipeline.data.prepared import read_manifest
from pipeline.errors import UserError
from pipeline.networks.describe import Network, make_network
from pipeline.networks.from_keras import Shape, network_of_application, network_of_file
from pipeline.reporting.tables.layers import layer_lines, total_lines
from pipeline.storage.folders import PREPARED

APPLICATIONS = "keras.applications."

SEVERAL = re.compile(r"=[^\[({'\"]*,")
"""An override with several values."""


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
    command.add_argument(
        "--numbers",
        type=_count_of("--numbers"),
        metavar="N",
        help="how many numbers belong to an image, for models with numbers as input (default: prepared data)",
    )
    command.add_argument("--json", action="store_true", help="print JSON")
    return command


def main(arguments: Sequence[str]) -> None:
    """Print the table and the totals of a network, as text or as JSON."""
    given = parsed(parser().parse_intermixed_args, arguments, help_command="convtrack describe --help")
    title, network = _network(
        given.target, given.input, given.classes, {"subgroups": given.subgroups, "numbers": given.numbers}
    )
    if given.json:
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
    target: Sequence[str], shape: Shape | None, classes: int | None, further: Mapping[str, int | None]
) -> tuple[str, Network]:
    """A title and the network of a target."""
    overrides = [word for word in target if "=" in word and not Path(word).exists()]
    names = [word for word in target if word not in overrides]
    if len(names) > 1 or (names and overrides):
        raise UserError(f"describe accepts one network at a time. Received: {', '.join(target)}.")
    if not names:
        return _of_model(overrides, shape, classes, further)
    for option, value in further.items():
        if value is not None:
            raise UserError(f"--{option} applies only to model=NAME: remove it for {names[0]}.")
    if names[0].startswith(APPLICATIONS):
        return network_of_application(names[0].removeprefix(APPLICATIONS), shape, classes)
    if classes is not None:
        raise UserError(f"The number of classes in {names[0]} is fixed: remove --classes.")
    return str(Path(names[0])), network_of_file(Path(names[0]), shape)


def _of_model(
    overrides: Sequence[str], shape: Shape | None, classes: int | None, further: Mapping[str, int | None]
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
    manifest |= {key: range(count) for key, count in further.items() if count is not None}
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
