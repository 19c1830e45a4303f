"""Five networks for handwritten digits, from no hidden layer to two with shared weights (LeCun 1989).

LeCun 1989, "Generalization and network design strategies"; The Elements of Statistical Learning, section 11.7. Shapes
in comments are for the paper's 16×16 digits. Kernels have a stride of two pixels and zero padding; connections to
padding count. The units of a map share their weights but not their biases. Connections (links) and weights for ten
classes:

| network | hidden layers | links | weights |
| --- | --- | --- | --- |
| 1 | none | 2,570 | 2,570 |
| 2 | 12 fully connected units | 3,214 | 3,214 |
| 3 | 8×8 and 4×4 units, locally connected | 1,226 | 1,226 |
| 4 | two maps of 8×8 with shared weights, 4×4 units locally connected | 2,266 | 1,132 |
| 5 | two maps of 8×8 and four of 4×4, all with shared weights | 5,194 | 1,060 |

Differences from the paper: the output is a softmax trained with cross-entropy instead of one sigmoid per class (with
two classes a single unit, otherwise as many weights); tanh is not scaled; the initial weights follow Glorot & Bengio
2010.
"""

from typing import Annotated, Any

import keras
from keras import layers
from pydantic import Field

from pipeline.layers.classifier import classifier
from pipeline.layers.locally_connected import LocallyConnected2D
from pipeline.layers.position_bias import PositionBias


def build(
    input_shape: tuple[int, int, int], classes: int, *, network: Annotated[int, Field(ge=1, le=5)] = 5
) -> keras.Model:
    """Build the model: standardised images to class probabilities.

    `network` is the number in the paper. Each hidden layer with windows halves the sides of its input, rounding up.
    """
    image = x = keras.Input(input_shape, name="image")  # 16, 16, 1
    if network == 3:
        x = _local(x, 3, name="h1")  # 8, 8, 1
    if network in (4, 5):
        x = _shared(x, 2, 3, name="h1")  # 8, 8, 2
    if network in (3, 4):
        x = _local(x, 5, name="h2")  # 4, 4, 1
    if network == 5:
        x = _shared(x, 4, 5, name="h2")  # 4, 4, 4
    x = layers.Flatten(name="flatten")(x)
    if network == 2:
        x = layers.Dense(12, activation="tanh", name="h1")(x)
    return keras.Model(image, classifier(classes)(x), name="lecun1989")


def _local(x: Any, kernel_size: int, *, name: str) -> Any:
    """One map whose units have separate weights."""
    return LocallyConnected2D(1, kernel_size, strides=2, padding="same", activation="tanh", name=name)(x)


def _shared(x: Any, maps: int, kernel_size: int, *, name: str) -> Any:
    """Maps whose units share their weights and have separate biases."""
    x = layers.Conv2D(maps, kernel_size, strides=2, padding="same", use_bias=False, name=name)(x)
    x = PositionBias(name=f"{name}_bias")(x)
    return layers.Activation("tanh", name=f"{name}_tanh")(x)
