"""A model of the comparison as the subject of an interpretation, from its run folder."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pipeline.data.prepared import Prepared
from pipeline.data.splits import TEST
from pipeline.interpretation.subject import Replicate, Subject
from pipeline.storage.files import read_json, read_network_text
from pipeline.storage.fingerprints import code_digest, fingerprint
from pipeline.storage.folders import RunFolder
from pipeline.storage.imports import import_closure
from pipeline.training.examples import IMAGE_TO_CLASS, Columns, standardisation
from pipeline.training.task import own_modules

INTERPRETING = ("pipeline.interpretation.learned_features", "pipeline.interpretation.shift_scores")


def interpretable(run: RunFolder) -> bool:
    """Whether the network of a run takes one image and predicts its class."""
    return Columns.of(read_network_text(run.architecture)) == IMAGE_TO_CLASS


def interpretation_digest(run: RunFolder, images: int) -> str:
    """The digest of everything that determines the interpretation of a trained model, 64 hexadecimal digits."""
    records = read_json(run.replicates, "replicates")["replicates"]
    own = own_modules(read_network_text(run.architecture))
    return fingerprint(
        {
            "trainings": [record["fingerprint"] for record in records],
            "images": images,
            "code": code_digest(import_closure([*INTERPRETING, *own])),
        }
    )


def subject_of(model: str, run: RunFolder, prepared: Prepared, *, images: int) -> Subject:
    """The trained model with at most `images` test images of each replicate.

    Raises:
        UserError: a file of the run is missing or damaged.
    """
    records = read_json(run.replicates, "replicates")["replicates"]
    architecture = read_network_text(run.architecture)
    numbers = [record["replicate"] for record in records]
    best = min(records, key=lambda record: float(record["kept_loss"]))["replicate"]

    def replicates() -> Iterator[Replicate]:
        return (_replicate(run, architecture, prepared, number, images) for number in numbers)

    return Subject(
        name=model,
        architecture=architecture,
        classes=prepared.classes,
        best=_replicate(run, architecture, prepared, best, images),
        replicates=replicates,
    )


def _replicate(run: RunFolder, architecture: str, prepared: Prepared, number: int, images: int) -> Replicate:
    from pipeline.training.predict import trained_network

    chosen = balanced_sample(prepared.labels, prepared.indices(number, TEST), images, seed=number)
    return Replicate(
        number=number,
        network=trained_network(architecture, run.result(number)),
        pixels=np.asarray(prepared.pixels[chosen]),
        labels=prepared.labels[chosen],
        standardise=standardisation(prepared, number),
    )


def balanced_sample(
    labels: NDArray[np.int64], indices: NDArray[np.int64], count: int, *, seed: int
) -> NDArray[np.int64]:
    """Draw at most `count` of the `indices`, as evenly as possible from all classes, in ascending order."""
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(indices)
    drawn = labels[shuffled]
    order = np.argsort(drawn, kind="stable")
    place = np.empty(len(drawn), np.int64)
    # The place of each image within its class: those in the first places are drawn, class by class.
    place[order] = np.arange(len(drawn)) - np.searchsorted(drawn[order], drawn[order])
    chosen: NDArray[np.int64] = np.sort(shuffled[np.argsort(place, kind="stable")[:count]])
    return chosen
