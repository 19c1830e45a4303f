"""Two convolutions on a signal, each followed by a pooling of two positions (MNIST-1D's notebook on pooling).

A signal is an image of 1×40×1 pixels, and every kernel has one row. Shapes in comments are for such a signal. The
notebook compares `none`, `stride`, `max`, `average` and an L2 norm; `blur` and `polyphase` are added.

The notebook's initial weights are those of PyTorch; here they follow Glorot & Bengio 2010 by default, with biases of
zero.
"""

from typing import Any, Literal

import keras
from keras import layers

from pipeline.layers.blur_pool import BlurPool2D
from pipeline.layers.classifier import classifier
from pipeline.layers.fan_in_uniform import fan_in_uniform
from pipeline.layers.polyphase import PolyphaseSampling2D

Pooling = Literal["none", "stride", "max", "average", "blur", "polyphase"]

Start = Literal["glorot", "pytorch"]

MAPS = 20


def build(
    input_shape: tuple[int, int, int], classes: int, *, pooling: Pooling = "max", start: Start = "glorot"
) -> keras.Model:
    """Build the model: standardised images to class probabilities.

    `pooling` is how each convolution's maps are halved: `stride` for convolutions with stride 2, `max` or `average` of
    two positions, `blur` for anti-aliased max pooling (Zhang 2019), `polyphase` for adaptive polyphase sampling after a
    running maximum (Chaman & Dokmanić 2021), `none` for maps of constant length. `start` is the distribution of the
    initial weights.
    """
    image = x = keras.Input(input_shape, name="image")  # 1, 40, 1
    for depth in (1, 2):  # 1, 20, 20; 1, 10, 20
        x = layers.ZeroPadding2D((0, 1), name=f"pad{depth}")(x)
        step = 2 if pooling == "stride" else 1
        initial = fan_in_uniform(3 * x.shape[-1]) if start == "pytorch" else {}
        x = layers.Conv2D(MAPS, (1, 3), strides=(1, step), activation="relu", name=f"conv{depth}", **initial)(x)
        x = _pooled(x, pooling, name=f"pool{depth}")
    x = layers.Flatten(name="flatten")(x)  # 200, or 800 without pooling
    initial = fan_in_uniform(x.shape[-1]) if start == "pytorch" else {}
    return keras.Model(image, classifier(classes, **initial)(x), name="mnist1d_pooling")


def _pooled(x: Any, pooling: Pooling, *, name: str) -> Any:
    if pooling == "max":
        return layers.MaxPooling2D((1, 2), name=name)(x)
    if pooling == "average":
        return layers.AveragePooling2D((1, 2), name=name)(x)
    if pooling in ("blur", "polyphase"):
        x = layers.MaxPooling2D((1, 2), strides=1, padding="same", name=f"{name}_max")(x)
        # Both layers halve rows, too. Two equal rows become one again, which is pooling along the signal only.
        x = layers.UpSampling2D((2, 1), name=f"{name}_rows")(x)
        return (BlurPool2D(3, name=name) if pooling == "blur" else PolyphaseSampling2D(name=name))(x)
    return x
