"""Prepared data: a folder with the images, their splits and a manifest that describes both.

pixels.npy    uint8, n × height × width × channels
labels.npy    int64, n: index into the manifest's classes
splits.npy    uint8, replicates × n: `TRAIN`, `VALIDATION` or `TEST`
digests.npy   uint8, n × 32: SHA-256 of shape and pixels of each image
weights.npy   float32, n: how much an image counts in training, if the source has weights
numbers.npy   float32, n × m: numbers that belong to each image, if the source has any
images.json   names, groups and subgroups (or null), each a list of n
manifest.json source, licence, notes, classes, subgroups, names of numbers if there are any, counts, and mean and
              deviation of the training pixels
digests.json  SHA-256 of the other files except pixels.npy

The same images, splits and settings give the same bytes.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.data.images import LabelledImages
from pipeline.data.measured import Measured, write_measured
from pipeline.data.pixel_file import IndexedPixels, PixelFile
from pipeline.data.splits import SPLITS, TRAIN, deviations
from pipeline.errors import UserError
from pipeline.storage.digests import write_digests
from pipeline.storage.files import check_complete, damaged, existing, read_json, replacing_folder, write_json
from pipeline.storage.stored_arrays import read_array

PIXELS, WEIGHTS, NUMBERS = "pixels.npy", "weights.npy", "numbers.npy"


class ImageTexts(NamedTuple):
    """The texts that belong to n images."""

    names: NDArray[np.str_]
    groups: NDArray[np.str_]
    subgroups: NDArray[np.str_] | None


@dataclass(frozen=True, eq=False)
class Prepared:
    """Prepared data as read from its folder. Pixels and texts stay on disk until they are used."""

    pixels: IndexedPixels  # n, height, width, channels
    labels: NDArray[np.int64]  # n
    splits: NDArray[np.uint8]  # replicates, n
    digests: NDArray[np.uint8]  # n, 32
    manifest: dict[str, Any]
    read_texts: Callable[[], ImageTexts]
    weights: NDArray[np.float32] | None = None  # n: how much an image counts in training
    numbers: NDArray[np.float32] | None = None  # n, m: numbers that belong to each image

    @cached_property
    def _texts(self) -> ImageTexts:
        return self.read_texts()

    @property
    def names(self) -> NDArray[np.str_]:
        """The name of each image."""
        return self._texts.names

    @property
    def groups(self) -> NDArray[np.str_]:
        """The group of each image."""
        return self._texts.groups

    @property
    def subgroups(self) -> NDArray[np.str_] | None:
        """The subgroup of each image, if there are subgroups."""
        return self._texts.subgroups

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

    def sorted_digests(self, chosen: NDArray[np.bool_]) -> list[str]:
        """The digests of the chosen of n images in hexadecimal, sorted."""
        return sorted(digest.tobytes().hex() for digest in self.digests[chosen])


def write_prepared(
    folder: Path,
    images: LabelledImages,
    splits: NDArray[np.uint8],
    *,
    settings: Mapping[str, Any],
    name: str | None = None,
) -> None:
    """Write the folder under a temporary name and move it into place, so that no reader sees an unfinished folder.

    Args:
        folder: where to write.
        images: n images.
        splits: replicates × n.
        settings: the resolved configuration of data and split, for the manifest.
        name: the name of the data set, by default that of its source.
    """
    with replacing_folder(folder) as unfinished:
        measured = write_measured(unfinished / PIXELS, images.pixels)
        write_described(unfinished, images, splits, measured, settings=settings, name=name or images.source)


def write_described(
    folder: Path,
    images: LabelledImages,
    splits: NDArray[np.uint8],
    measured: Measured,
    *,
    settings: Mapping[str, Any],
    name: str,
) -> None:
    """Write everything but the pixels into a folder; the arguments are those of `write_prepared`."""
    if splits.ndim != 2 or splits.shape[1] != len(images.labels):
        raise ValueError(f"`splits` must have shape (replicates, {len(images.labels)}). Received {splits.shape}.")
    table = {
        "names": images.names.tolist(),
        "groups": images.groups.tolist(),
        "subgroups": None if images.subgroups is None else images.subgroups.tolist(),
    }
    content = manifest(images, splits, measured, name=name, settings=settings)
    np.save(folder / "labels.npy", images.labels.astype(np.int64))
    np.save(folder / "splits.npy", splits.astype(np.uint8))
    np.save(folder / "digests.npy", measured.digests)
    for file, values in ((WEIGHTS, images.weights), (NUMBERS, images.numbers)):
        if values is not None:
            np.save(folder / file, values.astype(np.float32))
    write_json(folder / "images.json", table)
    write_json(folder / "manifest.json", content)
    # Pixels are compared with their own digests, image by image: a large file is not read for a few images.
    write_digests(folder, without=(PIXELS,))


def read_prepared(folder: Path) -> Prepared:
    """Read prepared data.

    Raises:
        UserError: the folder does not exist, or a file in it is damaged.
    """
    read = read_manifest(folder)
    folder = Path(folder)
    check_complete(folder)
    digests = read_array(folder / "digests.npy")
    return Prepared(
        pixels=_read_pixels(folder / PIXELS, digests, read["image_shape"]),
        labels=read_array(folder / "labels.npy"),
        splits=read_array(folder / "splits.npy"),
        digests=digests,
        manifest=read,
        read_texts=partial(_read_texts, folder),
        weights=_if_present(folder / WEIGHTS),
        numbers=_if_present(folder / NUMBERS),
    )


def _read_pixels(file: Path, digests: NDArray[np.uint8], shape: Sequence[int]) -> PixelFile:
    try:
        pixels = PixelFile(existing(file), digests)
    except UserError:
        raise
    except Exception:  # The header is parsed as Python, which raises nearly any exception.
        raise damaged(file) from None
    if list(pixels.shape[1:]) != list(shape):
        raise damaged(file)
    return pixels


def _if_present(file: Path) -> Any:
    return read_array(file) if file.exists() else None


def _read_texts(folder: Path) -> ImageTexts:
    table = read_json(folder / "images.json", "names", "groups", "subgroups")
    return ImageTexts(
        np.array(table["names"]),
        np.array(table["groups"]),
        None if table["subgroups"] is None else np.array(table["subgroups"]),
    )


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read only the manifest of prepared data.

    Raises:
        UserError: the folder does not exist, or the manifest is damaged.
    """
    if not Path(folder).is_dir():
        raise UserError(f"Prepared data '{folder}' does not exist: make it with `convtrack prepare`.")
    content: dict[str, Any] = read_json(Path(folder) / "manifest.json")
    return content


def manifest(
    images: LabelledImages, splits: NDArray[np.uint8], measured: Measured, *, name: str, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """The content of the manifest, ready for JSON. Means and standard deviations are of pixel values 0..255."""
    balances = deviations(splits, images.labels, len(images.classes))
    replicates = []
    for split, balance in zip(splits, balances, strict=True):
        # Scaling uses training images only: test and validation images must not influence a network.
        mean, deviation = _moments(images.pixels.shape, measured, split == TRAIN)
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
        **({"numbers": list(images.number_names)} if images.number_names else {}),
        "image_shape": list(images.pixels.shape[1:]),
        "images": len(images.labels),
        "groups": len(np.unique(images.groups)),
        "settings": dict(settings),
        "digest": data_digest(images, measured.pixel_digest),
        "replicates": replicates,
    }


def _counts(images: LabelledImages, split: NDArray[np.uint8]) -> dict[str, dict[str, int]]:
    """The number of images of each class in each part of a split."""
    classes = images.classes
    counts = {}
    for value, part in enumerate(SPLITS):
        numbers = np.bincount(images.labels[split == value], minlength=len(classes)).tolist()
        counts[part] = dict(zip(classes, numbers, strict=True))
    return counts


def data_digest(images: LabelledImages | Prepared, pixel_digest: "hashlib._Hash") -> str:
    """SHA-256 of shape, pixels, labels, classes, groups, and any other values of the images, in hexadecimal.

    `pixel_digest` is that of shape and pixels.
    """
    digest = pixel_digest.copy()
    digest.update(images.labels.astype("<i8").tobytes())
    columns = [list(images.classes), images.groups.tolist()]
    if images.subgroups is not None:
        columns.append(images.subgroups.tolist())
    digest.update(json.dumps(columns).encode())
    for values in (images.weights, images.numbers):
        if values is not None:
            digest.update(values.astype("<f4").tobytes())
    return digest.hexdigest()


def _moments(shape: tuple[int, ...], measured: Measured, chosen: NDArray[np.bool_]) -> tuple[list[float], list[float]]:
    values = int(chosen.sum()) * shape[1] * shape[2]
    mean = measured.sums[chosen].sum(axis=0) / values
    variance = measured.squares[chosen].sum(axis=0) / values - mean**2
    return mean.tolist(), np.sqrt(variance.clip(min=0)).tolist()
