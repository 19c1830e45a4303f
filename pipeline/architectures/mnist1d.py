"""The networks of MNIST-1D (Greydanus & Kobak 2020, arXiv 2011.14439): signals of 40 values to class probabilities.

A signal is an image of 1×40×1 pixels, and every kernel has one row. Shapes in comments are for such a signal.

| network | layers | weights |
| --- | --- | --- |
| `mlp` | 100 hidden units, 100 more that are added to them | 15,210 |
| `cnn` | three convolutions of 25 maps with stride 2 | 5,210 |
| `dilated` | four convolutions of 25 maps with the dilations 1, 2, 4, 8, then means of eight positions | 7,060 |

`mlp` and `cnn` are those of the package's notebooks; its third network, without a hidden layer, is `logistic`.
`dilated` is ours: as many maps as `cnn` and as many inputs of the last layer, but no position is skipped.

The notebooks' initial weights are those of PyTorch; here they follow Glorot & Bengio 2010 by default, with biases of
zero.
"""

from typing import Any, Literal

import keras
from keras import layers

from pipeline.layers.classifier import classifier
from pipeline.layers.fan_in_uniform import fan_in_uniform

Start = Literal["glorot", "pytorch"]

MAPS = 25


def build(
    input_shape: tuple[int, int, int],
    classes: int,
    *,
    network: Literal["mlp", "cnn", "dilated"] = "cnn",
    start: Start = "glorot",
) -> keras.Model:
    """Build the model: standardised images to class probabilities.

    `network` is a name of the table above, and `start` the distribution of the initial weights.
    """

    def initial(inputs: int) -> dict[str, Any]:
        return fan_in_uniform(inputs) if start == "pytorch" else {}

    image = x = keras.Input(input_shape, name="image")  # 1, 40, 1
    if network == "mlp":
        x = layers.Flatten(name="flatten")(x)  # 40
        x = layers.Dense(100, activation="relu", name="linear1", **initial(x.shape[-1]))(x)  # 100
        added = layers.Dense(100, activation="relu", name="linear2", **initial(100))(x)
        x = layers.Add(name="add")([x, added])
    elif network == "cnn":
        for depth, width in enumerate((5, 3, 3), start=1):  # 1, 19, 25; 1, 10, 25; 1, 5, 25
            # One zero at each end, as in PyTorch; Keras' `same` would give 20 positions instead of 19.
            x = layers.ZeroPadding2D((0, 1), name=f"pad{depth}")(x)
            drawn = initial(width * x.shape[-1])
            x = layers.Conv2D(MAPS, (1, width), strides=(1, 2), activation="relu", name=f"conv{depth}", **drawn)(x)
        x = layers.Flatten(name="flatten")(x)  # 125
    else:
        for depth, gap in enumerate((1, 2, 4, 8), start=1):  # 1, 40, 25
            drawn = initial(3 * x.shape[-1])
            x = layers.Conv2D(
                MAPS, (1, 3), dilation_rate=(1, gap), padding="same", activation="relu", name=f"conv{depth}", **drawn
            )(x)
        x = layers.AveragePooling2D((1, 8), name="mean")(x)  # 1, 5, 25
        x = layers.Flatten(name="flatten")(x)  # 125
    return keras.Model(image, classifier(classes, **initial(x.shape[-1]))(x), name="mnist1d")
