"""ConvNeXt (Liu et al. 2022, "A ConvNet for the 2020s"): an image to class probabilities.

ConvNeXt-T is `stages=[[3, 96], [3, 192], [9, 384], [3, 768]]` and `patch=4`, with 28,589,128 parameters for RGB images
and 1,000 classes. Differences from the paper:

- Layer scale starts at 0.1 instead of 1e-6, as recommended for up to 18 blocks (Touvron et al. 2021, "Going deeper with
  image transformers"). With 1e-6, optimizers whose steps are proportional to the gradient, such as SGD, do not train
  the blocks.
- There is no stochastic depth.

Shapes in comments are for a 64×64×1 image and the default options.
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
    """Build the model: standardised images to class probabilities.

    Args:
        input_shape: Rows, columns and channels of the image; both sides at least `patch * 2 ** (len(stages) - 1)`.
        classes: Number of classes.
        stages: Number of blocks and of maps of each stage. Every stage after the first halves the maps, rounding down.
        patch: Side in pixels of the patches that the first convolution maps to one position each.
        layer_scale: Initial scale of the branch of every block.
    """
    image = x = keras.Input(input_shape, name="image")  # 64, 64, 1
    for stage, (blocks, maps) in enumerate(stages, start=1):  # 32, 32, 24; 16, 16, 48; 8, 8, 96
        if stage == 1:
            x = layers.Conv2D(maps, patch, strides=patch, kernel_initializer=_initializer(), name="stem")(x)
            x = _normalized(x, name="stem")
        else:
            x = _normalized(x, name=f"downsampling{stage - 1}")
            name = f"downsampling{stage - 1}"
            x = layers.Conv2D(maps, 2, strides=2, kernel_initializer=_initializer(), name=name)(x)
        for block in range(1, blocks + 1):
            x = _block(x, maps, layer_scale=layer_scale, name=f"stage{stage}_block{block}")
    x = layers.GlobalAveragePooling2D(name="average")(x)  # 96
    x = _normalized(x, name="average")
    return keras.Model(image, classifier(classes)(x), name="convnext")


def _block(x: Any, maps: int, *, layer_scale: float, name: str) -> Any:
    """A 7×7 depthwise convolution and two dense layers per position, with a skip connection (figure 4)."""
    shortcut = x
    x = layers.DepthwiseConv2D(7, padding="same", depthwise_initializer=_initializer(), name=f"{name}_depthwise")(x)
    x = _normalized(x, name=name)
    x = layers.Dense(4 * maps, activation="gelu", kernel_initializer=_initializer(), name=f"{name}_expand")(x)
    x = layers.Dense(maps, kernel_initializer=_initializer(), name=f"{name}_project")(x)
    x = LayerScale(layer_scale, name=f"{name}_scale")(x)
    return layers.Add(name=f"{name}_add")([shortcut, x])


def _normalized(x: Any, *, name: str) -> Any:
    return layers.LayerNormalization(epsilon=1e-6, name=f"{name}_norm")(x)


def _initializer() -> keras.initializers.Initializer:
    """The paper's initializer (appendix A.1)."""
    return keras.initializers.TruncatedNormal(stddev=0.02)
