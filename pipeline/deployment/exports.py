"""Export a packaged network to other formats, and load each export in its own runtime.

Every export computes what `network.keras` computes: grey levels 0 to 255, float32 (n, height, width, channels), to
outputs (n, units). Standardisation is inside. All but the quantised one have the same weights.
"""

import shutil
import warnings
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pipeline.deployment.runtimes import Floats, LiteRT, Runtime, in_batches
from pipeline.errors import UserError
from pipeline.storage.files import replacing, replacing_folder
from pipeline.storage.native_output import native_errors_discarded

if TYPE_CHECKING:
    import keras

Pixels = npt.NDArray[np.uint8]

REPRESENTATIVE = 500
"""Number of training images from which a quantised network takes the range of each tensor."""


class Format(NamedTuple):
    """A format: how it is written and run.

    Attributes:
        file: the name of the file or folder of an export.
        runtime: what runs it, for tables.
        packages: modules that it needs beside TensorFlow.
        extra: the extra of this project that installs them; empty if they are always installed.
        write: writes a Keras network to a path; training images (n, height, width, channels) serve to quantise it.
        load: loads what `write` has written.
    """

    file: str
    runtime: str
    packages: tuple[str, ...]
    extra: str
    write: Callable[["keras.Model", Path, Pixels], None]
    load: Callable[[Path], Runtime]


class SavedModelRuntime:
    """A SavedModel, run by TensorFlow without Keras and without the code of the layers."""

    def __init__(self, folder: Path) -> None:
        """Load the folder."""
        import tensorflow as tf

        self._tensor = tf.constant
        self._loaded: Any = tf.saved_model.load(str(folder))  # owns the variables of `serve`

    def __call__(self, pixels: Floats) -> Floats:
        """From images (n, height, width, channels) to outputs (n, units)."""
        return in_batches(lambda batch: self._loaded.serve(self._tensor(batch)).numpy(), pixels)


class OnnxRuntime:
    """A network in ONNX, run by the package `onnxruntime` on the processor, without TensorFlow."""

    def __init__(self, file: Path) -> None:
        """Load the file."""
        import onnxruntime

        self._session: Any = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name

    def __call__(self, pixels: Floats) -> Floats:
        """From images (n, height, width, channels) to outputs (n, units)."""
        return in_batches(lambda batch: self._session.run(None, {self._input: batch})[0], pixels)


def write_saved_model(network: "keras.Model", target: Path, _: Pixels) -> None:
    """Write a TensorFlow SavedModel with the endpoint `serve`."""
    network.export(target, format="tf_saved_model", verbose=False)


def write_onnx(network: "keras.Model", target: Path, _: Pixels) -> None:
    """Write an ONNX file."""
    with warnings.catch_warnings():
        # Keras looks for `np.object`, which NumPy announces as a future scalar.
        warnings.simplefilter("ignore", FutureWarning)
        network.export(target, format="onnx", verbose=False, input_signature=list(network.inputs))


def write_litert(network: "keras.Model", target: Path, _: Pixels) -> None:
    """Write a LiteRT (TensorFlow Lite) file with float32 weights."""
    network.export(target, format="litert", verbose=False)


def write_litert_int8(network: "keras.Model", target: Path, sample: Pixels) -> None:
    """Write a LiteRT file with 8-bit weights and activations (Jacob et al. 2018, section 2).

    Inputs and outputs stay float32. An operation without an 8-bit form raises the converter's error.
    """
    import tensorflow as tf

    def examples() -> Iterator[list[Floats]]:
        for image in sample:
            yield [image[np.newaxis].astype(np.float32)]

    network.export(
        target,
        format="litert",
        verbose=False,
        optimizations=[tf.lite.Optimize.DEFAULT],
        representative_dataset=examples,
        target_spec={"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]},
    )


FORMATS: dict[str, Format] = {
    "saved_model": Format("saved_model", "TensorFlow", (), "", write_saved_model, SavedModelRuntime),
    "onnx": Format("network.onnx", "ONNX Runtime", ("tf2onnx", "onnxruntime"), "onnx", write_onnx, OnnxRuntime),
    "litert": Format("network.tflite", "LiteRT", (), "", write_litert, LiteRT),
    "litert_int8": Format("network_int8.tflite", "LiteRT", (), "", write_litert_int8, LiteRT),
}


def export(network: "keras.Model", name: str, folder: Path, sample: Pixels) -> Path:
    """Write the network in the format `name` into `folder`, and return the path of the export.

    Args:
        network: the network of `network.keras`.
        name: a key of `FORMATS`.
        folder: where to write; it is created.
        sample: uint8 training images (n, height, width, channels) that represent later pictures.

    Raises:
        UserError: a package of the format is not installed.
    """
    chosen = FORMATS[name]
    missing = [package for package in chosen.packages if find_spec(package) is None]
    if missing:
        raise UserError(
            f"Format {name} needs the package {missing[0]}, which is not installed: "
            f"run `pip install -e '.[{chosen.extra}]'`."
        )
    target = folder / chosen.file
    replaced = replacing if target.suffix else replacing_folder
    with replaced(target) as unfinished, native_errors_discarded():  # The converters print the passes that they run.
        chosen.write(network, unfinished, sample)
    return target


def remove(target: Path) -> None:
    """Delete an export, if it exists."""
    if target.is_dir():
        shutil.rmtree(target)
    else:
        target.unlink(missing_ok=True)


def size_of(target: Path) -> int:
    """The bytes of a file, or of all files in a folder."""
    if target.is_dir():
        return sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
    return target.stat().st_size
