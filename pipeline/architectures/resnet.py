"""Residual network (He et al. 2016, "Deep residual learning for image recognition").

The network maps an image to class probabilities. The paper has two forms:

- `cifar`, for small images (section 4.2): 6n + 2 layers with weights in n blocks each with 16, 32 and 64 maps, and
  shortcuts without parameters (option A). The paper begins with n = 3; n = 1 gives eight layers.
- `imagenet`, for larger images (section 4.1, table 1): a 7×7 convolution and a max pooling, each with stride 2, then
  stages with 64, 128, 256 and 512 maps, whose shortcuts are 1×1 convolutions where the number of maps changes (option
  B). Two blocks per stage give ResNet-18 with 11,689,512 parameters for 1,000 classes; one gives ten layers.

Shapes in comments are for a 32×32×3 image in the form `cifar`, and for a 64×64×1 image in the form `imagenet` with 16,
32, 64 and 128 maps.
"""

from typing import Annotated, Any, Literal

import keras
from keras import layers
from pydantic import Field, PositiveInt

from pipeline.layers.classifier import classifier
from pipeline.layers.shortcut import ChannelPaddedShortcut

Form = Literal["cifar", "imagenet"]

MOMENTUM = {"cifar": 0.99, "imagenet": 0.9}
"""Of the moving statistics of batch normalisation: Keras' default, and that of Torch, which the paper's authors used.

With 0.99 the statistics need hundreds of steps, which a short training does not have.
"""


def build(
    input_shape: tuple[int, int, int],
    classes: int,
    *,
    form: Form = "cifar",
    maps: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (16, 32, 64),
    blocks_per_stage: PositiveInt = 1,
) -> keras.Model:
    """Build the model: standardised images to class probabilities.

    Args:
        input_shape: Rows, columns and channels of the image.
        classes: Number of classes.
        form: The paper's form for small images, `cifar`, or for larger ones, `imagenet`.
        maps: Number of maps of each stage, not decreasing in the form `cifar`. Every stage after the first halves the
            maps, rounding up.
        blocks_per_stage: The paper's n: in the form `cifar`, 3, 5, 7, 9 and 18 give ResNet-20, 32, 44, 56 and 110.

    Raises:
        ValueError: `maps` decreases in the form `cifar`, whose shortcuts can only add maps.
    """
    if form == "cifar" and list(maps) != sorted(maps):
        raise ValueError(f"`maps` must not decrease if `form` is cifar. Received maps={list(maps)}.")
    image = keras.Input(input_shape, name="image")
    # cifar: 32, 32, 16; imagenet: 16, 16, 16
    x = _stem(image, maps[0]) if form == "imagenet" else _activated(image, maps[0], 3, form=form, name="stem")
    for stage, width in enumerate(maps, start=1):  # cifar: 32, 32, 16 to 8, 8, 64; imagenet: 16, 16, 16 to 2, 2, 128
        for block in range(1, blocks_per_stage + 1):
            strides = 2 if stage > 1 and block == 1 else 1
            x = _block(x, width, strides=strides, form=form, name=f"stage{stage}_block{block}")
    x = layers.GlobalAveragePooling2D(name="average")(x)  # 64; 128
    return keras.Model(image, classifier(classes)(x), name="resnet")


def _stem(image: Any, maps: int) -> Any:
    """A convolution and a pooling that together quarter rows and columns (table 1)."""
    x = _activated(image, maps, 7, strides=2, form="imagenet", name="stem")
    # After ReLU, zeros are the smallest value, so this padding does not change a maximum.
    x = layers.ZeroPadding2D(1, name="stem_pool_padding")(x)
    return layers.MaxPooling2D(3, strides=2, name="stem_pool")(x)


def _block(x: Any, maps: int, *, strides: int, form: Form, name: str) -> Any:
    """Two convolutions with a skip connection (figure 2)."""
    shortcut = x
    if form == "imagenet" and (strides > 1 or x.shape[-1] != maps):
        shortcut = _convolution(x, maps, 1, strides=strides, form=form, name=f"{name}_shortcut")
    elif strides > 1:
        shortcut = ChannelPaddedShortcut(maps, strides=strides, name=f"{name}_shortcut")(x)
    x = _convolution(x, maps, 3, strides=strides, form=form, name=f"{name}_conv1")
    x = layers.ReLU(name=f"{name}_relu1")(x)
    x = _convolution(x, maps, 3, form=form, name=f"{name}_conv2")
    x = layers.Add(name=f"{name}_add")([shortcut, x])
    return layers.ReLU(name=f"{name}_relu2")(x)


def _activated(x: Any, maps: int, kernel_size: int, *, strides: int = 1, form: Form, name: str) -> Any:
    x = _convolution(x, maps, kernel_size, strides=strides, form=form, name=name)
    return layers.ReLU(name=f"{name}_relu")(x)


def _convolution(x: Any, maps: int, kernel_size: int, *, strides: int = 1, form: Form, name: str) -> Any:
    """A convolution and batch normalisation, which makes a bias redundant."""
    if strides > 1 and kernel_size > 1:
        # Keras' `same` pads an even side only at its end, so kernels would not be centred on the shortcut's pixels.
        x = layers.ZeroPadding2D(kernel_size // 2, name=f"{name}_padding")(x)
    x = layers.Conv2D(
        maps,
        kernel_size,
        strides=strides,
        padding="valid" if strides > 1 else "same",
        use_bias=False,
        # As in the paper: these initial weights compensate for ReLU, which halves the variance (He et al. 2015).
        kernel_initializer="he_normal",
        name=name,
    )(x)
    return layers.BatchNormalization(momentum=MOMENTUM[form], name=f"{name}_norm")(x)
