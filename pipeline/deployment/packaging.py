"""Package trained replicates of a model as one network that classifies pictures (`pipeline.deployment.picture_model`).

The packaged network is measured as users will run it: its probabilities are compared with those of the evaluation, and
its scores come from images that it was not trained on (`pipeline.deployment.scored_images`).
"""

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from pipeline.data.pictures.decode import Decoding
from pipeline.data.prepared import Prepared
from pipeline.data.splits import TEST, TRAIN, VALIDATION
from pipeline.deployment.calibration import fitted_temperature, tempered, thresholds
from pipeline.deployment.picture_model import FORMAT, SETTINGS
from pipeline.deployment.reference import REFERENCE, Reference, make_reference, write_reference
from pipeline.deployment.runtimes import KERAS_FILE, LITERT_FILE, LiteRT, Runtime, load_runtime
from pipeline.deployment.scored_images import Answered, answered_by_one, answered_out_of_bag
from pipeline.deployment.unusual import limits
from pipeline.evaluation.class_outputs import class_probabilities
from pipeline.evaluation.metrics import scores
from pipeline.storage.files import read_json, read_network_text, write_json
from pipeline.storage.folders import RunFolder
from pipeline.training.examples import standardisation
from pipeline.training.export import served
from pipeline.training.outputs import read_outputs
from pipeline.training.predict import trained_network
from pipeline.training.task import own_modules

TOLERANCE = 1e-4
"""The largest difference between probabilities of LiteRT and Keras; a network that exceeds it runs with Keras."""
COMPARED = 512
"""Images on which LiteRT and Keras are compared, at most."""
READ_TOGETHER = 256
"""Images that are read at a time, a multiple of the batch of a runtime."""
TIMED = 5
"""Repetitions of which the median time is taken."""

Indices = npt.NDArray[np.int64]


def package(folder: Path, run: RunFolder, replicates: Sequence[int], prepared: Prepared) -> dict[str, Answered]:
    """Write the packaged network of these replicates into an existing folder.

    Returns its predictions for images that it was not trained on, by the part `validation` or `test`.

    Raises:
        UserError: a trained network is missing or damaged.
    """
    architecture = read_network_text(run.architecture)
    network = together([_replicate(architecture, run, replicate, prepared) for replicate in replicates])
    network.save(folder / KERAS_FILE)
    _export_litert(network, folder / LITERT_FILE, prepared)
    modules = own_modules(architecture)
    runtime = load_runtime(folder, modules)
    if len(replicates) == 1:
        parts = answered_by_one(prepared, replicates[0], partial(_probabilities, runtime, prepared))
    else:
        parts = answered_out_of_bag(prepared, run, replicates)
    calibration = _calibration(parts)
    reference = _reference(prepared, replicates, parts, calibration["temperature"])
    write_reference(folder / REFERENCE, reference)
    settings = {
        "format": FORMAT,
        "data": prepared.manifest["name"],
        "model": run.folder.name,
        "replicates": list(replicates),
        "data_digest": prepared.manifest["digest"],
        "splits": [prepared.manifest["replicates"][one]["digest"] for one in replicates],
        "trained": [read_json(run.result(one).record, "fingerprint")["fingerprint"] for one in replicates],
        "classes": list(prepared.classes),
        "decoding": asdict(decoding_of_data(prepared)),
        "mean_pixel": np.mean([standardisation(prepared, one).mean for one in replicates], axis=0).tolist(),
        "flag_colour": _flags_colour(prepared),
        "limits": limits(reference.training),
        "modules": modules,
        "runtime": type(runtime).__name__,
        **calibration,
        "measured": {part: _scores(one.truth, one.probabilities) for part, one in parts.items() if len(one.truth)},
        "members": {part: one.members for part, one in parts.items() if len(one.truth)},
        "agreement": _agreement(run, replicates[0], parts) if len(replicates) == 1 else None,
        "seconds_per_image": _seconds_per_image(runtime, prepared),
    }
    write_json(folder / SETTINGS, settings)
    return parts


def together(networks: Sequence[keras.Model]) -> keras.Model:
    """The mean of the probabilities of networks with the same input; of a single one, the network itself."""
    if len(networks) == 1:
        return networks[0]
    image = keras.Input(networks[0].input_shape[1:], name="image")
    for number, network in enumerate(networks):
        network.name = f"replicate_{number}"
    return keras.Model(image, keras.layers.Average()([network(image) for network in networks]), name="ensemble")


def decoding_of_data(prepared: Prepared) -> Decoding:
    """How pictures become images like the prepared ones: as their source reads pictures, if it does.

    Sources of arrays state no way of resizing. Pictures are then stretched to the size of the images.
    """
    from pipeline.data.pictures.picture_options import PictureOptions, decoding_of

    height, width, channels = prepared.image_shape
    options = prepared.manifest["settings"]["data"]["options"]
    known: Any = {name: options[name] for name in PictureOptions.__annotations__ if name in options}
    return replace(decoding_of(known), height=height, width=width, channels=channels)  # type: ignore[arg-type]


def _replicate(architecture: str, run: RunFolder, replicate: int, prepared: Prepared) -> keras.Model:
    """A trained replicate from grey levels to the probabilities of its first output."""
    network = served(trained_network(architecture, run.result(replicate)), standardisation(prepared, replicate))
    outputs = network.outputs
    return network if len(outputs) == 1 else keras.Model(network.inputs, outputs[0])


def _export_litert(network: keras.Model, file: Path, prepared: Prepared) -> None:
    """Write the network for LiteRT, unless LiteRT cannot run it or gives other probabilities."""
    images = len(prepared.labels)
    compared = np.unique(np.linspace(0, images - 1, min(images, COMPARED)).astype(np.int64))
    pixels = np.asarray(prepared.pixels[compared], np.float32)
    try:
        network.export(file, format="litert", verbose=False)
        own = class_probabilities(LiteRT(file)(pixels))
    except (RuntimeError, ValueError, NotImplementedError):
        file.unlink(missing_ok=True)
        return
    expected = class_probabilities(network.predict(pixels, verbose=0))
    if not np.abs(own - expected).max() <= TOLERANCE:
        file.unlink()


def _probabilities(runtime: Runtime, prepared: Prepared, chosen: Indices) -> npt.NDArray[np.float64]:
    if not len(chosen):
        return np.empty((0, len(prepared.classes)))
    # In blocks, because the images of a large data set do not fit into memory.
    blocks = (chosen[start : start + READ_TOGETHER] for start in range(0, len(chosen), READ_TOGETHER))
    return class_probabilities(
        np.concatenate([runtime(np.asarray(prepared.pixels[block], np.float32)) for block in blocks])
    )


def _flags_colour(prepared: Prepared) -> bool:
    """Whether a colour picture differs from the training images.

    Pictures in files may have been made grey on purpose, so this is only known of arrays.
    """
    return prepared.image_shape[2] == 1 and "path" not in prepared.manifest["settings"]["data"]["options"]


def _calibration(parts: Mapping[str, Answered]) -> dict[str, Any]:
    """Temperature and thresholds from the validation images; without any, the confidence is not calibrated."""
    validation = parts["validation"]
    if not len(validation.truth):
        return {"temperature": 1.0, "calibrated_on": 0, "thresholds": [], "measured_calibrated": {}}
    temperature = fitted_temperature(validation.truth, validation.probabilities)
    calibrated = {part: (one.truth, tempered(one.probabilities, temperature)) for part, one in parts.items()}
    test = calibrated["test"] if len(parts["test"].truth) else None
    return {
        "temperature": temperature,
        "calibrated_on": len(validation.truth),
        "thresholds": [one._asdict() for one in thresholds(calibrated["validation"], test)],
        "measured_calibrated": {part: _scores(*values) for part, values in calibrated.items() if len(values[0])},
    }


def _reference(
    prepared: Prepared, replicates: Sequence[int], parts: Mapping[str, Answered], temperature: float
) -> Reference:
    trained = (prepared.splits[list(replicates)] == TRAIN).any(axis=0)
    validation, test = (
        (parts[part].images, tempered(parts[part].probabilities, temperature)) for part in ("validation", "test")
    )
    return make_reference(prepared, np.flatnonzero(trained), validation, test)


def _scores(truth: npt.NDArray[np.int64], probabilities: npt.NDArray[np.float64]) -> dict[str, float]:
    return {"images": len(truth), **dict(scores(truth, probabilities))}


def _agreement(run: RunFolder, replicate: int, parts: Mapping[str, Answered]) -> dict[str, Any]:
    """How far the packaged network's answers are from those that the evaluation scored."""
    evaluated = read_outputs(run.result(replicate).outputs)
    pairs = [
        (class_probabilities(evaluated[part][0]), parts[name].probabilities)
        for name, part in (("validation", VALIDATION), ("test", TEST))
    ]
    return {
        "images": sum(len(own) for _, own in pairs),
        "largest_difference": max(float(np.abs(one - own).max()) for one, own in pairs if len(own)),
        "other_classes": sum(int((one.argmax(axis=1) != own.argmax(axis=1)).sum()) for one, own in pairs),
    }


def _seconds_per_image(runtime: Runtime, prepared: Prepared) -> dict[str, float]:
    """The median time of a prediction for a single image, and per image for 256 of them."""
    measured = {}
    for name, count in (("alone", 1), ("together", 256)):
        pixels = np.asarray(prepared.pixels[np.resize(np.arange(len(prepared.labels)), count)], np.float32)
        runtime(pixels)
        times = []
        for _ in range(TIMED):
            began = time.perf_counter()
            runtime(pixels)
            times.append(time.perf_counter() - began)
        measured[name] = statistics.median(times) / count
    return measured
