"""Batch normalisation for training with TensorFlow's fused kernel (Ioffe & Szegedy 2015).

Keras' layer computes means, variances and outputs in separate operations, each of which reads the whole tensor. The
fused kernel needs a fraction of the time. Trained and saved networks contain Keras' own layer: only the network that
`fit` trains has this one, with the same weights in the same order.
"""

import json
from typing import Any

import keras
import tensorflow as tf

LEAST_EPSILON = 1.001e-5
"""TensorFlow's function replaces smaller values by this one."""


@keras.saving.register_keras_serializable("convtrack")
class FusedBatchNormalization(keras.layers.BatchNormalization):  # type: ignore[misc]
    """Keras' batch normalisation, which computes (batch, rows, columns, channels) by the fused kernel in training.

    Outputs, gradients and moving statistics differ from Keras' by rounding errors. Inference, frozen layers and
    whatever the kernel does not compute (other axes, ranks and types, masks, `renorm`, `synchronized`) are Keras' own.
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalise by the statistics of the batch and update the moving ones, or normalise by the moving ones."""
        if not (training and self.trainable and mask is None and self._fusible(inputs)):
            return super().call(inputs, training=training, mask=mask)
        channels = inputs.shape[-1]
        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            inputs,
            scale=self.gamma if self.scale else tf.ones(channels),
            offset=self.beta if self.center else tf.zeros(channels),
            epsilon=self.epsilon,
        )
        # The kernel returns the unbiased variance, but Keras' moving variance is that of the biased one.
        count = tf.cast(tf.size(inputs) // channels, tf.float32)
        self._move(self.moving_mean, mean)
        self._move(self.moving_variance, variance * ((count - 1) / count))
        return outputs

    def _fusible(self, inputs: Any) -> bool:
        return (
            len(inputs.shape) == 4
            and self.axis in (-1, 3)
            and inputs.dtype == self.compute_dtype == self.variable_dtype == "float32"
            and self.epsilon >= LEAST_EPSILON
            and not self.renorm
            and not self.synchronized
        )

    def _move(self, moving: Any, value: Any) -> None:
        moving.assign(moving * self.momentum + value * (1.0 - self.momentum))


def with_fused_normalisation(architecture: str) -> str:
    """Return the JSON of a network in which each batch normalisation of Keras is a `FusedBatchNormalization`.

    Layers inside other layers and nested networks are included; nothing else changes.
    """

    def replaced(part: dict[str, Any]) -> dict[str, Any]:
        if part.get("class_name") != "BatchNormalization" or part.get("module") != "keras.layers":
            return part
        name = FusedBatchNormalization.__name__
        return {**part, "class_name": name, "module": __name__, "registered_name": f"convtrack>{name}"}

    return json.dumps(json.loads(architecture, object_hook=replaced))
