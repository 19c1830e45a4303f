"""Start TensorFlow: quietly, with a fixed number of threads, deterministic."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pipeline.errors import UserError


def start_tensorflow(threads: int | None = None) -> Any:
    """Import TensorFlow, configure it for this process and return the module.

    Weights repeat bit for bit only with deterministic kernels and the same number of threads, so whoever computes a
    result states the threads, before the first tensor. On a GPU memory grows as needed, so that processes can share it.

    Raises:
        UserError: TensorFlow runs in this process with another number of threads; it cannot be changed afterwards.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    # What ~/.keras/keras.json or a variable says must change no result.
    os.environ["KERAS_BACKEND"] = "tensorflow"
    with _native_messages_hidden():
        import keras
        import tensorflow as tf
    keras.config.set_image_data_format("channels_last")
    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)
    tf.config.experimental.enable_op_determinism()
    if threads is not None:
        try:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(threads)
        except RuntimeError:
            running = tf.config.threading.get_intra_op_parallelism_threads()
            raise UserError(
                "`training.threads` cannot change once TensorFlow runs in a process. "
                f"Received {threads}, running with {running or 'all cores'}; use one process for each."
            ) from None
    return tf


@contextmanager
def _native_messages_hidden() -> Iterator[None]:
    """Hide what TensorFlow's C++ libraries say while they load, before any log level is in force."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(nowhere)
        os.close(kept)
