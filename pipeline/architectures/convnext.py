"""ConvNeXt (Liu et al. 2022, "A ConvNet for the 2020s").

ConvNeXt-T is `stages=[[3, 96], [3, 192], [9, 384], [3, 768]]` and `patch=4`: 28,589,128 parameters for RGB images and
1,000 classes. What differs from the paper: the factors of layer scale start at 0.1 instead of 1e-6, as their inventors
advise for up to 18 blocks (Touvron et al. 2021, "Going deeper with image transformers"; at 1e-6 an optimizer whose
steps follow the gradient, such as SGD, never trains the blocks), and no block is left out at random. Sizes for a
64×64×1 image and the default options.
"""

from typing import Annotated, Any

import keras
from keras import layers
from pydantic import Field, PositiveInt

from pipeline.layers.classifier import classifier
from pipeline.layers.layer_scale import LayerScale


def build(
    input_shape: tuple[int, int, int],
    classes: int,
    *,
    stages: Annotated[tuple[tuple[PositiveInt, PositiveInt], ...], Field(min_length=1)] = ((1, 24), (1, 48), (3, 96)),
    patch: PositiveInt = 2,
    layer_scale: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.1,
) -> keras.Model:
    """Standardised images to class probabilities.

    `stages` holds for each stage how many blocks it has and of how many maps, `layer_scale` the first factor of every
    block's branch. The first convolution cuts the image into squares of `patch` pixels a side, and each stage after
    the first halves the maps, rounding down, so an image must measure at least patch * 2 ** (len(stages) - 1) pixels.
    """
    image = x = keras.Input(input_shape, name="image")  # 64, 64, 1
    for stage, (blocks, maps) in enumerate(stages, start=1):  # 32, 32, 24; 16, 16, 48; 8, 8, 96
        if stage == 1:
            x = layers.Conv2D(maps, patch, strides=patch, kernel_initializer=_drawn(), name="stem")(x)
            x = _normalised(x, name="stem")
        else:
            x = _normalised(x, name=f"downsampling{stage - 1}")
            name = f"downsampling{stage - 1}"
            x = layers.Conv2D(maps, 2, strides=2, kernel_initializer=_drawn(), name=name)(x)
        for block in range(1, blocks + 1):
            x = _block(x, maps, layer_scale=layer_scale, name=f"stage{stage}_block{block}")
    x = layers.GlobalAveragePooling2D(name="average")(x)  # 96
    x = _normalised(x, name="average")
    return keras.Model(image, classifier(classes)(x), name="convnext")


def _block(x: Any, maps: int, *, layer_scale: float, name: str) -> Any:
    """A wide depthwise convolution, then two layers at each position, and the way past them (figure 4)."""
    shortcut = x
    x = layers.DepthwiseConv2D(7, padding="same", depthwise_initializer=_drawn(), name=f"{name}_depthwise")(x)
    x = _normalised(x, name=name)
    x = layers.Dense(4 * maps, activation="gelu", kernel_initializer=_drawn(), name=f"{name}_expand")(x)
    x = layers.Dense(maps, kernel_initializer=_drawn(), name=f"{name}_project")(x)
    x = LayerScale(layer_scale, name=f"{name}_scale")(x)
    return layers.Add(name=f"{name}_add")([shortcut, x])


def _normalised(x: Any, *, name: str) -> Any:
    return layers.LayerNormalization(epsilon=1e-6, name=f"{name}_norm")(x)


def _drawn() -> keras.initializers.Initializer:
    """The paper's initial weights (appendix A.1)."""
    return keras.initializers.TruncatedNormal(stddev=0.02)
