"""Pictures of what a network has learned: kernels, feature maps, what units respond to, and Grad-CAM on mistakes.

Every picture is about the best replicate and its test images. A picture that a network does not have, such as the
feature maps of logistic regression, is left out.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.interpretation.feature_maps import block_outputs
from pipeline.interpretation.first_layer import first_layer_kernels
from pipeline.interpretation.image_crops import layer_rows
from pipeline.interpretation.kernel_image import grey_kernels
from pipeline.interpretation.labelled_sheet import COLUMNS, Band, labelled_sheet, letters
from pipeline.interpretation.map_sheet import scaled_maps
from pipeline.interpretation.mistake_sheet import MISTAKES, mistake_bands
from pipeline.interpretation.subject import Replicate, Subject
from pipeline.interpretation.unit_layers import BLOCKS, TOGETHER, excitations, unit_layers
from pipeline.interpretation.unit_sheet import Unit, chosen_units, unit_band

IMAGES = 3
"""Test images whose feature maps are shown."""
KERNELS = 40

Floats = NDArray[np.float32]


def pictures(subject: Subject) -> Iterator[tuple[str, bytes]]:
    """Yield each picture (PNG) with its name, in the order of the report."""
    best, model = subject.best, subject.name
    names = [letters(name, f"class {number}") for number, name in enumerate(subject.classes)]
    inputs = best.standardise(best.pixels)
    probabilities = _probabilities(best, inputs)
    layers = unit_layers(best.network)
    found = excitations(layers, inputs)
    units = {layer.name: chosen_units(layer, one, names) for layer, one in zip(layers, found, strict=True)}
    if (kernels := first_layer_kernels(best.network)) is not None:
        yield "1-kernels", _kernel_sheet(model, kernels, names if layers[0].classes else ())
    for number, sheet in enumerate(_feature_map_sheets(subject, inputs, probabilities, units, names), start=1):
        yield f"2-feature-maps-{number}", sheet
    rows = layer_rows(subject.architecture, best.network)
    bands = [
        unit_band(best, layer, one, units[layer.name], rows.get(layer.computed_by))
        for layer, one in zip(layers, found, strict=True)
    ]
    title = "what units respond to. Blue frame: an image made to excite the unit. Below it: the test images that "
    yield "3-units", labelled_sheet(f"{model}: {title}excite it most.", bands)
    if mistakes := mistake_bands(best, inputs, probabilities, names):
        yield "4-grad-cam", labelled_sheet(f"{model}: Grad-CAM on its mistakes", mistakes, columns=MISTAKES)


def _kernel_sheet(model: str, kernels: Floats, classes: Sequence[str]) -> bytes:
    """The kernels of the first layer: grey if they have one channel, coloured if three, else a tile per channel."""
    channels, count = kernels.shape[2:]
    grey = np.moveaxis(grey_kernels(kernels), 3, 0)
    shades = (
        "Bright: positive weights of the colour, dark: negative"
        if channels == 3
        else "White: positive, black: negative"
    )
    title = f"{model}: kernels of the first layer. {shades}, grey: zero."
    if channels not in (1, 3):
        bands = [
            Band(f"kernel {number}, channel by channel", [list(np.moveaxis(one, 2, 0)[:COLUMNS])])
            for number, one in enumerate(grey[:COLUMNS])
        ]
        return labelled_sheet(title, bands)
    bands = []
    for start in range(0, min(count, KERNELS), COLUMNS):
        row = grey[start : start + COLUMNS]
        captions = classes[start : start + COLUMNS] or [str(start + place) for place in range(len(row))]
        bands.append(Band("", [list(row)], captions))
    return labelled_sheet(title if count <= KERNELS else f"{title} The first {KERNELS} of {count}.", bands)


def _feature_map_sheets(
    subject: Subject, inputs: Floats, probabilities: Floats, units: Mapping[str, Sequence[Unit]], names: Sequence[str]
) -> Iterator[bytes]:
    """A sheet per chosen image: the image, and a row of maps per block."""
    best = subject.best
    blocks = block_outputs(best.network, most=BLOCKS)
    if blocks is None:
        return
    picked = _typical_images(best.labels, probabilities)
    by_block = blocks.maps(inputs[picked])
    for place, image in enumerate(picked):
        bands = [Band("the test image", [[best.pixels[image]]])]
        for name, maps in zip(blocks.names, by_block, strict=True):
            shown = [one for one in units[name] if one.number < maps.shape[3]]
            _, height, width, count = maps.shape
            heading = f"{name}: {len(shown)} of {count} maps, {height} × {width}"
            tiles = list(np.moveaxis(scaled_maps(maps[place][..., [one.number for one in shown]]), 2, 0))
            bands.append(Band(heading, [tiles], [one.caption for one in shown]))
        label = names[best.labels[image]]
        yield labelled_sheet(f"{subject.name}: feature maps of a test image of class {label}", bands)


def _typical_images(labels: NDArray[np.int64], probabilities: Floats) -> list[int]:
    """For some classes, the image whose true class is predicted with the highest confidence."""
    classes = np.unique(labels)
    chosen = classes[np.unique(np.linspace(0, len(classes) - 1, min(IMAGES, len(classes))).round().astype(int))]
    return [int(np.where(labels == label, probabilities[:, label], -1).argmax()) for label in chosen]


def _probabilities(replicate: Replicate, inputs: Floats) -> Floats:
    """The probabilities of the classes, (images, classes); a single output is that of the second of two classes."""
    batches = [inputs[start : start + TOGETHER] for start in range(0, len(inputs), TOGETHER)]
    outputs = np.concatenate([np.asarray(replicate.network(batch, training=False)) for batch in batches])
    return np.hstack([1 - outputs, outputs]) if outputs.shape[1] == 1 else outputs
