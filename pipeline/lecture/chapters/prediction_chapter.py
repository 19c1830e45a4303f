"""Evaluate and predict: a score for many images, probabilities for one."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from pipeline.lecture.material import TRAIN, Chapter, Material, grey, tiles

MISTAKES = 6
MODEL = "lecture_cnn_mnist"
"""The network of the comparison whose mistakes are explained."""
UNSURE = 0.8


def _values(material: Material) -> Mapping[str, Any]:
    trained = material.trained
    images = trained.standardise(trained.pixels)
    trained.network.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    loss, accuracy = trained.network.evaluate(images, trained.labels, batch_size=len(images), verbose=0)
    probabilities = trained.network.predict_on_batch(images)
    predicted = probabilities.argmax(axis=1)
    number = int(np.flatnonzero((predicted == trained.labels) & (probabilities.max(axis=1) < UNSURE))[0])
    digit = int(trained.labels[number])
    wrong = np.flatnonzero(predicted != trained.labels)
    worst = wrong[np.argsort(-probabilities[wrong, predicted[wrong]], kind="stable")][:MISTAKES]
    return {
        "train": TRAIN,
        "loss": loss,
        "accuracy": accuracy,
        "images": len(images),
        "wrong": len(wrong),
        "digit": digit,
        "picture": material.picture(
            "predicted-digit",
            grey(trained.pixels[number, ..., 0], 255),
            f"A test image of the digit {digit}.",
            factor=6,
        ),
        "probabilities": list(enumerate(probabilities[number].tolist())),
        "mistakes": material.picture(
            "mistakes",
            tiles([trained.pixels[place, ..., 0] for place in worst], MISTAKES, factor=4, gap=8),
            f"The {MISTAKES} most confident mistakes.",
        ),
        "report": material.learned(MODEL, "grad-cam", f"Mistakes of {MODEL}, explained by Grad-CAM."),
        "named": [(int(trained.labels[place]), int(predicted[place])) for place in worst],
    }


CHAPTER = Chapter(
    "evaluate-and-predict",
    "Evaluate and predict",
    "A score for images the network has never seen, and probabilities for one image.",
    _values,
)
