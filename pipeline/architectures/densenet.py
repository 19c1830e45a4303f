"""DenseNet (Huang et al. 2017, "Densely connected convolutional networks", section 3): an image to probabilities.

This is the paper's form for small images: within a block every layer reads the maps of all earlier layers and adds
`growth` maps. `blocks=[12, 12, 12]` is the paper's network with L = 40 and k = 12 (1.0 million parameters);
`blocks=[16, 16, 16]` with `bottleneck` and `compression=0.5` is its DenseNet-BC with L = 100 (0.8 million). The paper
adds dropout of 0.2 for data without augmentation, which is left out here. Shapes in comments are for a 64×64×1 image
and the default options.
"""

from typing import Annotated, Any

import keras
from keras import layers
from pydantic import Field, PositiveInt

from pipeline.layers.classifier import classifier
from pipeline.layers.normalized_relu import batch_normalized_relu


def build(
    input_shape: tuple[int, int, int],
    classes: int,
    *,
    blocks: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (3, 3, 3),
    growth: PositiveInt = 12,
    bottleneck: bool = False,
    compression: Annotated[float, Field(gt=0, le=1)] = 1.0,
) -> keras.Model:
    """Build the model: standardised images to class probabilities.

    Args:
        input_shape: Rows, columns and channels of the image, at least `2 ** (len(blocks) - 1)` rows and columns.
        classes: Number of classes.
        blocks: Number of layers of each block. Pooling between blocks halves the maps, rounding down.
        growth: Number of maps that each layer adds, the paper's k.
        bottleneck: Whether a 1×1 convolution to 4k maps precedes each 3×3 convolution.
        compression: Share of the maps that a 1×1 convolution between blocks keeps, the paper's θ.
    """
    image = keras.Input(input_shape, name="image")  # 64, 64, 1
    # 16 maps, or 2k for DenseNet-BC.
    x = _convolution(image, 2 * growth if bottleneck and compression < 1 else 16, 3, name="stem")  # 64, 64, 16
    for block, depth in enumerate(blocks, start=1):  # 64, 64, 52; 32, 32, 88; 16, 16, 124
        if block > 1:
            x = _transition(x, int(x.shape[-1] * compression) or 1, name=f"transition{block - 1}")
        for layer in range(1, depth + 1):
            name = f"block{block}_layer{layer}"
            new = batch_normalized_relu(x, name=name)
            if bottleneck:
                new = _convolution(new, 4 * growth, 1, name=f"{name}_reduce")
                new = batch_normalized_relu(new, name=f"{name}_reduce")
            new = _convolution(new, growth, 3, name=f"{name}_conv")
            x = layers.Concatenate(name=name)([x, new])
    x = batch_normalized_relu(x, name="end")
    x = layers.GlobalAveragePooling2D(name="average")(x)  # 124
    return keras.Model(image, classifier(classes)(x), name="densenet")


def _transition(x: Any, maps: int, *, name: str) -> Any:
    x = batch_normalized_relu(x, name=name)
    x = _convolution(x, maps, 1, name=f"{name}_conv")
    return layers.AveragePooling2D(2, name=f"{name}_pool")(x)


def _convolution(x: Any, maps: int, kernel_size: int, *, name: str) -> Any:
    return layers.Conv2D(
        maps,
        kernel_size,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",  # as in the paper
        name=name,
    )(x)
