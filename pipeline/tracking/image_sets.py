"""The images that a run uses, which MLflow lists as its data set inputs."""

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from mlflow.entities import Dataset, DatasetInput, InputTag
from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT

from pipeline.data.prepared import Prepared, read_prepared
from pipeline.data.splits import OWN_TESTS, SPLITS, TEST

DIGEST_LENGTH = 36  # characters, MLflow's limit


@dataclass(frozen=True)
class ImageSet:
    """`count` images of one part of a data set: `part` is `train`, `validation` or `test`, `digest` a SHA-256."""

    data: str
    source: str
    part: str
    count: int
    digest: str

    @property
    def name(self) -> str:
        """The name of the input. It differs by part, because a run lists each data set and name only once."""
        return f"{self.data} {self.part}"

    @property
    def short_digest(self) -> str:
        """As much of the digest as MLflow keeps."""
        return self.digest[:DIGEST_LENGTH]

    def as_input(self) -> DatasetInput:
        """The input as MLflow logs it."""
        return DatasetInput(
            Dataset(
                name=self.name,
                digest=self.short_digest,
                source_type="convtrack",
                source=json.dumps({"source": self.source, "sha256": self.digest}),
                profile=json.dumps({"num_rows": self.count}),
            ),
            [InputTag(MLFLOW_DATASET_CONTEXT, self.part)],
        )


def image_sets(prepared: Prepared, replicate: int | None = None) -> list[ImageSet]:
    """The training, validation and test images of a replicate, or of a whole model if `replicate` is None.

    The training and validation images of a model are both all images outside the test set, since its replicates divide
    them differently. If each replicate has its own test set, all three parts of a model are all images.
    """
    if replicate is not None:
        chosen = [prepared.splits[replicate] == value for value, _ in enumerate(SPLITS)]
    elif prepared.manifest["settings"]["split"]["strategy"] in OWN_TESTS:
        chosen = [np.ones(len(prepared.labels), bool)] * len(SPLITS)
    else:
        tested = prepared.splits[0] == TEST
        chosen = [tested if value == TEST else ~tested for value, _ in enumerate(SPLITS)]
    name, source = prepared.manifest["name"], prepared.manifest["source"]
    return [
        ImageSet(name, source, part, int(images.sum()), _digest(prepared, images))
        for part, images in zip(SPLITS, chosen, strict=True)
    ]


def image_sets_in(folder: Path, replicate: int | None = None) -> list[ImageSet]:
    """As `image_sets`, for a folder of prepared images. Cached: the trials of a sweep share a folder."""
    return _cached(folder.resolve(), (folder / "manifest.json").stat().st_mtime_ns, replicate)


@cache
def _cached(folder: Path, modified: int, replicate: int | None) -> list[ImageSet]:
    return image_sets(read_prepared(folder), replicate)


def _digest(prepared: Prepared, chosen: npt.NDArray[np.bool_]) -> str:
    return hashlib.sha256(json.dumps(prepared.sorted_digests(chosen)).encode()).hexdigest()
