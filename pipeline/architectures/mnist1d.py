"""The networks of MNIST-1D (Greydanus & Kobak 2020, arXiv 2011.14439): signals of 40 values to class probabilities.

A signal is an image of 1×40×1 pixels, and every kernel has one row. Shapes in comments are for such a signal.

| network | layers | weights |
| --- | --- | --- |
| `mlp` | 100 hidden units, 100 more that are added to them | 15,210 |
| `cnn` | three convolutions of 25 maps with stride 2 | 5,210 |
| `dilated` | four convolutions of 25 maps with the dilations 1, 2, 4, 8, then means of eight positions | 7,060 |

`mlp` and `cnn` are those of the package's notebooks; its third network, without a hidden layer, is `logistic`.
`dilated` is ours: as many maps as `cnn` and as many inputs of the last layer, but no position is skipped.

Differences from the notebooks: the initial weights follow Glorot & Bengio 2010, and biases start at zero.
"""

from typing import Literal

import keras
from keras import layers

from pipeline.layers.classifier import classifier

MAPS = 25


def build(
    input_shape: tuple[int, int, int], classes: int, *, network: Literal["mlp", "cnn", "dilated"] = "cnn"
) -> keras.Model:
    """Build the model: standardised images to class probabilities. `network` is a name of the table above."""
    image = x = keras.Input(input_shape, name="image")  # 1, 40, 1
    if network == "mlp":
        x = layers.Flatten(name="flatten")(x)  # 40
        x = layers.Dense(100, activation="relu", name="linear1")(x)  # 100
        x = layers.Add(name="add")([x, layers.Dense(100, activation="relu", name="linear2")(x)])
    elif network == "cnn":
        for depth, width in enumerate((5, 3, 3), start=1):  # 1, 19, 25; 1, 10, 25; 1, 5, 25
            # One zero at each end, as in PyTorch; Keras' `same` would give 20 positions instead of 19.
            x = layers.ZeroPadding2D((0, 1), name=f"pad{depth}")(x)
            x = layers.Conv2D(MAPS, (1, width), strides=(1, 2), activation="relu", name=f"conv{depth}")(x)
        x = layers.Flatten(name="flatten")(x)  # 125
    else:
        for depth, gap in enumerate((1, 2, 4, 8), start=1):  # 1, 40, 25
            x = layers.Conv2D(
                MAPS, (1, 3), dilation_rate=(1, gap), padding="same", activation="relu", name=f"conv{depth}"
            )(x)
        x = layers.AveragePooling2D((1, 8), name="mean")(x)  # 1, 5, 25
        x = layers.Flatten(name="flatten")(x)  # 125
    return keras.Model(image, classifier(classes)(x), name="mnist1d")
