"""Start TensorFlow: deterministic, with a fixed number of threads and without its start-up messages."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pipeline.errors import UserError
from pipeline.training.allocator import keep_freed_memory


def start_tensorflow(threads: int | None = None) -> Any:
    """Import TensorFlow, configure it for this process and return the module.

    Weights repeat bit for bit only with deterministic kernels and the same number of threads. A caller that computes
    a result therefore sets `threads`, before it creates the first tensor. On a GPU memory grows as needed, so that
    several processes can share one.

    Raises:
        UserError: TensorFlow already runs in this process with another number of threads.
    """
    keep_freed_memory()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    # The user's environment and ~/.keras/keras.json must not change results.
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "1"
    for variable in ("TF_XLA_FLAGS", "ONEDNN_DEFAULT_FPMATH_MODE"):
        os.environ.pop(variable, None)
    with _native_messages_hidden():
        import keras
        import tensorflow as tf
    # TensorFlow's warnings, such as those about retracing, address the authors of this project, not its users.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
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
                "`training.threads` cannot change while TensorFlow runs in a process. "
                f"Received {threads}, but it runs with {running or 'all cores'}. Use a separate process."
            ) from None
    return tf


@contextmanager
def _native_messages_hidden() -> Iterator[None]:
    """Hide the messages of TensorFlow's C++ libraries while they load: no log level applies yet."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(nowhere)
        os.close(kept)
