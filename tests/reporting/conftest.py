"""A comparison of three models on two classes, its numbers chosen by hand."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from pipeline.reporting import figures, images
from pipeline.reporting.values import Comparison, DataSummary, ModelResult

COLUMNS = ["replicate", "epoch", "train/loss", "train/accuracy", "val/loss", "val/accuracy"]
HISTORY = pd.DataFrame(
    [
        (0, 1, 0.9, 0.50, 1.0, 0.4),
        (0, 2, 0.5, 0.70, 0.6, 0.6),
        (0, 3, 0.3, 0.80, 0.5, 0.7),
        (1, 1, 0.7, 0.60, 0.8, 0.6),
        (1, 2, 0.3, 0.80, 0.4, 0.8),
    ],
    columns=COLUMNS,
)


def model(name: str, accuracy: tuple[float, ...], **changes: object) -> ModelResult:
    values: dict[str, object] = {
        "name": name,
        "architecture": name,
        "parameters": 824_201,
        "multiply_accumulates": 6_100_000,
        "receptive_field": (32, 32),
        "scores": {"accuracy": accuracy, "log_loss": tuple(1 - value for value in accuracy)},
        "train_seconds": (40.0, 42.0),
        "seconds_per_image": (0.001, 0.0014),
        "history": HISTORY,
        "classes": ("functional", "defective"),
        "confusion": np.array([[90, 10], [30, 70]]),
    }
    return ModelResult(**values | changes)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def compare() -> Callable[..., Comparison]:
    """Makes the comparison, with any of its values changed."""

    def made(*, classes: tuple[str, ...] = ("functional", "defective"), **changes: object) -> Comparison:
        counts = {
            "train": dict.fromkeys(classes, 1000) | {classes[0]: 1203},
            "test": dict.fromkeys(classes, 400),
        }
        values: dict[str, object] = {
            "data": DataSummary(
                name="elpv",
                source="elpv-dataset 1.0.0.post1",
                licence="CC BY-NC-SA 4.0",
                attribution="Deitsch et al. 2019",
                notes=("Cells of one module stay together.",),
                classes=classes,
                image_shape=(64, 64, 1),
                images=3003,
                counts=counts,
                split_strategy="one test set, drawn by group",
                largest_deviation=0.0125,
            ),
            "models": (
                model("fully_connected", (0.75, 0.77), receptive_field=None, parameters=4_260_866),
                model("lenet5", (0.90, 0.92), parameters=61_706, multiply_accumulates=416_520),
                model("resnet8", (0.90, 0.91)),
            ),
            "primary_metric": "accuracy",
            "replicates": 2,
            "commit": "3f2a9c1d5b7e",
            "dirty": False,
            "data_digest": "sha256:9f86d081",
            "versions": {"tensorflow": "2.21.0", "keras": "3.15.1"},
            "tracking_link": None,
            "mistakes": {
                "lenet5": figures.png_bytes(
                    images.mistakes(np.zeros((1, 8, 8, 1), np.uint8), ["functional"], "Deitsch et al. 2019")
                )
            },
        }
        return Comparison(**values | changes)  # type: ignore[arg-type]

    return made


@pytest.fixture(scope="session")
def comparison(compare: Callable[..., Comparison]) -> Comparison:
    return compare()


@pytest.fixture(scope="session")
def result() -> Callable[..., ModelResult]:
    return model
