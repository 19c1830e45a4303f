"""GoogLeNet's inception modules (Szegedy et al. 2015, "Going deeper with convolutions"): an image to probabilities.

A module applies windows of several sizes side by side and concatenates the results. With all nine modules, `width=1`
and the paper's stem the network has 6,998,552 parameters for 1,000 classes, as in Caffe's GoogLeNet. Differences from
the paper: no local response normalisation (Keras does not have it, and Simonyan & Zisserman 2015 found no benefit), and
no auxiliary classifiers, which the paper removes after training. Shapes in comments are for a 64×64×1 image and the
default options.
"""

from typing import Annotated, Any, Literal

import keras
from keras import layers
from pydantic import Field

from pipeline.layers.classifier import classifier

_WIDTHS = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
"""Number of maps in each module: 1×1, before 3×3, 3×3, before 5×5, 5×5, after pooling (table 1)."""

Module = Literal["3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"]


def build(
    input_shape: tuple[int, int, int],
    classes: int,
    *,
    modules: Annotated[tuple[Module, ...], Field(min_length=1)] = ("3a", "3b", "4a"),
    width: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.25,
    stem: Literal["small", "paper"] = "small",
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.4,
) -> keras.Model:
    """Build the model: standardised images to class probabilities.

    Sides are rounded up wherever they are divided, so images may have any size.

    Args:
        input_shape: Rows, columns and channels of the image.
        classes: Number of classes.
        modules: Modules of the paper's table 1 in order. Pooling halves the maps where the number in the name changes.
        width: Factor by which the number of maps of every convolution is multiplied, rounded up.
        stem: `paper` divides the sides by 8, for images of 224×224 pixels. `small` begins with a 3×3 instead
            of a 7×7 convolution and divides the sides by 2.
        dropout: Share of the averaged features that is dropped in training.

    Raises:
        ValueError: A module occurs twice.
    """
    if len(set(modules)) < len(modules):
        raise ValueError(f"`modules` must name each module once. Received modules={list(modules)}.")
    image = x = keras.Input(input_shape, name="image")  # 64, 64, 1
    if stem == "paper":
        x = _convolution(x, _scaled(64, width), 7, strides=2, name="stem_conv1")
        x = _pooling(x, name="stem_pool1")
    else:
        x = _convolution(x, _scaled(64, width), 3, name="stem_conv1")  # 64, 64, 16
    x = _convolution(x, _scaled(64, width), 1, name="stem_reduce")
    x = _convolution(x, _scaled(192, width), 3, name="stem_conv2")  # 64, 64, 48
    x = _pooling(x, name="stem_pool2")  # 32, 32, 48
    stage = modules[0][0]
    for module in modules:  # 32, 32, 64 and 120; 16, 16, 128
        if module[0] != stage:
            x = _pooling(x, name=f"pool{stage}")
            stage = module[0]
        x = _module(x, [_scaled(maps, width) for maps in _WIDTHS[module]], name=f"inception{module}")
    x = layers.GlobalAveragePooling2D(name="average")(x)  # 128
    x = layers.Dropout(dropout, name="dropout")(x)
    return keras.Model(image, classifier(classes)(x), name="inception")


def _module(x: Any, widths: list[int], *, name: str) -> Any:
    """Four parallel paths, concatenated (figure 2b)."""
    single, before_three, three, before_five, five, after_pooling = widths
    pooled = layers.MaxPooling2D(3, strides=1, padding="same", name=f"{name}_pool")(x)
    paths = [
        _convolution(x, single, 1, name=f"{name}_1x1"),
        _convolution(_convolution(x, before_three, 1, name=f"{name}_3x3_reduce"), three, 3, name=f"{name}_3x3"),
        _convolution(_convolution(x, before_five, 1, name=f"{name}_5x5_reduce"), five, 5, name=f"{name}_5x5"),
        _convolution(pooled, after_pooling, 1, name=f"{name}_pool_proj"),
    ]
    return layers.Concatenate(name=name)(paths)


def _convolution(x: Any, maps: int, kernel_size: int, *, strides: int = 1, name: str) -> Any:
    return layers.Conv2D(maps, kernel_size, strides=strides, padding="same", activation="relu", name=name)(x)


def _pooling(x: Any, *, name: str) -> Any:
    return layers.MaxPooling2D(3, strides=2, padding="same", name=name)(x)


def _scaled(maps: int, width: float) -> int:
    return -int(-maps * width // 1)
