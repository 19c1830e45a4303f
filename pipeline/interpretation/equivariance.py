"""Equivariance error: how far a layer's maps are from moving with the image (Zhang 2019, section 3.1).

A layer F with cumulative stride s is equivariant to a shift of the image by δ pixels if its maps move by δ/s units. Its
error is ‖F(T_δ x) − T_{δ/s} F(x)‖ / ‖F(x)‖: 0 for exact equivariance, about 1.4 for unrelated maps of mean zero. Shifts
are diagonal. Norms are those over all images, units and maps.

The errors of a layer:
    shift: a circular shift by s pixels; the error comes from the padding, because a circular shift loses nothing
    inner: the same shift with repeated border pixels, for units whose receptive field lies inside the image; without
        padding, only layers without shared weights, or with a global choice, have an error
    pixel: a circular shift by one pixel, which a subsampled map can follow only by a whole number of units; that of 0
        and 1 along each axis which fits best, as for polyphase sampling (Chaman & Dokmanić 2021)
    turn: a rotation by a quarter turn, as the contrast: shared weights do not make a network equivariant to rotations

Circular shifts and turns need maps that cover the image: units × stride = side of the image.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray

from pipeline.arithmetic.table import LayerRow, totals
from pipeline.interpretation.shifted_images import circular_shift, edge_shift

Floats = NDArray[np.float32]
Step = tuple[int, int]
"""Vertical and horizontal distance."""

BYTES = 2**28
"""Activations that are in memory at once, at most."""


class LayerErrors(NamedTuple):
    """The equivariance errors of a layer; None where an error is undefined, also for maps that are zero everywhere."""

    shift: float | None
    inner: float | None
    pixel: float | None
    turn: float | None


def layer_errors(network: keras.Model, rows: Sequence[LayerRow], images: Floats) -> dict[str, LayerErrors]:
    """The errors of each measured layer, by its name and in the order of the rows.

    Args:
        network: any network with one image as input.
        rows: its layer table.
        images: images as the network takes them, (n, height, width, channels).
    """
    layers = measured_layers(network, rows)
    if not layers:
        return {}
    outputs = [network.get_layer(layer.name).output for layer in layers]
    maps = keras.Model(network.inputs[0], outputs)
    names = [layer.name for layer in layers]

    def maps_of(batch: Floats) -> dict[str, Floats]:
        found = maps(batch, training=False)
        return dict(zip(names, map(np.asarray, found if isinstance(found, list) else [found]), strict=True))

    together = max(1, BYTES // (3 * totals(rows).activation_bytes))
    sums: defaultdict[tuple[str, str], float] = defaultdict(float)
    for start in range(0, len(images), together):
        _add_squares(sums, maps_of, layers, images[start : start + together])
    return {
        layer.name: LayerErrors(*(_ratio(sums[layer.name, kind], sums[layer.name, f"{kind} norm"]) for kind in KINDS))
        for layer in layers
    }


KINDS = LayerErrors._fields


def measured_layers(network: keras.Model, rows: Sequence[LayerRow]) -> list[LayerRow]:
    """The layers whose units have a receptive field of constant size, at equal distances in the image.

    Without the layers inside nested networks, layers with several uses, and layers that only pad.
    """
    own = {layer.name for layer in network.layers}
    uses = Counter(row.name.split(" (use ")[0] for row in rows)
    return [
        row
        for row in rows
        if row.name in own
        and uses[row.name] == 1
        and row.stride is not None
        and len(row.output_shape) == 3
        and row.kind != "InputLayer"
        and not row.kind.endswith("Padding2D")
    ]


def depths(rows: Sequence[LayerRow]) -> dict[str, int]:
    """The number of layers with weights on the longest path from the image to each layer, that layer included.

    Layers without multiply–accumulates, such as normalisations and poolings, do not count.
    """
    depth: dict[str, int] = {}
    for row in rows:
        before = max((depth[name] for name in row.inputs), default=0)
        depth[row.name] = before + bool(row.multiply_accumulates)
    return depth


def _add_squares(
    sums: defaultdict[tuple[str, str], float],
    maps_of: Callable[[Floats], Mapping[str, Floats]],
    layers: Sequence[LayerRow],
    images: Floats,
) -> None:
    """Add the squared differences and the squared norms for some images, by layer and kind."""

    def add(layer: LayerRow, kind: str, difference: Any, maps: Floats) -> None:
        sums[layer.name, kind] += difference
        sums[layer.name, f"{kind} norm"] += _square(maps)

    sides = images.shape[1:3]
    plain = maps_of(images)
    covering = [layer for layer in layers if _covers(layer, sides)]
    for stride in dict.fromkeys([(1, 1), *(_stride(layer) for layer in layers)]):
        if any(step >= side for step, side in zip(stride, sides, strict=True)):
            continue
        offsets = np.tile(stride, (len(images), 1))
        inner = [(layer, spans) for layer in layers if _stride(layer) == stride if (spans := _inner(layer, sides))]
        if inner:
            shifted = maps_of(edge_shift(images, offsets))
            for layer, (there, here) in inner:
                before = plain[layer.name][:, here[0], here[1]]
                add(layer, "inner", _square(shifted[layer.name][:, there[0], there[1]] - before), before)
        if not any(_stride(layer) == stride or stride == (1, 1) for layer in covering):
            continue
        shifted = maps_of(circular_shift(images, offsets))
        for layer in covering:
            before, after = plain[layer.name], shifted[layer.name]
            if _stride(layer) == stride:
                add(layer, "shift", _square(after - _rolled(before, (1, 1))), before)
            if stride == (1, 1):
                add(layer, "pixel", _least(after, [_rolled(before, step) for step in _whole(layer)]), before)
    if sides[0] == sides[1] and covering:
        turned = maps_of(_turned(images))
        for layer in covering:
            before = plain[layer.name]
            add(layer, "turn", _square(turned[layer.name] - _turned(before)), before)


def _stride(layer: LayerRow) -> Step:
    assert layer.stride is not None
    return layer.stride[0], layer.stride[1]


def _covers(layer: LayerRow, sides: Sequence[int]) -> bool:
    """Whether a map covers the image exactly, so that a circular shift of the image is one of the map."""
    return all(
        units > 1 and units * step == side
        for units, step, side in zip(layer.output_shape[:2], _stride(layer), sides, strict=True)
    )


def _inner(layer: LayerRow, sides: Sequence[int]) -> tuple[list[slice], list[slice]] | None:
    """The units of the shifted map, and those of the map before, whose fields contain no pixel from the border.

    None if there are none.
    """
    assert layer.receptive_field is not None
    assert layer.padding is not None
    there, here = [], []
    for units, field_side, step, padding, side in zip(
        layer.output_shape[:2], layer.receptive_field, _stride(layer), layer.padding, sides, strict=True
    ):
        # The field of unit i begins at i · step − padding. After a shift by `step` the first `step` pixels are new.
        first = max(1, -(-(step + padding) // step))
        last = min(units - 1, (side - field_side + padding) // step)
        if last < first:
            return None
        there.append(slice(first, last + 1))
        here.append(slice(first - 1, last))
    return there, here


def _whole(layer: LayerRow) -> list[Step]:
    """The shifts of a map by whole units next to a shift of the image by one pixel."""
    down, right = ((1,) if step == 1 else (0, 1) for step in _stride(layer))
    return list(product(down, right))


def _rolled(maps: Floats, step: Step) -> Floats:
    return np.roll(maps, step, axis=(1, 2))


def _turned(images: Floats) -> Floats:
    return np.ascontiguousarray(np.rot90(images, axes=(1, 2)))


def _least(maps: Floats, candidates: Sequence[Floats]) -> float:
    """The squared distance to the nearest candidate of each image, summed over the images."""
    distances = [np.square(maps - candidate).sum(axis=(1, 2, 3), dtype=np.float64) for candidate in candidates]
    return float(np.min(distances, axis=0).sum())


def _square(values: Floats) -> float:
    return float(np.square(values).sum(dtype=np.float64))


def _ratio(difference: float, norm: float) -> float | None:
    """The root of a quotient of squares."""
    return float(np.sqrt(difference / norm)) if norm > 0 else None
