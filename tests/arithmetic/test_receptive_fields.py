"""Receptive field, effective stride and effective padding of random networks, against the pixels that affect each unit.

All weights are positive, and all pixels of an image are 0 except for one row or column. A unit is therefore positive if
and only if it depends on that row or column.
"""

import json
from itertools import pairwise

import keras
import numpy as np
import pytest
from keras import layers

from pipeline.arithmetic.table import layer_table

SHAPE = (38, 31, 1)


def lit(axis: int) -> np.ndarray:
    """One image for each row (axis 0) or column (axis 1), with ones in it and zeros elsewhere."""
    images = np.zeros((SHAPE[axis], *SHAPE), "float32")
    for line in range(SHAPE[axis]):
        images[(line, line) if axis == 0 else (line, slice(None), line)] = 1.0
    return images


def reached(model: keras.Model, axis: int) -> list[np.ndarray]:
    """For each output of the model, which lines of pixels (first axis) affect which lines of units (second axis)."""
    # `flatten`, because a model with one output returns a single tensor.
    responses = keras.tree.flatten(model(lit(axis)))
    return [np.asarray(response).sum(axis=(2 if axis == 0 else 1, 3)) > 0 for response in responses]


def with_positive_weights(model: keras.Model) -> keras.Model:
    for layer in model.layers:
        if not isinstance(layer, layers.BatchNormalization):
            kernels = [np.full_like(kernel, 0.5 if kernel.ndim > 1 else 0.0) for kernel in layer.get_weights()]
            layer.set_weights(kernels)
    return model


def sliding(draw: np.random.Generator, strides: int, padding: str) -> layers.Layer:
    """A layer whose kernel, longer along one axis than along the other, slides over the maps."""
    kernel = tuple(int(side) for side in draw.integers(1, 4, size=2))
    options = {"strides": strides, "padding": padding}
    dilation = int(draw.integers(1, 3)) if strides == 1 else 1
    return [
        layers.Conv2D(2, kernel, dilation_rate=dilation, use_bias=False, **options),
        layers.Conv2D(2, kernel, **options),
        layers.SeparableConv2D(2, kernel, **options),
        layers.DepthwiseConv2D(kernel, **options),
        layers.MaxPooling2D(kernel, **options),
        layers.AveragePooling2D(kernel, **options),
        layers.Conv2DTranspose(2, kernel, padding=padding) if strides == 1 else layers.Conv2D(2, kernel, **options),
    ][draw.integers(7)]


def random_network(seed: int) -> keras.Model:
    """A chain of plain layers, residual blocks and inception blocks; inside a block all maps keep one size."""
    draw = np.random.default_rng(seed)
    image = x = keras.Input(SHAPE, name="image")
    for _ in range(4):
        block = draw.choice(["plain", "residual", "inception", "padded"])
        if block == "plain":
            x = sliding(draw, int(draw.integers(1, 3)), str(draw.choice(["valid", "same"])))(x)
        elif block == "residual":
            path = layers.BatchNormalization()(sliding(draw, 1, "same")(x))
            path = layers.Conv2D(x.shape[-1], 3, padding="same", activation="relu")(path)
            x = layers.Add()([x, path])
        elif block == "inception":
            strides = int(draw.integers(1, 3))
            paths = [sliding(draw, strides, "same")(x) for _ in range(2)]
            paths.append(sliding(draw, strides, "same")(sliding(draw, 1, "same")(x)))
            x = layers.Concatenate()(paths)
        else:
            x = layers.ZeroPadding2D(((1, 0), (0, 2)))(x)
    return with_positive_weights(keras.Model(image, x))


def positive_rows(model: keras.Model, axis: int):
    """Each row of the table with the lines of pixels that affect the units of its layer."""
    rows = [row for row in layer_table(json.loads(model.to_json())) if row.kind != "InputLayer"]
    maps = keras.Model(model.input, [model.get_layer(row.name).output for row in rows])
    return zip(rows, reached(maps, axis), strict=True)


@pytest.mark.parametrize("seed", range(24))
def test_units_depend_on_exactly_the_pixels_of_their_receptive_field(seed):
    model = random_network(seed)
    for axis in (0, 1):
        for row, seen in positive_rows(model, axis):
            field, stride, before = row.receptive_field[axis], row.stride[axis], row.padding[axis]
            inside = 0
            for unit in range(row.output_shape[axis]):
                start = unit * stride - before
                lines = np.flatnonzero(seen[:, unit])
                assert all(start <= line < start + field for line in lines), row
                # Near the border, padding of a layer may replace pixels of the window that an earlier layer dropped.
                if start >= 0 and start + field <= SHAPE[axis]:
                    assert (lines.min(), lines.max()) == (start, start + field - 1), row
                    inside += 1
            assert inside or field > SHAPE[axis] // 2, row


@pytest.mark.parametrize(
    "growing",
    [
        layers.Conv2DTranspose(2, 3, strides=2, name="grown"),
        layers.Conv2DTranspose(2, 4, strides=3, padding="same", name="grown"),
        layers.UpSampling2D(2, interpolation="bilinear", name="grown"),
        layers.UpSampling2D(3, name="grown"),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_after_upsampling_the_receptive_field_is_undefined(growing):
    image = keras.Input(SHAPE, name="image")
    x = growing.from_config(growing.get_config())(layers.Conv2D(2, 3, name="conv")(image))
    model = with_positive_weights(keras.Model(image, layers.Conv2D(2, 2, name="after")(x)))
    for row, seen in list(positive_rows(model, 0))[1:]:
        fields = [np.flatnonzero(seen[:, unit]) for unit in range(8, row.output_shape[0] - 8)]
        widths = {len(field) for field in fields}
        steps = {int(after.min() - before.min()) for before, after in pairwise(fields)}
        assert len(widths) > 1 or len(steps) > 1
        assert (row.sees, row.receptive_field, row.stride, row.padding) == ("undefined", None, None, None)


def test_after_paths_of_different_strides_the_receptive_field_is_undefined():
    image = keras.Input(SHAPE, name="image")
    halved = layers.MaxPooling2D(2, name="pool")(layers.ZeroPadding2D(((0, 38), (0, 31)), name="pad")(image))
    model = with_positive_weights(keras.Model(image, layers.Add(name="add")([halved, image])))
    row, seen = list(positive_rows(model, 0))[-1]
    assert {int(seen[:, unit].sum()) for unit in range(SHAPE[0] // 2)} == {2, 3}
    assert (row.sees, row.receptive_field) == ("undefined", None)


def test_negative_padding_means_that_the_first_pixels_are_unused():
    image = keras.Input(SHAPE, name="image")
    model = keras.Model(image, layers.Cropping2D(((5, 0), (0, 3)), name="crop")(image))
    row, seen = next(iter(positive_rows(model, 0)))
    assert row.padding == (-5, 0)
    assert np.flatnonzero(seen[:, 0]).tolist() == [5]
