"""Run a packaged network: with LiteRT, which starts in less than 0.1 s, or with Keras where LiteRT cannot."""

import os
import re
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from pipeline.storage.native_output import native_errors_discarded

Floats = npt.NDArray[np.float32]

TOGETHER = 64
"""Images of a batch. Larger batches are not faster, because their feature maps leave the cache of the processor."""
OWN_MODULE = re.compile(r"pipeline(\.[a-z_][a-z0-9_]*)+", re.ASCII)
"""The name of a module of this project."""
LITERT_FILE, KERAS_FILE = "network.tflite", "network.keras"


class Runtime(Protocol):
    """A network that takes grey levels 0..255 and returns its outputs. It may be called by several threads."""

    def __call__(self, pixels: Floats) -> Floats:
        """From images (n, height, width, channels) to outputs (n, units)."""


class LiteRT:
    """A network in LiteRT's format, run by the package `ai-edge-litert`, without TensorFlow."""

    def __init__(self, file: Path, *, threads: int | None = None) -> None:
        """Load the file; `threads` is the number of cores by default."""
        from ai_edge_litert.interpreter import Interpreter

        with native_errors_discarded():  # LiteRT prints which of its delegates it uses.
            self._interpreter: Any = Interpreter(str(file), num_threads=threads or os.cpu_count())
            self._interpreter.allocate_tensors()
        (given,) = self._interpreter.get_input_details()
        self._input, self._output = given["index"], self._interpreter.get_output_details()[0]["index"]
        self._images = 1
        self._lock = Lock()

    def __call__(self, pixels: Floats) -> Floats:
        """From images (n, height, width, channels) to outputs (n, units)."""
        with self._lock:
            return in_batches(self._batch, pixels)

    def _batch(self, pixels: Floats) -> Floats:
        interpreter = self._interpreter
        if len(pixels) != self._images:
            interpreter.resize_tensor_input(self._input, pixels.shape)
            interpreter.allocate_tensors()
            self._images = len(pixels)
        interpreter.set_tensor(self._input, pixels)
        interpreter.invoke()
        outputs: Floats = interpreter.get_tensor(self._output)
        return outputs


class KerasRuntime:
    """A network in Keras' format. It needs TensorFlow, which takes seconds to import."""

    def __init__(self, file: Path, modules: Sequence[str]) -> None:
        """Load the file; `modules` define layers of the network."""
        self._network = keras_network(file, modules)

    def __call__(self, pixels: Floats) -> Floats:
        """From images (n, height, width, channels) to outputs (n, units)."""
        return in_batches(self._network.predict_on_batch, pixels)


def keras_network(file: Path, modules: Sequence[str]) -> Any:
    """The `keras.Model` in a file; `modules` define layers of it.

    Raises:
        ValueError: a module is not one of this project. It is not imported, because importing runs its code.
    """
    for module in modules:
        if not OWN_MODULE.fullmatch(module):
            raise ValueError(f"module {module!r} is not one of this project")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with native_errors_discarded():
        # TensorFlow prints messages before its log level applies: when it loads, and when it makes the first tensor.
        import keras

        keras.ops.zeros(1)
    for module in modules:
        import_module(module)
    return keras.models.load_model(file, compile=False)


def load_runtime(folder: Path, modules: Sequence[str]) -> Runtime:
    """The network in a packaged folder; `modules` define layers of a network that only Keras can run."""
    # The package has no version for some kinds of machines.
    if (folder / LITERT_FILE).is_file() and find_spec("ai_edge_litert") is not None:
        return LiteRT(folder / LITERT_FILE)
    return KerasRuntime(folder / KERAS_FILE, modules)


def in_batches(run: Any, pixels: Floats) -> Floats:
    """The outputs of a function of at most `TOGETHER` images for any number of images."""
    values = np.ascontiguousarray(pixels, np.float32)
    return np.concatenate([run(values[start : start + TOGETHER]) for start in range(0, len(values), TOGETHER)])
