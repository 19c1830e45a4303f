"""Sixty tiny images, a tiny network with every kind of state, and tasks that train the network on the images."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import pandas as pd
import pytest

from pipeline.config.schema import AugmentationConfig, OptimizerConfig, ScheduleConfig, TrainingConfig
from pipeline.data.images import LabelledImages
from pipeline.data.prepared import ImageTexts, Prepared, read_prepared, write_prepared
from pipeline.data.splits import TEST, TRAIN, VALIDATION
from pipeline.storage.files import read_json
from pipeline.storage.folders import ResultFolder
from pipeline.training.examples import Portion
from pipeline.training.runtime import start_tensorflow
from pipeline.training.task import Task, make_tasks

MEAN, DEVIATION = (90.0, 130.0, 170.0), (20.0, 45.0, 70.0)

SPLIT = {"strategy": "random", "test_share": 0.1, "validation_share": 0.2, "seed": 0}

OPTIMIZER = OptimizerConfig(
    name="SGD",
    learning_rate=0.05,
    options={"momentum": 0.9},
    schedule=ScheduleConfig(name="CosineDecay", options={}),
)
TRAINING = TrainingConfig(
    epochs=6,
    batch_size=8,
    evaluation_batch_size=8,
    loop="fit",
    keep="last",
    patience=None,
    class_weights="none",
    threads=1,
    seed=0,
)
AUGMENTATION = AugmentationConfig(horizontal_flip=True, vertical_flip=False, quarter_turns=False, shift=1)


@pytest.fixture(scope="session")
def tensorflow():
    """TensorFlow with deterministic operations and the number of threads that this process already has."""
    return start_tensorflow()


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """A temporary working directory for results and checkpoints."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def prepare(tmp_path_factory) -> Callable[..., Path]:
    """Write 60 images of 8×8×1 with two replicates: 42 images for training, 11 for validation and 7 for the test.

    The class of an image is the position of a bright row, with noise.
    """

    def prepared(classes: int = 2, seed: int = 0, **changes: object) -> Path:
        random = np.random.default_rng(seed)
        labels = np.arange(60) % classes
        pixels = random.integers(140, size=(60, 8, 8, 1), dtype=np.uint8)
        pixels[np.arange(60), labels + 2] += 100
        images = LabelledImages(
            pixels=pixels,
            labels=labels,
            classes=tuple("abc"[:classes]),
            groups=np.array([f"group-{number}" for number in range(60)]),
            subgroups=None,
            names=np.array([f"image-{number}" for number in range(60)]),
            source="rows",
            licence="CC0",
            attribution="nobody",
            notes=(),
        )
        parts = np.repeat(np.array([TRAIN, VALIDATION, TEST], np.uint8), (42, 11, 7))
        splits = np.stack([np.random.default_rng([seed, replicate]).permutation(parts) for replicate in range(2)])
        folder = tmp_path_factory.mktemp("data") / "prepared"
        write_prepared(folder, replace(images, **changes), splits, settings={"data": {}, "split": SPLIT})
        return folder

    return prepared


@pytest.fixture(scope="session")
def folders(prepare) -> dict[int, Path]:
    """The folders of prepared images of two and of three classes, by number of classes."""
    return {classes: prepare(classes) for classes in (2, 3)}


@pytest.fixture(scope="session")
def portion(folders, tensorflow) -> Callable[..., Portion]:
    """A part of the first replicate of these images."""

    def part(which: int = TRAIN, classes: int = 2) -> Portion:
        from pipeline.training.examples import standardisation

        prepared = read_prepared(folders[classes])
        return Portion(prepared.pixels, prepared.labels, prepared.indices(0, which), standardisation(prepared, 0))

    return part


@pytest.fixture(scope="session")
def architecture(tensorflow) -> Callable[..., str]:
    """The JSON of a network with a convolution, normalisation, dropout and an output for the number of classes."""

    def written(classes: int = 2, filters: int = 3) -> str:
        import keras
        from keras import layers

        return keras.Sequential(
            [
                keras.Input((8, 8, 1), name="image"),
                layers.Conv2D(filters, 3, name="convolution"),
                layers.BatchNormalization(name="normalisation"),
                layers.ReLU(name="relu"),
                layers.Flatten(name="flatten"),
                layers.Dropout(0.3, name="dropout"),
                layers.Dense(1, "sigmoid", name="output")
                if classes == 2
                else layers.Dense(classes, "softmax", name="output"),
            ],
            name="tiny",
        ).to_json()

    return written


@pytest.fixture(scope="session")
def forms(tensorflow) -> dict[str, str]:
    """The JSON of networks with several inputs or outputs, normalisation and dropout, by their inputs and outputs."""
    import keras
    from keras import layers

    def written(name: str, inputs: tuple[str, ...], outputs: dict[str, int]) -> str:
        shared = (
            layers.Conv2D(3, 3, name="convolution"),
            layers.BatchNormalization(name="normalisation"),
            layers.ReLU(name="relu"),
            layers.Flatten(name="flatten"),
            layers.Dropout(0.3, name="dropout"),
        )
        given, seen = [], []
        for column in inputs:
            x = keras.Input((2,) if column == "subgroup" else (8, 8, 1), name=column)
            given.append(x)
            for layer in () if column == "subgroup" else shared:
                x = layer(x)
            seen.append(x)
        x = layers.Concatenate(name="seen")(seen) if len(seen) > 1 else seen[0]
        tensors = [
            layers.Dense(units, "sigmoid" if units == 1 else "softmax", name=column)(x)
            for column, units in outputs.items()
        ]
        return keras.Model(given, tensors, name=name).to_json()

    return {
        "two inputs": written("two_inputs", ("image", "subgroup"), {"output": 3}),
        "two outputs": written("two_outputs", ("image",), {"output": 3, "subgroup": 1}),
        "pairs": written("pairs", ("image", "partner"), {"same": 1}),
        "pairs, two outputs": written("pairs_two_outputs", ("partner", "image"), {"same": 1, "output": 3}),
    }


@pytest.fixture(scope="session")
def typed(prepare) -> Path:
    """The folder of prepared images of three classes and two subgroups."""
    return prepare(3, subgroups=np.array(["poly", "mono"])[np.random.default_rng(0).integers(2, size=60)])


@pytest.fixture(scope="session")
def tasks(architecture, folders, forms, typed) -> Callable[..., list[Task]]:
    """The tasks of both replicates; any setting of optimizer, training or augmentation can be changed.

    With the name of a form, they are those of this network on the images with subgroups.
    """

    def made(classes: int = 2, form: str | None = None, **changes: object) -> list[Task]:
        def changed(config):
            return replace(config, **{name: value for name, value in changes.items() if hasattr(config, name)})

        return make_tasks(
            architecture(classes) if form is None else forms[form],
            folders[classes] if form is None else typed,
            2,
            initial_weights=changes.get("initial_weights"),
            optimizer=changed(OPTIMIZER),
            training=changed(TRAINING),
            augmentation=changed(AUGMENTATION),
        )

    return made


@pytest.fixture(scope="session")
def colour_images() -> Prepared:
    """Thirty images of 6×5 in RGB, the second replicate with another split and another mean."""
    random = np.random.default_rng(0)
    parts = np.repeat(np.array([TRAIN, VALIDATION, TEST], np.uint8), (12, 5, 13))
    names = np.array([f"image-{number}" for number in range(30)])
    subgroups = np.array(["mono", "poly"])[random.integers(2, size=30)]
    return Prepared(
        pixels=random.integers(256, size=(30, 6, 5, 3), dtype=np.uint8),
        labels=random.integers(3, size=30),
        digests=np.zeros((30, 32), np.uint8),
        read_texts=lambda: ImageTexts(names, names, subgroups),
        splits=np.stack([random.permutation(parts), random.permutation(parts)]),
        manifest={
            "classes": ["a", "b", "c"],
            "subgroups": ["mono", "poly"],
            "replicates": [
                {"mean": MEAN, "standard_deviation": DEVIATION},
                {"mean": (0.0, 0.0, 0.0), "standard_deviation": (1.0, 1.0, 1.0)},
            ],
        },
    )


@pytest.fixture(scope="session")
def colour_network(tensorflow) -> Any:
    """A network with random weights for these images."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((6, 5, 3), name="image"),
            layers.Conv2D(4, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(3, "softmax"),
        ]
    )


@pytest.fixture(scope="session")
def forked(tensorflow) -> Any:
    """A network with two images and a subgroup as inputs and two outputs."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(1)
    image, partner = (keras.Input((6, 5, 3), name=name) for name in ("image", "partner"))
    subgroup = keras.Input((2,), name="subgroup")
    flat = layers.Flatten(name="flat")
    seen = layers.Concatenate(name="seen")([flat(image), flat(partner), subgroup])
    outputs = [
        layers.Dense(3, "softmax", name="output")(seen),
        layers.Dense(1, "sigmoid", name="same")(seen),
    ]
    return keras.Model([image, partner, subgroup], outputs, name="forked")


class Outcome(NamedTuple):
    """The result of a training for bit-by-bit comparison, without seconds."""

    weights: dict[str, list[float]]  # by path in the file
    history: dict[str, list[float]]  # by column
    record: dict[str, Any]


@pytest.fixture(scope="session")
def outcome() -> Callable[[ResultFolder], Outcome]:
    """Read the outcome of a finished training."""

    def of(result: ResultFolder) -> Outcome:
        weights = {}

        def collect(path, item):
            if isinstance(item, h5py.Dataset):
                weights[path] = item[()].tolist()

        with h5py.File(result.weights) as file:
            file.visititems(collect)
        history = pd.read_csv(result.history).to_dict("list")
        record = read_json(result.record)
        for values in (history, record):
            del values["seconds"]
        del record["sizes"][result.history.name]  # it contains the seconds
        return Outcome(weights, history, record)

    return of
