"""A comparison of three models on two classes with numbers chosen by hand."""

from collections.abc import Callable
from hashlib import sha256

import numpy as np
import pandas as pd
import pytest

from pipeline.evaluation.classification_curves import Calibration
from pipeline.reporting.content import Comparison, DataSummary, ModelResult, Reuse
from pipeline.reporting.figures.captioned_images import captioned_images, captioned_images_figure
from pipeline.reporting.figures.style import png_bytes
from pipeline.statistics.results import Certainty, Estimate, Pair

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


CALIBRATION = Calibration(np.array([0.6, 0.8, 0.95]), np.array([0.5, 0.8, 0.9]), np.array([40, 60, 100]), 0.045)


def pair(first: str, second: str, difference: float, verdict: str = "open", **changes: object) -> Pair:
    """A pair of models with numbers that fit the verdict; the interval is the difference ± 0.02."""
    values: dict[str, object] = {
        "low": difference - 0.02,
        "high": difference + 0.02,
        "p_value": 0.001 if verdict == "better" else 0.5,
        "adjusted": 0.003 if verdict == "better" else 1.0,
        "wins": 1.0 if verdict == "better" else 0.5,
        "wins_low": 0.9 if verdict == "better" else 0.2,
        "wins_high": 1.0 if verdict == "better" else 0.8,
        "equivalence": 0.97 if verdict == "same" else 0.1,
        "needed": None,
        "error": 0.01,
        "replicates": 10,
    }
    return Pair(first, second, difference, verdict=verdict, **values | changes)  # type: ignore[arg-type]


def certain(
    means: dict[str, float], pairs: tuple[Pair, ...] = (), ties: tuple[tuple[str, ...], ...] = (), **changes: object
) -> Certainty:
    """A certainty from means, best first: by default every pair is undecided after ten replicates."""
    open_pairs = tuple(
        pair(one, other, means[one] - means[other])
        for place, one in enumerate(means)
        for other in list(means)[place + 1 :]
    )
    values: dict[str, object] = {
        "metric": "accuracy",
        "margin": 0.01,
        "design": "crossed",
        "replicates": 10,
        "images": 120,
        "groups": 11,
        "fewest": 7,
    }
    return Certainty(
        estimates=tuple(
            Estimate(name, mean, 0.01, mean - 0.03, mean + 0.03, 0.015, 10) for name, mean in means.items()
        ),
        pairs=pairs or open_pairs,
        ties=ties or (tuple(means),),
        **values | changes,  # type: ignore[arg-type]
    )


def model(name: str, accuracy: tuple[float, ...], **changes: object) -> ModelResult:
    values: dict[str, object] = {
        "name": name,
        "architecture": name,
        "receptive_field": (32, 32),
        "scores": {"accuracy": accuracy, "log_loss": tuple(1 - value for value in accuracy)},
        "validation": {"accuracy": tuple(value + 0.01 for value in accuracy)},
        "subgroups": {"mono": {"accuracy": accuracy}, "poly": {"accuracy": tuple(value - 0.1 for value in accuracy)}},
        "calibration": CALIBRATION,
        "history": HISTORY,
        "classes": ("functional", "defective"),
        "confusion": np.array([[90, 10], [30, 70]]),
        "configuration": {"model.name": name, "model.architecture": name, "training.epochs": 3},
        "fingerprint": sha256(name.encode()).hexdigest(),
        "commit": "8d1b7e3f2a9c4c5d6e7f",
    }
    costs: dict[str, object] = {
        "parameters": (824_201,),
        "multiply_accumulates": (6_100_000,),
        "largest_activation_bytes": (262_144,),
        "train_seconds": (40.0, 42.0),
        "seconds_per_image": (0.001, 0.0014),
        "disk_bytes": (1_500_000,),
    }
    values["costs"] = costs | {key: changes.pop(key) for key in costs.keys() & changes.keys()}
    return ModelResult(**values | changes)  # type: ignore[arg-type]


def _of(models: tuple[ModelResult, ...], metric: str, replicates: int) -> Certainty:
    """A certainty with only the means of the models that predict the class of an image."""
    means = {one.name: float(np.mean(one.scores.get(metric, np.nan))) for one in models if one.other_target is None}
    sign = 1 if metric == "log_loss" else -1
    ordered = dict(sorted(means.items(), key=lambda item: (item[1] != item[1], sign * item[1], item[0])))
    return certain(ordered, metric=metric, replicates=replicates)


@pytest.fixture(scope="session")
def compare() -> Callable[..., Comparison]:
    """Return the comparison with any of its values changed."""

    def made(*, classes: tuple[str, ...] = ("functional", "defective"), **changes: object) -> Comparison:
        counts = {
            "train": dict.fromkeys(classes, 1000) | {classes[0]: 1203},
            "test": dict.fromkeys(classes, 400),
        }
        values: dict[str, object] = {
            "data": DataSummary(
                name="elpv",
                title="elpv",
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
                model("fully_connected", (0.75, 0.77), receptive_field=None, parameters=(4_260_866,)),
                model("lenet5", (0.90, 0.92), parameters=(61_706,), multiply_accumulates=(416_520,)),
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
                "lenet5": png_bytes(
                    captioned_images_figure(
                        captioned_images(np.zeros((1, 8, 8, 1), np.uint8), ["functional"], "Deitsch et al. 2019")
                    )
                )
            },
            "reuse": Reuse(evaluated=3, tuned=0, redrawn=False),
        }
        values |= changes
        if "certainty" not in changes:
            values["certainty"] = _of(values["models"], values["primary_metric"], values["replicates"])
        return Comparison(**values)  # type: ignore[arg-type]

    return made


@pytest.fixture(scope="session")
def comparison(compare: Callable[..., Comparison]) -> Comparison:
    return compare()


@pytest.fixture(scope="session")
def two() -> Callable[..., Pair]:
    return pair


@pytest.fixture(scope="session")
def known() -> Callable[..., Certainty]:
    return certain


@pytest.fixture(scope="session")
def result() -> Callable[..., ModelResult]:
    return model
