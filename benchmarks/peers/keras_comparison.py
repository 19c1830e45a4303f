"""A bare script that trains and tests the networks of a comparison with Keras' own defaults, one after another.

It tracks nothing, and keeps neither weights nor curves. The argument is a file, JSON: a list with an entry per network.

    architecture: file of Keras' JSON
    replicates: files of arrays (npz)
    optimizer: name, learning_rate, options and schedule (name and options, or null)
    training: epochs, batch_size, patience (null: no early stopping) and class_weights (none or balanced)
    augmentation: horizontal_flip, vertical_flip, quarter_turns and shift in pixels
"""

import json
import math
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from pipeline.training.compiling import make_optimizer
from pipeline.training.task import own_modules

Floats = NDArray[np.float32]


def main() -> None:
    """Train each network on each replicate and print its test accuracy."""
    for network in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")):
        for replicate in network["replicates"]:
            print(network["architecture"], replicate, test_accuracy(network, np.load(replicate)))


def test_accuracy(network: Mapping[str, Any], data: Mapping[str, Any]) -> float:
    """Train a network on one replicate and return the share of test images that it classifies correctly."""
    training, images, labels = network["training"], data["train"], data["train_labels"].astype(int)
    steps = math.ceil(len(images) / training["batch_size"])
    model = compiled(network, steps=training["epochs"] * steps)
    # Keras trains faster on arrays than on batches made in Python.
    examples: dict[str, Any] = {"x": images, "y": column(labels), "batch_size": training["batch_size"]}
    if any(network["augmentation"].values()):
        examples = {"x": Batches(images, labels, training["batch_size"], network["augmentation"])}
    model.fit(
        **examples,
        epochs=training["epochs"],
        validation_data=(data["validation"], column(data["validation_labels"])),
        callbacks=[keras.callbacks.EarlyStopping(patience=training["patience"])] if training["patience"] else [],
        class_weight=balanced(labels) if training["class_weights"] == "balanced" else None,
        verbose=0,
    )
    probabilities = model.predict(data["test"], verbose=0)
    predicted = probabilities[:, 0] > 0.5 if probabilities.shape[1] == 1 else probabilities.argmax(axis=1)
    return float((predicted == data["test_labels"]).mean())


def compiled(network: Mapping[str, Any], *, steps: int) -> keras.Model:
    """The network with its optimizer and loss; `steps` is the number of batches in the whole training."""
    architecture = Path(network["architecture"]).read_text(encoding="utf-8")
    for module in own_modules(architecture):
        import_module(module)
    keras.utils.clear_session()
    model = keras.models.model_from_json(architecture)
    chosen = network["optimizer"]
    schedule = chosen["schedule"] and (chosen["schedule"]["name"], chosen["schedule"]["options"])
    optimizer = make_optimizer(
        chosen["name"], chosen["learning_rate"], chosen["options"], schedule=schedule, steps=steps
    )
    binary = model.output_shape[-1] == 1
    loss = "binary_crossentropy" if binary else "sparse_categorical_crossentropy"
    model.compile(optimizer, loss, metrics=["accuracy"])
    return model


class Batches(keras.utils.PyDataset):
    """Shuffled batches of augmented images, n × height × width × channels, and their labels."""

    def __init__(self, images: Floats, labels: NDArray[Any], size: int, augmentation: Mapping[str, Any]) -> None:
        """Draw the order of the first epoch."""
        super().__init__()
        self.images, self.labels, self.size = images, column(labels), size
        self.augmentation = augmentation
        self.random = np.random.default_rng()
        self.on_epoch_end()

    def __len__(self) -> int:
        """The number of batches in an epoch."""
        return math.ceil(len(self.images) / self.size)

    def __getitem__(self, index: int) -> tuple[Floats, Floats]:
        """The images and labels of a batch; the last batch of an epoch can be smaller."""
        chosen = self.order[index * self.size : (index + 1) * self.size]
        return augmented(self.images[chosen], self.random, **self.augmentation), self.labels[chosen]

    def on_epoch_end(self) -> None:
        """Draw the order of the next epoch."""
        self.order = self.random.permutation(len(self.images))


def augmented(
    images: Floats,
    random: np.random.Generator,
    *,
    horizontal_flip: bool,
    vertical_flip: bool,
    quarter_turns: bool,
    shift: int,
) -> Floats:
    """Flip, turn and shift each image of a batch at random; a border is filled by reflection."""
    count, height, width, _ = images.shape
    if horizontal_flip:
        images = np.where(random.random((count, 1, 1, 1)) < 0.5, images[:, :, ::-1], images)
    if vertical_flip:
        images = np.where(random.random((count, 1, 1, 1)) < 0.5, images[:, ::-1], images)
    if quarter_turns:
        images = np.stack([np.rot90(image, random.integers(4)) for image in images])
    if shift:
        padded = np.pad(images, ((0, 0), (shift, shift), (shift, shift), (0, 0)), mode="reflect")
        corners = random.integers(2 * shift + 1, size=(count, 2))
        cut = [
            image[top : top + height, left : left + width] for image, (top, left) in zip(padded, corners, strict=True)
        ]
        images = np.stack(cut)
    return images


def balanced(labels: NDArray[Any]) -> dict[int, float]:
    """Weights with which all classes count equally."""
    classes, counts = np.unique(labels, return_counts=True)
    return dict(zip(classes.tolist(), (len(labels) / (len(classes) * counts)).tolist(), strict=True))


def column(labels: NDArray[Any]) -> Floats:
    """The labels as Keras expects them: n × 1."""
    return labels.astype(np.float32)[:, np.newaxis]


if __name__ == "__main__":
    main()
