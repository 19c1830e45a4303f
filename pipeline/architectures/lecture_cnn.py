"""The lecture's network: convolutions with shared weights, each followed by pooling, then one hidden layer.

Its options take away or exchange one ingredient at a time, so that each can be measured. Sizes for a 64×64×1 image and
the default options.
"""

from typing import Annotated, Any, Literal

import keras
from keras import layers
from pydantic import Field, PositiveInt

from pipeline.layers.blur_pool import BlurPool2D
from pipeline.layers.circular_padding import CircularPadding2D
from pipeline.layers.classifier import classifier
from pipeline.layers.polyphase import PolyphaseSampling2D

Padding = Literal["same", "valid", "circular"]
Pooling = Literal["max", "average", "blur", "polyphase", "stride", "none"]

_BLUR = 3
"""Side of the filter before blurred subsampling, 1-2-1: of those in Zhang 2019 the smallest without a half pixel."""


def build(
    input_shape: tuple[int, int, int],
    classes: int,
    *,
    filters: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (16, 32),
    kernel_size: PositiveInt = 3,
    padding: Padding = "same",
    pooling: Pooling = "max",
    activation: Literal["relu", "leaky_relu", "elu", "gelu", "tanh", "sigmoid", "linear"] = "relu",
    batch_normalization: bool = False,
    head: Literal["flatten", "average"] = "flatten",
    units: PositiveInt = 100,
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0,
) -> keras.Model:
    """Standardised images to class probabilities.

    `filters` holds the number of maps of each convolution, so that its length is the depth, and `kernel_size` their
    side in pixels. Around a map `padding` puts zeros (same), what lies at the opposite side (circular: then a
    convolution commutes with circular shifts), or nothing (valid: a convolution shrinks its maps).

    `pooling` halves the maps: by the maximum or average of 2×2 pixels (max, average), a blurred maximum (blur, Zhang
    2019), the polyphase component of largest norm of the running maximum (polyphase, Chaman & Dokmanić 2021), or
    already in the convolution, which then steps by 2 (stride); or nothing shrinks (none).

    `activation` follows every convolution and the hidden layer; `batch_normalization` comes before that of each
    convolution and replaces its biases (Ioffe & Szegedy 2015). `head` lays the last maps out as they are (flatten) or
    averages each to one number (average), for a layer of `units` hidden units, of which each is left out of a training
    step with probability `dropout`.

    Where convolutions keep the size of their maps, poolings round down what they halve, so that an image must measure
    at least 2 ** len(filters) pixels; strides, and blurring of circular maps, round up.
    """
    image = x = keras.Input(input_shape, name="image")  # 64, 64, 1
    for depth, maps in enumerate(filters, start=1):  # 64, 64, 16 and 32, 32, 32
        if padding == "circular":
            x = CircularPadding2D((((kernel_size - 1) // 2, kernel_size // 2),) * 2, name=f"wrap{depth}")(x)
        x = layers.Conv2D(
            maps,
            kernel_size,
            strides=2 if pooling == "stride" else 1,
            padding="same" if padding == "same" else "valid",
            activation=None if batch_normalization else activation,
            use_bias=not batch_normalization,
            name=f"conv{depth}",
        )(x)
        if batch_normalization:
            x = layers.BatchNormalization(name=f"norm{depth}")(x)
            x = layers.Activation(activation, name=f"activation{depth}")(x)
        x = _pooled(x, pooling, circular=padding == "circular", depth=depth)  # 32, 32, 16 and 16, 16, 32
    together = layers.Flatten(name="flatten") if head == "flatten" else layers.GlobalAveragePooling2D(name="average")
    x = together(x)  # 8192
    x = layers.Dense(units, activation=activation, name="hidden")(x)
    if dropout:
        x = layers.Dropout(dropout, name="dropout")(x)
    return keras.Model(image, classifier(classes)(x), name="lecture_cnn")


def _pooled(x: Any, pooling: Pooling, *, circular: bool, depth: int) -> Any:
    """Maps of half the size; those that a convolution has halved, or that nothing halves, as they are."""
    name = f"pool{depth}"
    if pooling == "max":
        return layers.MaxPooling2D(2, name=name)(x)
    if pooling == "average":
        return layers.AveragePooling2D(2, name=name)(x)
    if pooling == "blur":
        if circular:
            before, after = (_BLUR - 1) // 2, _BLUR // 2
            x = CircularPadding2D(((before, after + 1),) * 2, name=f"pool_wrap{depth}")(x)
        x = layers.MaxPooling2D(2, strides=1, name=f"max{depth}")(x)
        return BlurPool2D(_BLUR, padding="valid" if circular else "reflect", name=name)(x)
    if pooling == "polyphase":
        if circular:
            x = CircularPadding2D(((0, 1), (0, 1)), name=f"pool_wrap{depth}")(x)
        x = layers.MaxPooling2D(2, strides=1, padding="valid" if circular else "same", name=f"max{depth}")(x)
        return PolyphaseSampling2D(name=name)(x)
    return x
