"""Residual network for small images (He et al. 2016, "Deep residual learning for image recognition", section 4.2).

This is the paper's form for CIFAR-10: 6n + 2 layers with weights in n blocks each with 16, 32 and 64 maps, and
shortcuts without parameters (option A). The paper begins with n = 3; n = 1 gives eight layers. The network maps an
image to class probabilities. Shapes in comments are for a 32×32×3 image.
"""

from typing import Any

import keras
from keras import layers
from pydantic import PositiveInt

from pipeline.layers.classifier import classifier
from pipeline.layers.shortcut import ChannelPaddedShortcut


def build(input_shape: tuple[int, int, int], classes: int, *, blocks_per_stage: PositiveInt = 1) -> keras.Model:
    """Build the model: standardised images to class probabilities.

    `blocks_per_stage` is the paper's n: 3, 5, 7, 9 and 18 give ResNet-20, 32, 44, 56 and 110.
    """
    image = keras.Input(input_shape, name="image")
    x = _convolution(image, 16, name="stem")  # 32, 32, 16
    x = layers.ReLU(name="stem_relu")(x)
    for stage, filters in enumerate((16, 32, 64), start=1):  # 32, 32, 16; 16, 16, 32; 8, 8, 64
        for block in range(1, blocks_per_stage + 1):
            downsample = stage > 1 and block == 1
            x = _block(x, filters, strides=2 if downsample else 1, name=f"stage{stage}_block{block}")
    x = layers.GlobalAveragePooling2D(name="average")(x)  # 64
    return keras.Model(image, classifier(classes)(x), name="resnet")


def _block(x: Any, filters: int, *, strides: int, name: str) -> Any:
    """Two convolutions with a skip connection (figure 2)."""
    shortcut = x
    if strides > 1:
        shortcut = ChannelPaddedShortcut(filters, strides=strides, name=f"{name}_shortcut")(x)
    x = _convolution(x, filters, strides=strides, name=f"{name}_conv1")
    x = layers.ReLU(name=f"{name}_relu1")(x)
    x = _convolution(x, filters, name=f"{name}_conv2")
    x = layers.Add(name=f"{name}_add")([shortcut, x])
    return layers.ReLU(name=f"{name}_relu2")(x)


def _convolution(x: Any, filters: int, *, strides: int = 1, name: str) -> Any:
    """A 3×3 convolution and batch normalisation, which makes a bias redundant."""
    if strides > 1:
        # Keras' `same` pads an even side only at its end, so kernels would not be centred on the shortcut's pixels.
        x = layers.ZeroPadding2D(1, name=f"{name}_padding")(x)
    x = layers.Conv2D(
        filters,
        3,
        strides=strides,
        padding="valid" if strides > 1 else "same",
        use_bias=False,
        # As in the paper: these initial weights compensate for ReLU, which halves the variance (He et al. 2015).
        kernel_initializer="he_normal",
        name=name,
    )(x)
    return layers.BatchNormalization(name=f"{name}_norm")(x)
