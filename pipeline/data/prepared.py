"""Prepared data: a folder with the images, their splits and a manifest that describes both.

pixels.npy    uint8, n × height × width × channels
labels.npy    int64, n: index into the manifest's classes
splits.npy    uint8, replicates × n: `TRAIN`, `VALIDATION` or `TEST`
images.json   names, groups and subgroups (or null), each a list of n
manifest.json source, licence, notes, classes, subgroups, counts, digests, and mean and deviation of the training pixels

The same images, splits and settings give the same bytes.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.data.images import LabelledImages
from pipeline.data.splits import SPLITS, TRAIN, deviations
from pipeline.data.test_sets import image_digests
from pipeline.errors import UserError
from pipeline.storage.files import read_json, replacing_folder, write_json

BLOCK = 1024  # images at a time, so that copies with wider integers fit in memory


@dataclass(frozen=True, eq=False)
class Prepared:
    """Prepared data as read from its folder. Pixels stay on disk until they are used."""

    pixels: NDArray[np.uint8]  # n, height, width, channels
    labels: NDArray[np.int64]  # n
    groups: NDArray[np.str_]  # n
    subgroups: NDArray[np.str_] | None  # n
    names: NDArray[np.str_]  # n
    splits: NDArray[np.uint8]  # replicates, n
    manifest: dict[str, Any]

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, by label."""
        return tuple(self.manifest["classes"])

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        height, width, channels = self.pixels.shape[1:]
        return height, width, channels

    def indices(self, replicate: int, split: int) -> NDArray[np.int64]:
        """The indices of the images in a part (`TRAIN`, `VALIDATION` or `TEST`) of a replicate's split, ascending.

        Raises:
            ValueError: the replicate was not prepared.
        """
        if not 0 <= replicate < len(self.splits):
            raise ValueError(
                f"`replicate` must be one of the {len(self.splits)} that were prepared, from 0. Received {replicate}."
            )
        return np.flatnonzero(self.splits[replicate] == split)


def write_prepared(
    folder: Path,
    images: LabelledImages,
    splits: NDArray[np.uint8],
    *,
    settings: Mapping[str, Any],
    digests: Sequence[str] | None = None,
    name: str | None = None,
) -> None:
    """Write the folder under a temporary name and move it into place, so that no reader sees an unfinished folder.

    Args:
        folder: where to write.
        images: n images.
        splits: replicates × n.
        settings: the resolved configuration of data and split, for the manifest.
        digests: the `image_digests` of the images, computed here by default.
        name: the name of the data set, by default that of its source.
    """
    if splits.ndim != 2 or splits.shape[1] != len(images.labels):
        raise ValueError(f"`splits` must have shape (replicates, {len(images.labels)}). Received {splits.shape}.")
    table = {
        "names": images.names.tolist(),
        "groups": images.groups.tolist(),
        "subgroups": None if images.subgroups is None else images.subgroups.tolist(),
    }
    content = manifest(
        images,
        splits,
        name=name or images.source,
        settings=settings,
        digests=image_digests(images.pixels) if digests is None else digests,
    )
    with replacing_folder(folder) as unfinished:
        np.save(unfinished / "pixels.npy", images.pixels)
        np.save(unfinished / "labels.npy", images.labels.astype(np.int64))
        np.save(unfinished / "splits.npy", splits.astype(np.uint8))
        write_json(unfinished / "images.json", table)
        write_json(unfinished / "manifest.json", content)


def read_prepared(folder: Path) -> Prepared:
    """Read prepared data; the pixels are read-only.

    Raises:
        UserError: the folder does not exist, or a file in it is damaged.
    """
    read = read_manifest(folder)
    folder = Path(folder)
    table = _read_json(folder / "images.json")
    try:
        return Prepared(
            pixels=np.load(folder / "pixels.npy", mmap_mode="r"),
            labels=np.load(folder / "labels.npy"),
            groups=np.array(table["groups"]),
            subgroups=None if table["subgroups"] is None else np.array(table["subgroups"]),
            names=np.array(table["names"]),
            splits=np.load(folder / "splits.npy"),
            manifest=read,
        )
    except (FileNotFoundError, ValueError, EOFError):
        raise _damaged(folder) from None


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read only the manifest of prepared data.

    Raises:
        UserError: the folder does not exist, or the manifest is damaged.
    """
    path = Path(folder) / "manifest.json"
    if not path.is_file():
        raise UserError(f"Prepared data '{folder}' does not exist: make it with `convtrack prepare`.")
    return _read_json(path)


def _read_json(file: Path) -> dict[str, Any]:
    content: dict[str, Any] = read_json(file, problem=_damaged(file.parent))
    return content


def _damaged(folder: Path) -> UserError:
    return UserError(
        f"Prepared data '{folder}' are damaged or come from another version. Delete the folder. Then run `dvc repro`, "
        "or the same experiment again."
    )


def manifest(
    images: LabelledImages,
    splits: NDArray[np.uint8],
    *,
    name: str,
    settings: Mapping[str, Any],
    digests: Sequence[str],
) -> dict[str, Any]:
    """The content of the manifest, ready for JSON. Means and standard deviations are of pixel values 0..255."""
    sums, squares = channel_sums(images.pixels)
    balances = deviations(splits, images.labels, len(images.classes))
    replicates = []
    for split, balance in zip(splits, balances, strict=True):
        # Scaling uses training images only: test and validation images must not influence a network.
        mean, deviation = _moments(images.pixels, sums, squares, split == TRAIN)
        replicates.append(
            {
                "digest": hashlib.sha256(split.astype(np.uint8).tobytes()).hexdigest(),
                "counts": _counts(images, split),
                "balance": {split_name: part._asdict() for split_name, part in balance.items()},
                "mean": mean,
                "standard_deviation": deviation,
            }
        )
    return {
        "name": name,
        "source": images.source,
        "licence": images.licence,
        "attribution": images.attribution,
        "notes": list(images.notes),
        "classes": list(images.classes),
        "subgroups": None if images.subgroups is None else np.unique(images.subgroups).tolist(),
        "image_shape": list(images.pixels.shape[1:]),
        "images": len(images.labels),
        "groups": len(set(images.groups.tolist())),
        "settings": dict(settings),
        "digest": data_digest(images),
        "replicates": replicates,
        "image_digests": list(digests),
    }


def _counts(images: LabelledImages, split: NDArray[np.uint8]) -> dict[str, dict[str, int]]:
    """The number of images of each class in each part of a split."""
    classes = images.classes
    counts = {}
    for value, part in enumerate(SPLITS):
        numbers = np.bincount(images.labels[split == value], minlength=len(classes)).tolist()
        counts[part] = dict(zip(classes, numbers, strict=True))
    return counts


def channel_sums(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The sums of the pixel values and of their squares over each image, both n × channels.

    Integers are exact in any order of addition.
    """
    sums, squares = [], []
    for start in range(0, len(pixels), BLOCK):
        block = pixels[start : start + BLOCK].astype(np.int64)
        sums.append(block.sum(axis=(1, 2)))
        squares.append((block**2).sum(axis=(1, 2)))
    return np.concatenate(sums), np.concatenate(squares)


def data_digest(images: LabelledImages) -> str:
    """SHA-256 of shape, pixels, labels, classes, groups and any subgroups, in hexadecimal."""
    digest = hashlib.sha256(np.array(images.pixels.shape, "<i8").tobytes())
    for start in range(0, len(images.pixels), BLOCK):
        digest.update(images.pixels[start : start + BLOCK].tobytes())
    digest.update(images.labels.astype("<i8").tobytes())
    columns = [list(images.classes), images.groups.tolist()]
    if images.subgroups is not None:
        columns.append(images.subgroups.tolist())
    digest.update(json.dumps(columns).encode())
    return digest.hexdigest()


def _moments(
    pixels: NDArray[np.uint8], sums: NDArray[np.int64], squares: NDArray[np.int64], chosen: NDArray[np.bool_]
) -> tuple[list[float], list[float]]:
    values = int(chosen.sum()) * pixels.shape[1] * pixels.shape[2]
    mean = sums[chosen].sum(axis=0) / values
    variance = squares[chosen].sum(axis=0) / values - mean**2
    return mean.tolist(), np.sqrt(variance.clip(min=0)).tolist()
