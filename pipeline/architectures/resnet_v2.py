"""Residual network with pre-activation (He et al. 2016, "Identity mappings in deep residual networks").

This is the paper's form for CIFAR-10: n blocks at each of three sizes, each with normalisation and activation before
its convolutions. A block of two 3×3 convolutions with 16, 32 or 64 maps gives 6n + 2 layers with weights, and its
shortcuts have no parameters. A bottleneck of 1×1, 3×3 and 1×1 convolutions, the last with 64, 128 or 256 maps, gives 9n
+ 2 layers, and its shortcuts are 1×1 convolutions where the number of maps changes. The path from the first to the last
block contains only additions. Shapes in comments are for a 32×32×3 image and blocks of two convolutions.
"""

from typing import Any

import keras
from keras import layers
from pydantic import PositiveInt

from pipeline.layers.classifier import classifier
from pipeline.layers.normalized_relu import batch_normalized_relu
from pipeline.layers.shortcut import ChannelPaddedShortcut


def build(
    input_shape: tuple[int, int, int], classes: int, *, blocks_per_stage: PositiveInt = 1, bottleneck: bool = False
) -> keras.Model:
    """Build the model: standardised images to class probabilities.

    `blocks_per_stage` is n: 18 gives ResNet-110, 18 with `bottleneck` ResNet-164, 111 with `bottleneck` ResNet-1001.
    """
    image = keras.Input(input_shape, name="image")
    x = _convolution(image, 16, 3, name="stem")  # 32, 32, 16
    # The first block is activated before its two paths separate, and an activation follows the last sum (appendix).
    x = batch_normalized_relu(x, name="stem")
    block = _bottleneck if bottleneck else _block
    for stage, filters in enumerate((16, 32, 64), start=1):  # 32, 32, 16; 16, 16, 32; 8, 8, 64
        for number in range(1, blocks_per_stage + 1):
            first = number == 1
            x = block(
                x,
                filters,
                strides=2 if first and stage > 1 else 1,
                active=first and stage == 1,
                name=f"stage{stage}_block{number}",
            )
    x = batch_normalized_relu(x, name="end")
    x = layers.GlobalAveragePooling2D(name="average")(x)  # 64
    return keras.Model(image, classifier(classes)(x), name="resnet_v2")


def _block(x: Any, filters: int, *, strides: int, active: bool, name: str) -> Any:
    """Two convolutions with a skip connection (figure 1b); `active` means that `x` is activated already."""
    shortcut = x
    if strides > 1:
        shortcut = ChannelPaddedShortcut(filters, strides=strides, name=f"{name}_shortcut")(x)
    x = x if active else batch_normalized_relu(x, name=f"{name}_1")
    x = _convolution(x, filters, 3, strides=strides, name=f"{name}_conv1")
    x = batch_normalized_relu(x, name=f"{name}_2")
    x = _convolution(x, filters, 3, name=f"{name}_conv2")
    return layers.Add(name=f"{name}_add")([shortcut, x])


def _bottleneck(x: Any, filters: int, *, strides: int, active: bool, name: str) -> Any:
    """Three convolutions with a skip connection; the outer ones reduce and restore the number of maps."""
    shortcut = x
    x = x if active else batch_normalized_relu(x, name=f"{name}_1")
    if shortcut.shape[-1] != 4 * filters:
        shortcut = _convolution(x, 4 * filters, 1, strides=strides, name=f"{name}_shortcut")
    x = _convolution(x, filters, 1, strides=strides, name=f"{name}_conv1")
    x = batch_normalized_relu(x, name=f"{name}_2")
    x = _convolution(x, filters, 3, name=f"{name}_conv2")
    x = batch_normalized_relu(x, name=f"{name}_3")
    x = _convolution(x, 4 * filters, 1, name=f"{name}_conv3")
    return layers.Add(name=f"{name}_add")([shortcut, x])


def _convolution(x: Any, filters: int, kernel_size: int, *, strides: int = 1, name: str) -> Any:
    """A convolution without bias; with `strides` 2 it halves the maps, rounding up."""
    padding = "same" if strides == 1 else "valid"
    if strides > 1 and kernel_size > 1:
        # Keras' `same` pads an even side only at its end, so kernels would not be centred on the shortcut's pixels.
        x = layers.ZeroPadding2D(kernel_size // 2, name=f"{name}_padding")(x)
    return layers.Conv2D(
        filters,
        kernel_size,
        strides=strides,
        padding=padding,
        use_bias=False,
        kernel_initializer="he_normal",  # as in the paper
        name=name,
    )(x)
