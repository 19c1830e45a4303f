"""Data sets of TensorFlow Datasets on disk, such as `~/tensorflow_datasets/mnist/3.0.1`; nothing is downloaded.

The pictures are decoded as those of files. Its splits, such as train and test, are kept.
"""

import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Unpack

import numpy as np
from pydantic import Field

from pipeline.data.images import LabelledImages, Skipped
from pipeline.data.labelling import division_of, listed, part_of, positive_last
from pipeline.data.pictures.decode import decode
from pipeline.data.pictures.opening import Unreadable
from pipeline.data.pictures.picture_options import PictureOptions, decoding_of, in_lines
from pipeline.data.splits import TRAIN
from pipeline.data.user_paths import user_path
from pipeline.errors import UserError
from pipeline.storage.folders import cache_folder

CLASS_NAMES = ("pythonClassName", "python_class_name", "type")
REQUIREMENT = "tensorflow-datasets importlib_resources"


def load(
    *,
    path: Annotated[str, Field(min_length=1)],
    image: Annotated[str, Field(min_length=1)] = "image",
    label: Annotated[str, Field(min_length=1)] = "label",
    positive: str | None = None,
    **options: Unpack[PictureOptions],
) -> LabelledImages:
    """Load all splits of the data set in the folder `path`, which holds `dataset_info.json` and `features.json`.

    Args:
        path: the folder of one version.
        image: the feature with the pictures.
        label: the feature with the classes.
        positive: the class that scores such as recall refer to, by default the rarer of two classes.
        options: how pictures are read.

    Raises:
        UserError: the folder is missing, damaged or in another layout, or pictures are unreadable.
    """
    folder = user_path(path)
    builder = _builder(folder)
    classes = _classes(builder, folder, image, label)
    used = [name for name in builder.info.splits if part_of(name) is not None]
    unused = sorted(set(builder.info.splits) - set(used))
    if not used:
        raise UserError(f"TFDS data set '{folder}' must have a split for training. Found {listed(unused) or 'none'}.")
    decoded = _decoded(builder, folder, used, {"image": image, "label": label}, options)
    if not 0 <= min(decoded.labels) <= max(decoded.labels) < len(classes):
        raise UserError(
            f"TFDS data set '{folder}' is damaged: it names {len(classes)} classes, but has labels "
            f"{min(decoded.labels)} to {max(decoded.labels)}. Copy it again."
        )
    ordered, labels, notes = positive_last(classes, np.array(decoded.labels, np.int64), positive)
    division = division_of(decoded.parts)
    return LabelledImages(
        pixels=decoded.pixels[: len(labels)],
        labels=labels,
        classes=ordered,
        groups=np.array(decoded.names),
        subgroups=None,
        names=np.array(decoded.names),
        source="tfds",
        licence="not stated",
        attribution=f"Pictures: {builder.info.name}",
        notes=(*notes, *division.notes, *([f"Splits {listed(unused)} are not used."] if unused else [])),
        test=division.test,
        validation=division.validation,
        skipped=tuple(decoded.problems),
    )


def watched(*, path: str, **_: Any) -> list[Path]:
    """The files of the data set."""
    return sorted(file for file in user_path(path).glob("*") if file.is_file())


class _Decoded(NamedTuple):
    """The readable pictures of all splits, and the reasons for the others."""

    pixels: Any  # the first rows are used
    labels: list[int]
    names: list[str]
    parts: list[int]
    problems: list[Skipped]


def _decoded(
    builder: Any, folder: Path, splits: list[str], features: Mapping[str, str], options: PictureOptions
) -> _Decoded:
    count = sum(builder.info.splits[name].num_examples for name in splits)
    decoding = decoding_of(options)
    found = _Decoded(_on_disk((count, decoding.height, decoding.width, decoding.channels)), [], [], [], [])
    for split, number, encoded, label in _examples(builder, folder, splits, **features):
        name = f"{split}-{number:06d}"
        try:
            found.pixels[len(found.names)], _ = decode(encoded, decoding)
        except Unreadable as problem:
            found.problems.append(Skipped(name, str(problem)))
            continue
        found.names.append(name)
        found.labels.append(label)
        found.parts.append(part_of(split) or TRAIN)
    if found.problems and (options.get("unreadable", "stop") == "stop" or not found.names):
        raise UserError(
            f"{len(found.problems):,} of {count:,} pictures in '{folder}' cannot be read. Leave them out with option "
            f"'unreadable: skip'.{in_lines(found.problems)}"
        )
    return found


def _class_names(text: str) -> list[str]:
    """The names of classes in a `features.json`, also those of repeated keys. TFDS reads both spellings."""
    names: list[str] = []

    def gather(pairs: list[tuple[str, Any]]) -> None:
        names.extend(value for key, value in pairs if key in CLASS_NAMES and isinstance(value, str))

    json.loads(text, object_pairs_hook=gather)
    return names


def _builder(folder: Path) -> Any:
    import tensorflow_datasets

    features = folder / "features.json"
    if not features.is_file():
        raise UserError(
            f"Folder '{folder}' must be a version of a TFDS data set, with the files dataset_info.json and "
            "features.json, such as '~/tensorflow_datasets/mnist/3.0.1': set option 'path' to it."
        )
    try:
        # The package would import any module that the file names, which would run its code.
        named = _class_names(features.read_text(encoding="utf-8"))
        foreign = [name for name in named if not name.startswith("tensorflow_datasets.")]
        if foreign:
            raise UserError(f"TFDS data set '{folder}' must use features of TFDS only. Found '{foreign[0]}'.")
        return tensorflow_datasets.builder_from_directory(folder)
    except UserError:
        raise
    except Exception as error:  # The package raises many types for damaged files.
        raise _unreadable(folder, error) from None


def _classes(builder: Any, folder: Path, image: str, label: str) -> list[str]:
    features = builder.info.features
    for name, kind in ((image, "Image"), (label, "ClassLabel")):
        found = {key: type(feature).__name__ for key, feature in features.items()}
        if found.get(name) != kind:
            raise UserError(
                f"TFDS data set '{folder}' must have a feature '{name}' of type {kind}. Found "
                f"{', '.join(f'{key} ({value})' for key, value in sorted(found.items()))}: set options 'image' and "
                "'label'."
            )
    return list(features[label].names)


def _examples(
    builder: Any, folder: Path, splits: list[str], image: str, label: str
) -> Iterator[tuple[str, int, bytes, int]]:
    """Split, number, encoded picture and label of each example, in the order of the files."""
    import tensorflow_datasets as tfds

    # Examples of several files would otherwise be interleaved, and small data sets cached in memory.
    config = tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False)
    wanted = {image: True, label: True}
    decoders = tfds.decode.PartialDecoding(wanted, decoders={image: tfds.decode.SkipDecoding()})
    for name in splits:
        try:
            examples = tfds.as_numpy(builder.as_dataset(split=name, decoders=decoders, read_config=config))
            for number, example in enumerate(examples):
                yield name, number, example[image], int(example[label])
        except Exception as error:  # TensorFlow raises its own types for damaged files.
            raise _unreadable(folder, error) from None


def _unreadable(folder: Path, error: Exception) -> UserError:
    reason = " ".join(str(error).split())[:300] or type(error).__name__
    return UserError(f"TFDS data set '{folder}' cannot be read ({reason}): copy it again.")


def _on_disk(shape: tuple[int, ...]) -> Any:
    """An array in a file without a name, which disappears with the array."""
    cache_folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=cache_folder()) as file:
        return np.memmap(file, np.uint8, "w+", shape=shape)
