"""The lecture's network: convolutions, each followed by pooling, then one hidden layer and class probabilities.

Each option removes or replaces one component, so that its effect can be measured. Shapes in comments are for a 64×64×1
image and the default options.
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
"""Side of the blur filter (1-2-1), the smallest in Zhang 2019 that is centred on a pixel."""


def build(
    input_shape: tuple[int, int, int],
    classes: int,
    *,
    filters: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (16, 32),
    kernel_size: PositiveInt = 3,
    dilation: PositiveInt = 1,
    padding: Padding = "same",
    pooling: Pooling = "max",
    activation: Literal["relu", "leaky_relu", "elu", "gelu", "tanh", "sigmoid", "linear"] = "relu",
    batch_normalization: bool = False,
    head: Literal["flatten", "average"] = "flatten",
    units: PositiveInt = 100,
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0,
) -> keras.Model:
    """Build the model: standardised images to class probabilities.

    Args:
        input_shape: Rows, columns and channels of the image. With padding `same` and pooling `max`, at least
            `2 ** len(filters)` rows and columns, because pooling rounds down. Strides, and `blur` with circular
            padding, round up.
        classes: Number of classes.
        filters: Number of maps of each convolution; the length is the depth.
        kernel_size: Side of the kernels in weights.
        dilation: The weights of a kernel are `dilation ** (k - 1)` pixels apart in convolution k, so that receptive
            fields grow without further weights (Yu & Koltun 2016). 1 for none; not with pooling `stride`.
        padding: `same` for zeros around a map, `circular` for pixels of the opposite side (convolutions then commute
            with circular shifts), `valid` for none.
        pooling: How the maps are halved: `max` or `average` over 2×2 pixels, `blur` for anti-aliased max pooling (Zhang
            2019), `polyphase` for adaptive polyphase sampling after a running maximum (Chaman & Dokmanić 2021),
            `stride` for convolutions with stride 2, `none` for maps of constant size.
        activation: Activation of every convolution and of the hidden layer.
        batch_normalization: Whether batch normalisation precedes the activation of each convolution and replaces its
            bias (Ioffe & Szegedy 2015).
        head: `flatten` the last maps, or `average` each of them to one number.
        units: Number of hidden units.
        dropout: Probability with which a hidden unit is dropped in a training step.
    """
    image = x = keras.Input(input_shape, name="image")  # 64, 64, 1
    for depth, maps in enumerate(filters, start=1):  # 64, 64, 16 and 32, 32, 32
        gap = dilation ** (depth - 1)
        if padding == "circular":
            span = gap * (kernel_size - 1)
            x = CircularPadding2D(((span // 2, span - span // 2),) * 2, name=f"wrap{depth}")(x)
        x = layers.Conv2D(
            maps,
            kernel_size,
            strides=2 if pooling == "stride" else 1,
            dilation_rate=gap,
            padding="same" if padding == "same" else "valid",
            activation=None if batch_normalization else activation,
            use_bias=not batch_normalization,
            name=f"conv{depth}",
        )(x)
        if batch_normalization:
            x = layers.BatchNormalization(name=f"norm{depth}")(x)
            x = layers.Activation(activation, name=f"activation{depth}")(x)
        x = _pooled(x, pooling, circular=padding == "circular", depth=depth)  # 32, 32, 16 and 16, 16, 32
    join = layers.Flatten(name="flatten") if head == "flatten" else layers.GlobalAveragePooling2D(name="average")
    x = join(x)  # 8192
    x = layers.Dense(units, activation=activation, name="hidden")(x)
    if dropout:
        x = layers.Dropout(dropout, name="dropout")(x)
    return keras.Model(image, classifier(classes)(x), name="lecture_cnn")


def _pooled(x: Any, pooling: Pooling, *, circular: bool, depth: int) -> Any:
    """Halve the maps with a pooling layer; `stride` and `none` have no such layer."""
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
