"""The initial weights of PyTorch's linear and convolutional layers, for comparison with results of PyTorch."""

from typing import Any

import keras


def fan_in_uniform(inputs: int) -> dict[str, Any]:
    """Arguments of a Keras layer whose units have this number of inputs: kernels and biases uniform in ±1/√inputs.

    >>> fan_in_uniform(16)["bias_initializer"].maxval
    0.25
    """
    limit = inputs**-0.5
    return {
        name: keras.initializers.RandomUniform(-limit, limit) for name in ("kernel_initializer", "bias_initializer")
    }
